package builtin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

// Timers of the SOA and TTL of what we add ourselves, in seconds. Nobody transfers the zone; the
// last is how long "does not exist" may be remembered (RFC 2308), short so that no mistake lasts.
const (
	refresh     = 3600
	retry       = 600
	expire      = 1209600
	negativeTTL = 30
	apexTTL     = 3600
	defaultTTL  = 300
)

// node holds the sets of one name by type. An empty node is an empty non-terminal (RFC 8020).
type node map[uint16][]dns.RR

// content is a whole zone. It is never changed once built; records are copied before use.
type content struct {
	apex  string
	nodes map[string]node
	soa   *dns.SOA
}

// newContent builds a zone from its records, the SOA among them, and refuses what cannot be served.
func newContent(apex string, rrs []dns.RR) (*content, error) {
	c := &content{apex: apex, nodes: map[string]node{}}
	for _, rr := range rrs {
		if err := c.add(rr); err != nil {
			return nil, err
		}
	}
	if c.soa == nil {
		return nil, fmt.Errorf("no SOA record")
	}
	for name, n := range c.nodes {
		if len(n[dns.TypeCNAME]) > 0 && (len(n) > 1 || len(n[dns.TypeCNAME]) > 1) {
			return nil, fmt.Errorf("a CNAME at %s must be alone", name)
		}
	}
	return c, nil
}

// unserved are types whose meaning this server does not implement.
var unserved = [...]uint16{dns.TypeDNAME, dns.TypeDS, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeDNSKEY}

func (c *content) add(rr dns.RR) error {
	rr = dns.Copy(rr)
	h := rr.Header()
	h.Name = dns.CanonicalName(h.Name)
	switch soa, isSOA := rr.(*dns.SOA); {
	case h.Class != dns.ClassINET:
		return fmt.Errorf("%s is not of class IN", h.Name)
	case !failover.InZone(h.Name, c.apex):
		return fmt.Errorf("%s is outside the zone", h.Name)
	case slices.Contains(unserved[:], h.Rrtype):
		return fmt.Errorf("%s %s: this server does not serve this type", h.Name, dns.Type(h.Rrtype))
	case h.Rrtype == dns.TypeNS && h.Name != c.apex:
		return fmt.Errorf("%s NS: this server does not delegate", h.Name)
	case isSOA && (c.soa != nil || h.Name != c.apex):
		return fmt.Errorf("%s SOA: exactly one, at the apex", h.Name)
	case isSOA:
		c.soa = soa
	}
	n := c.nodes[h.Name]
	if n == nil {
		c.insert(h.Name)
		n = c.nodes[h.Name]
	}
	if set := n[h.Rrtype]; len(set) > 0 {
		if slices.ContainsFunc(set, func(other dns.RR) bool { return dns.IsDuplicate(rr, other) }) {
			return nil
		}
		h.Ttl = set[0].Header().Ttl // one TTL per set (RFC 2181 section 5.2)
	}
	n[h.Rrtype] = append(n[h.Rrtype], rr)
	return nil
}

// insert makes the node of a name, and those of the empty names above it.
func (c *content) insert(name string) {
	for c.nodes[name] == nil {
		c.nodes[name] = node{}
		parent, ok := parentOf(name)
		if name == c.apex || !ok {
			return
		}
		name = parent
	}
}

func parentOf(name string) (string, bool) {
	if name == "." {
		return "", false
	}
	i, end := dns.NextLabel(name, 0)
	if end {
		return ".", true
	}
	return name[i:], true
}

// bare tells whether the zone holds nothing but its SOA and NS records.
func (c *content) bare() bool {
	return !slices.ContainsFunc(c.rrs(), func(rr dns.RR) bool {
		return rr.Header().Rrtype != dns.TypeSOA && rr.Header().Rrtype != dns.TypeNS
	})
}

// rrs returns all records, the SOA first, in canonical order.
func (c *content) rrs() []dns.RR {
	var all []dns.RR
	for _, n := range c.nodes {
		for rrtype, set := range n {
			if rrtype != dns.TypeSOA {
				all = append(all, set...)
			}
		}
	}
	slices.SortFunc(all, func(a, b dns.RR) int { return strings.Compare(a.String(), b.String()) })
	return append([]dns.RR{c.soa}, all...)
}

func (c *content) sets() []failover.RecordSet { return wire.Sets(c.rrs()) }

// next builds the zone that follows this one: drop tells which records go, add come.
func (c *content) next(drop func(dns.RR) bool, add []dns.RR) (*content, error) {
	rrs := slices.DeleteFunc(c.rrs(), drop)
	for i, rr := range rrs {
		if soa, ok := rr.(*dns.SOA); ok {
			bumped := *soa
			bumped.Serial++ // wraps as RFC 1982 wants
			rrs[i] = &bumped
		}
	}
	return newContent(c.apex, append(rrs, add...))
}

// withNameservers returns the content with this apex NS set, or the same content if it has it already.
func (c *content) withNameservers(names []string) (*content, error) {
	var want []dns.RR
	for _, name := range names {
		h := dns.RR_Header{Name: c.apex, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: apexTTL}
		want = append(want, &dns.NS{Hdr: h, Ns: failover.CanonicalName(name)})
	}
	if failover.SameSets(wire.Sets(want), wire.Sets(c.nodes[c.apex][dns.TypeNS])) && c.soa.Ns == failover.CanonicalName(names[0]) {
		return c, nil
	}
	soa := *c.soa
	soa.Ns = failover.CanonicalName(names[0])
	soa.Serial++
	rrs := slices.DeleteFunc(c.rrs(), func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeSOA || rr.Header().Rrtype == dns.TypeNS
	})
	return newContent(c.apex, slices.Concat([]dns.RR{&soa}, want, rrs))
}

// seed makes a new zone of the lines of a configuration.
func (s *Server) seed(apex string, lines []string) (*content, error) {
	h := dns.RR_Header{Name: apex, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: apexTTL}
	rrs := []dns.RR{&dns.SOA{Hdr: h, Ns: ".", Mbox: "hostmaster." + strings.TrimPrefix(apex, "."), Serial: uint32(time.Now().Unix()),
		Refresh: refresh, Retry: retry, Expire: expire, Minttl: negativeTTL}}
	for _, line := range lines {
		p := dns.NewZoneParser(strings.NewReader(line), apex, "")
		p.SetDefaultTTL(defaultTTL)
		for rr, ok := p.Next(); ok; rr, ok = p.Next() {
			name := dns.CanonicalName(rr.Header().Name)
			if rr.Header().Rrtype == dns.TypeSOA || rr.Header().Rrtype == dns.TypeNS {
				return nil, fmt.Errorf("record %q: SOA and NS are made from nameservers", line)
			}
			if z := s.closest(name); z != nil && z.apex != apex {
				continue
			}
			if !failover.InZone(name, apex) {
				return nil, fmt.Errorf("record %q: %s is outside the zone", line, name)
			}
			rrs = append(rrs, rr)
		}
		if err := p.Err(); err != nil {
			return nil, fmt.Errorf("record %q: %w; try: \"www 300 IN A 192.0.2.1\"", line, err)
		}
	}
	return newContent(apex, rrs)
}
