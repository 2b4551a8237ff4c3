package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// The controller's own network, cut for one address family alone. Origin, references, name server and
// fallback are in both; the name server takes changes over the one that is left.
func familyRows() []row {
	return []row{
		{fault: faultNetwork, how: "IPv4 alone, origin in both, down_when = any", run: familyCut("ipv4", island{dual: true, updates6: true})},
		{fault: faultNetwork, how: "IPv6 alone, origin in both, down_when = any", run: familyCut("ipv6", island{dual: true})},
		{fault: faultNetwork, how: "IPv4 alone, origin in IPv4 alone", run: familyCut("ipv4", island{dual: true, updates6: true, origin4: true})},
	}
}

// familyCut cuts one family off, which must change nothing; and then the origin dies in all that it has.
func familyCut(family string, world island) func(t *testing.T) {
	return func(t *testing.T) {
		l := quick()
		l.site = `down_when = "any"`
		c, n := isolatedAs(t, "bind", l, world)
		c.begin(t)
		n.filter("meta nfproto "+family+` iifname "eth0" drop`, "meta nfproto "+family+` oifname "eth0" drop`)
		c.stay(t, 6*time.Second, "our own "+family+" is cut, and the origin is well")
		s, known := c.m.status("www")
		if !known || s.State.Phase == failover.InFallback || s.Verdict.Health == failover.Down {
			t.Errorf("without %s the site is in phase %s, and its origin %s: %s", family, s.State.Phase, s.Verdict.Health, s.Verdict.Detail)
		}
		if !world.origin4 && s.Verdict.Health != failover.Up {
			t.Errorf("without %s nobody sees that the origin is well: %s", family, s.Verdict.Detail)
		}
		n.filter("", "")
		c.m.waitReady(t, "www")
		c.stay(t, 2*time.Second, "our own "+family+" is back, and the origin is well")
		c.origin.set(refusing)
		c.awaitFallback(t)
		if six, err := lab.Values(c.ns.Addr, dns.Fqdn(c.hosts()[0]), dns.TypeAAAA); err != nil || strings.Join(six, " ") != c.fallback6()[0] {
			t.Errorf("the AAAA record is %v, %v; want the fallback's", six, err)
		}
		c.origin.set(well)
		c.finish(t)
		c.wantSwitches(t, 2)
	}
}

// dual tells whether the world has IPv6 too.
func (c *cell) dual() bool { return c.island != nil && c.island.dual }

// fallback6 are the fallback's addresses in IPv6, if any.
func (c *cell) fallback6() []string {
	if !c.dual() {
		return nil
	}
	return []string{c.Addr6(lab.AddrFallback).String()}
}

// doorsteps are where the fallback listens for TLS.
func (c *cell) doorsteps() []string {
	list := []string{c.AddrPort(lab.AddrFallback, 443)}
	if c.dual() {
		list = append(list, c.AddrPort6(lab.AddrFallback, 443))
	}
	return list
}

// origin6 is the origin's address in IPv6, which the zone names, be there such an origin or not.
func (c *cell) origin6() string {
	if !c.dual() {
		return "2001:db8::20"
	}
	return c.Addr6(lab.AddrOrigin).String()
}

// watched are all addresses of the origin that are looked at.
func (c *cell) watched() []string {
	if !c.dual() || c.island.origin4 {
		return c.origins()
	}
	return append(c.origins(), c.origin6())
}

// places are the references.
func (c *cell) places() (list []string) {
	for _, r := range c.references {
		list = append(list, r.addr)
	}
	return list
}

func (c *cell) nameServers() []string {
	if !c.dual() {
		return []string{c.ns.Addr}
	}
	return []string{c.ns.Addr, c.AddrPort6(lab.AddrNS, 53)}
}

// updates is the name server's address that takes changes.
func (c *cell) updates() string {
	if c.dual() && c.island.updates6 {
		return c.AddrPort6(lab.AddrNS, 53)
	}
	return c.ns.Addr
}

// quoted is the inside of a list of the configuration.
func quoted(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return `"` + strings.Join(list, `", "`) + `"`
}
