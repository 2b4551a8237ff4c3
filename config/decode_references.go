package config

import (
	"net/netip"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// references decodes what tells whether we ourselves are online.
func (l *loader) references(all []body) References {
	b, found := l.only(all, referencesSchema)
	if !found {
		b = body{loader: l, title: "references", at: l.top}
	}
	r := References{
		Interval: b.duration("interval", 5*time.Second, limits{100 * moment, time.Minute}),
		Timeout:  b.duration("timeout", 2*time.Second, limits{moment, time.Minute}),

		MassFailure: b.number("mass_failure", 50, 1, 100),
	}
	if r.Timeout > r.Interval {
		if b.has("timeout") {
			b.complain(b.attrs["timeout"].Expr.Range(), "make timeout shorter than interval",
				"%s: timeout (%s) is longer than interval (%s)", b.title, short(r.Timeout), short(r.Interval))
		}
		r.Timeout = r.Interval
	}
	if b.boolean("none", false) {
		for _, name := range []string{"tcp", "dns", "quorum"} {
			if b.has(name) {
				b.complain(b.attrs[name].NameRange, "take one of them out", "%s: none and %s contradict each other", b.title, name)
			}
		}
		l.warn(b.attrs["none"].NameRange, "give references",
			"%s: without references a controller that is offline itself takes every origin for dead", b.title)
		return r
	}
	r.Checks = b.places()
	b.quorum(&r)
	return r
}

// quorum reads how many references must answer; each address family is counted by itself.
func (b body) quorum(r *References) {
	four, six := r.count()
	r.Quorum, r.Quorum6 = majority(four), majority(six)
	if !b.has("quorum") {
		return
	}
	asked := b.number("quorum", max(1, r.Quorum, r.Quorum6), 1, 1000)
	r.Quorum, r.Quorum6 = min(asked, four), min(asked, six)
	if broken := b.length("tcp")+b.length("dns") > len(r.Checks); broken || asked <= max(four, six) {
		return
	}
	of := plural(max(four, six), "reference")
	if four > 0 && six > 0 {
		of += " in one address family"
	}
	b.complain(b.attrs["quorum"].Expr.Range(), "lower quorum, or give more references",
		"%s: quorum is %d with %s, so no switch could ever happen", b.title, asked, of)
}

// majority is more than half of n, and 0 of none.
func majority(n int) int {
	if n == 0 {
		return 0
	}
	return n/2 + 1
}

// count returns how many references are at IPv4 and at IPv6.
func (r References) count() (four, six int) {
	for _, c := range r.Checks {
		if failover.IPv6(c.Address) {
			six++
		} else {
			four++
		}
	}
	return four, six
}

// fitReferences leaves the well-known references at IPv6 out where no origin has an IPv6 address: the
// machine need not have any either.
func (l *loader) fitReferences(cfg *Config) {
	needed := slices.ContainsFunc(cfg.Sites, func(s failover.Site) bool { return slices.ContainsFunc(s.Origin, netip.Addr.Is6) })
	if needed || !l.wellKnown {
		return
	}
	r := &cfg.References
	r.Checks = slices.DeleteFunc(r.Checks, func(c Reference) bool { return failover.IPv6(c.Address) })
	r.Quorum6 = 0
	for i := range cfg.Sites {
		cfg.Sites[i].Policy.Quorum6 = 0
	}
}

// places reads the references themselves, or returns the well-known ones.
func (b body) places() []Reference {
	var out []Reference
	for _, kind := range []string{"tcp", "dns"} {
		example := map[string]string{"tcp": "192.0.2.1:443", "dns": "192.0.2.1:53"}[kind]
		for _, t := range b.texts(kind, example, false) {
			ap, ok := b.dial(kind, example, t)
			if !ok {
				continue
			}
			if at, ours := b.loader.fallback[ap.Addr().String()]; ours {
				b.complain(t.at, "take a server of somebody else",
					"%s: %s is the fallback's own address (%s), which always answers", b.title, ap.Addr(), place(at))
			}
			if b.once("the "+kind+" reference "+ap.String(), t.at, "take one out: each counts once") {
				b.loader.reference[ap.Addr().String()] = t.at
				out = append(out, Reference{Kind: kind, Address: ap.String()})
			}
		}
	}
	if b.has("tcp") || b.has("dns") {
		if b.length("tcp")+b.length("dns") == 0 {
			b.complain(b.at, "give some, or write none = true", "%s: there are no references", b.title)
		}
		return out
	}
	b.loader.wellKnown = true
	for _, address := range []string{"1.1.1.1:443", "8.8.8.8:443", "9.9.9.9:443",
		"[2606:4700:4700::1111]:443", "[2001:4860:4860::8888]:443", "[2620:fe::fe]:443"} {
		out = append(out, Reference{Kind: "tcp", Address: address})
	}
	return out
}
