package config

import (
	"cmp"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/failover-dns/failover/failover"
)

// checks decodes a site's checks, or gives it the one that suits most.
func (b body) checks(s *failover.Site) {
	all := b.each("check")
	if len(all) == 0 {
		implied := body{loader: b.loader, title: b.title, at: b.at, labels: []string{failover.CheckHTTPS, failover.CheckHTTPS}}
		s.Checks = append(s.Checks, implied.check(s.Hosts))
	}
	first := map[string]bool{}
	for _, c := range all {
		kind, name := c.labels[0], c.labels[1]
		known, found := checkSchemas[kind]
		if !found {
			kinds := slices.Sorted(maps.Keys(checkSchemas))
			b.complain(c.at, "check "+quote(cmp.Or(nearest(kind, kinds), "https"))+" "+quote(name)+" { ... }",
				"%s: a check must be one of %s, not %q", c.title, list(kinds), kind)
			continue
		}
		c.open(known)
		if c.label(name) && first[name] {
			b.complain(c.at, "give it another name", "%s: there is another check named %q", b.title, name)
		}
		first[name] = true
		s.Checks = append(s.Checks, c.check(s.Hosts))
	}
}

// check decodes one check; its body is open.
func (b body) check(hosts []failover.Host) failover.Check {
	c := failover.Check{Kind: b.labels[0], Name: b.labels[1]}
	switch c.Kind {
	case failover.CheckHTTP:
		c.Port = b.port(80)
		b.http(&c, hosts)
	case failover.CheckHTTPS:
		c.Port = b.port(443)
		b.http(&c, hosts)
		b.tls(&c)
	case failover.CheckTLS:
		c.Port = b.port(443)
		c.Host = b.host("host", hosts)
		b.tls(&c)
	case failover.CheckTCP:
		if c.Port = b.port(25); !b.has("port") {
			b.missing("port", "port = 25, the port that must accept connections")
		}
	case failover.CheckDNS:
		c.Port = b.port(53)
		b.query(&c, hosts)
	}
	b.times(&c)
	return c
}

func (b body) port(otherwise int) uint16 { return uint16(b.number("port", otherwise, 1, 65535)) }

// host reads the name to ask for; without one it is the site's first host that is no wildcard.
func (b body) host(attribute string, hosts []failover.Host) string {
	profile := hostProfile
	if attribute == "name" {
		profile = dnsProfile
	}
	if name, ok := b.name(attribute, profile); ok {
		if attribute == "host" && len(hosts) > 0 && !slices.ContainsFunc(hosts, func(h failover.Host) bool { return covers(h.Name, name) }) {
			b.warn(b.attrs[attribute].Expr.Range(), "check the spelling",
				"%s: %s %s is not one of the site's hosts", b.title, attribute, shown(name))
		}
		return shown(name)
	}
	for _, h := range hosts {
		if !strings.HasPrefix(h.Name, "*") {
			return shown(h.Name)
		}
	}
	if len(hosts) > 0 && !b.has(attribute) {
		b.missing(attribute, attribute+` = "www.example.org" to a check block: a wildcard cannot be asked for, so a check needs one name`)
	}
	return ""
}

// covers tells whether a host, perhaps a wildcard, stands for the name (RFC 6125 section 6.4.3).
func covers(host, name string) bool {
	if rest, wild := strings.CutPrefix(host, "*."); wild {
		_, parent, _ := strings.Cut(name, ".")
		return parent == rest
	}
	return host == name
}

func (b body) tls(c *failover.Check) {
	c.SkipVerify = !b.boolean("verify", true)
	c.ExpiryWarning = b.duration("expiry_warning", 14*day, limits{0, year})
}

// times reads how often and how long to look.
func (b body) times(c *failover.Check) {
	c.Interval = b.duration("interval", 10*time.Second, limits{100 * moment, time.Hour})
	c.Recheck = b.duration("recheck", min(time.Second, c.Interval), limits{10 * moment, time.Hour})
	c.Timeout = b.duration("timeout", min(5*time.Second, c.Interval), limits{moment, time.Hour})
	c.Slow = b.duration("slow", 0, limits{0, time.Hour})
	c.Recheck = b.within("recheck", c.Recheck, "interval", c.Interval)
	c.Timeout = b.within("timeout", c.Timeout, "interval", c.Interval)
	c.Slow = b.within("slow", c.Slow, "timeout", c.Timeout)
}

// within complains when one duration is longer than another that must contain it, and returns the
// shorter one.
func (b body) within(name string, d time.Duration, other string, most time.Duration) time.Duration {
	if attr, given := b.attrs[name]; given && d > most {
		b.complain(attr.Expr.Range(), "make "+name+" shorter, or "+other+" longer",
			"%s: %s (%s) is longer than %s (%s)", b.title, name, short(d), other, short(most))
	}
	return min(d, most)
}

var recordTypes = []string{"AAAA", "CAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "SVCB", "TXT"}

// query reads what a DNS check asks for.
func (b body) query(c *failover.Check, hosts []failover.Host) {
	c.Host = b.host("name", hosts)
	c.RRType = b.choice("type", "A", recordTypes...)
	t, given := b.text("answer")
	if !given {
		return
	}
	c.Answer = t.value
	if c.RRType != failover.TypeA && c.RRType != failover.TypeAAAA {
		return
	}
	a, err := netip.ParseAddr(t.value)
	if err != nil || a.Is4() != (c.RRType == failover.TypeA) {
		b.complain(t.at, "write an address, or set type", "%s: answer: %q is not what a record of type %s holds", b.title, t.value, c.RRType)
		return
	}
	c.Answer = a.String()
}

var statusPattern = regexp.MustCompile(`^([1-5]\d\d)(?:-([1-5]\d\d))?$`)

// statuses reads "200" and "301-302".
func (b body) statuses() []failover.StatusRange {
	var out []failover.StatusRange
	for _, t := range b.texts("status", "200", true) {
		m := statusPattern.FindStringSubmatch(t.value)
		if m == nil {
			b.complain(t.at, `status = ["200", "301-302"]`, "%s: status: %q is not an HTTP status or a range of them", b.title, t.value)
			continue
		}
		from, _ := strconv.Atoi(m[1])
		to := from
		if m[2] != "" {
			to, _ = strconv.Atoi(m[2])
		}
		if from > to {
			b.complain(t.at, `write the smaller number first`, "%s: status: %q is a range that holds nothing", b.title, t.value)
		}
		out = append(out, failover.StatusRange{From: from, To: to})
	}
	return out
}
