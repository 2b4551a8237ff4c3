package config

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/failover-dns/failover/failover"
)

// fallbackFresh is how long a look at our own server counts. The controller looks far more often.
const fallbackFresh = 3 * time.Minute

func (l *loader) sites(all []body, cfg *Config) []failover.Site {
	var out []failover.Site
	for _, b := range all {
		b.open(siteSchema)
		if b.label(b.labels[0]) {
			l.once("site "+quote(b.labels[0]), b.at, "give it another name, or take one out")
		}
		out = append(out, b.site(cfg.References))
	}
	if len(all) == 0 && len(l.complaints) == 0 {
		l.warn(l.top, `add site "www" { hosts = ["www.example.org"]  origin = ["203.0.113.10"] }, one attribute a line`,
			"there is no site block, so nothing is protected")
	}
	if len(all) > 0 && cfg.ACME == nil {
		l.warn(l.top, `add acme { email = "ops@example.org" }`,
			"there is no acme block, so only certificates that are already held can serve, and a host without one is never switched")
	}
	slices.SortFunc(out, func(a, b failover.Site) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// site decodes one site; its body is open.
func (b body) site(refs References) failover.Site {
	s := failover.Site{
		Name:       b.labels[0],
		Priority:   b.number("priority", 0, -1_000_000, 1_000_000),
		Page:       b.path("page", ""),
		RetryAfter: b.duration("retry_after", 5*time.Minute, limits{time.Second, day}),
		TTL:        failover.TTL{Armed: b.armedTTL()},
		Overwrite: failover.Overwrite{Hold: b.choice("on_overwrite", "reassert", "hold") == "hold",
			Grace: b.duration("overwrite_grace", 2*time.Minute, limits{0, day})},
	}
	s.Hosts = b.hosts()
	s.Records = b.records(s.Hosts)
	b.origin(&s)
	b.checks(&s)
	s.Policy = b.policy(s, refs)
	return s
}

// neighbours warns of a fallback that shares the origin's network, and so probably its fate: the rule
// same-network would refuse every switch.
func (b body) neighbours(origin netip.Addr, t text) {
	if b.loader.near {
		return
	}
	for _, own := range slices.Sorted(maps.Keys(b.loader.fallback)) {
		if a, err := netip.ParseAddr(own); err == nil {
			if network, found := failover.Neighbours(origin, a); found {
				b.warn(t.at, "run the fallback at another provider, in another network; or write same_network = true in the fallback block",
					"%s: origin: %s is in the same network (%s) as the fallback's %s: what takes the one down may take the other, so switches are refused",
					b.title, origin, network, own)
			}
		}
	}
}

// watched warns of an origin whose address family has no reference.
func (b body) watched(origin netip.Addr, t text) {
	if len(b.loader.reference) == 0 {
		return
	}
	for own := range b.loader.reference {
		if failover.IPv6(own) == origin.Is6() {
			return
		}
	}
	family := map[bool]string{false: "IPv4", true: "IPv6"}[origin.Is6()]
	b.warn(t.at, "add one to the references",
		"%s: origin: %s: no reference has an %s address, so a cut of our own %s would look like this address's failure", b.title, origin, family, family)
}

// armedTTL reads whole seconds: a TTL has no parts of a second (RFC 2181 section 8).
func (b body) armedTTL() uint32 {
	d := b.duration("armed_ttl", time.Minute, limits{time.Second, time.Hour})
	if d%time.Second != 0 {
		b.complain(b.attrs["armed_ttl"].Expr.Range(), `armed_ttl = "60s"`, "%s: armed_ttl must be whole seconds, not %s", b.title, short(d))
	}
	return uint32(d / time.Second)
}

// hosts reads the names and finds who serves each one's zone.
func (b body) hosts() []failover.Host {
	var out []failover.Host
	given := b.texts("hosts", "www.example.org", false)
	for _, t := range given {
		name, ok := b.asName("hosts", t, hostProfile, true)
		if !ok || !b.once("host "+quote(shown(name)), t.at, "let one site have the host") {
			continue
		}
		if name == b.cname.value {
			b.complain(t.at, "take a name for the fallback that is in no site",
				"%s: hosts: %s is the fallback's own cname (%s), and would lead to itself", b.title, shown(name), place(b.cname.at))
		}
		zone := b.zoneOf(name)
		switch {
		case zone != "":
			out = append(out, failover.Host{Name: name, Zone: zone, Provider: b.loader.zones[zone]})
		case !b.zonesBroken && !b.broken:
			b.complain(t.at, "add the zone to the zones of a dns block", "%s: no dns block serves a zone that holds %s", b.title, shown(name))
		}
	}
	if len(given) == 0 && (!b.has("hosts") || b.length("hosts") == 0) {
		b.missing("hosts", `hosts = ["www.example.org"], the names that move to the fallback`)
	}
	return out
}

// zoneOf returns the longest zone that holds the name, or "".
func (b body) zoneOf(name string) string {
	for name = strings.TrimPrefix(name, "*."); name != ""; {
		if _, found := b.loader.zones[name]; found {
			return name
		}
		_, name, _ = strings.Cut(name, ".")
	}
	return ""
}

// origin reads the addresses of the server that is protected.
func (b body) origin(s *failover.Site) {
	first := map[string]hcl.Range{}
	for _, t := range b.texts("origin", "203.0.113.10", false) {
		a, ok := b.address("origin", t)
		if !ok {
			continue
		}
		if _, twice := first[a.String()]; twice {
			b.complain(t.at, "take one out", "%s: origin: %s is given twice", b.title, a)
			continue
		}
		first[a.String()] = t.at
		if at, ours := b.loader.fallback[a.String()]; ours {
			b.complain(t.at, "give the address of the server that is protected, which must not be this machine",
				"%s: origin: %s is the fallback's own address (%s), so a switch would change nothing", b.title, a, place(at))
		}
		if at, reference := b.loader.reference[a.String()]; reference {
			b.complain(t.at, "take a reference elsewhere",
				"%s: origin: %s is a reference too (%s), so its failure would look like our own network's", b.title, a, place(at))
		}
		b.neighbours(a, t)
		b.watched(a, t)
		s.Origin = append(s.Origin, a)
	}
	if !b.has("origin") || b.length("origin") == 0 {
		b.missing("origin", `origin = ["203.0.113.10"], the server's own addresses`)
	}
}

// policy reads the limits; those that follow from checks and references are computed.
func (b body) policy(s failover.Site, refs References) failover.Policy {
	p := failover.Policy{
		DownAfter:      b.duration("down_after", 30*time.Second, limits{moment, day}),
		UpAfter:        b.duration("up_after", 2*time.Minute, limits{moment, day}),
		Dwell:          b.duration("dwell", 5*time.Minute, limits{0, day}),
		Quiet:          b.duration("quiet", 15*time.Minute, limits{0, 7 * day}),
		FallbackFresh:  fallbackFresh,
		Armed:          b.boolean("armed", false),
		ManualRecovery: b.choice("recovery", "automatic", "manual") == "manual",
		AnyAddress:     b.choice("down_when", "all", "any") == "any",
		MaxFailovers:   b.number("max_failovers", 6, 0, 1000),
		Addresses:      len(s.Origin),
		Hosts:          len(s.Hosts),
		Quorum:         refs.Quorum,
		Quorum6:        refs.Quorum6,
	}
	interval, recheck, timeout := refs.Interval, time.Duration(0), refs.Timeout
	if len(refs.Checks) == 0 {
		interval, timeout = 0, 0
	}
	var slowest time.Duration
	for _, c := range s.Checks {
		interval, timeout = max(interval, c.Interval), max(timeout, c.Timeout)
		recheck, slowest = max(recheck, c.Recheck), max(slowest, c.Interval)
	}
	p.Fresh = 2*interval + timeout + time.Second
	b.atLeast("down_after", p.DownAfter, "recheck", recheck, "one failed look would decide")
	b.atLeast("up_after", p.UpAfter, "interval", slowest, "one good look would decide")
	return p
}

// atLeast complains when a limit is shorter than the time between two looks.
func (b body) atLeast(name string, limit time.Duration, other string, least time.Duration, because string) {
	if limit >= least {
		return
	}
	at := b.at
	if attr, given := b.attrs[name]; given {
		at = attr.Expr.Range()
	}
	b.complain(at, "make "+name+" at least "+short(least)+", or shorten the checks' "+other,
		"%s: %s (%s) is shorter than the checks' %s (%s), so %s", b.title, name, short(limit), other, short(least), because)
}
