package dnsproviders

import (
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

// expectation is what a server must say of one name and type.
type expectation struct {
	name   string
	rrtype uint16
	want   *failover.RecordSet // nil: there is no such set
}

// expectations lists what to ask after a plan. Names that are proxied, and a CNAME at the apex,
// are answered with addresses that the provider makes up, so they are left out. A name with a
// CNAME holds nothing else.
func expectations(p failover.Plan) []expectation {
	var list []expectation
	for _, name := range p.Names {
		sets := failover.Select(p.After, []string{name})
		byType := map[string]*failover.RecordSet{}
		proxied := false
		for i := range sets {
			byType[sets[i].Type] = &sets[i]
			proxied = proxied || sets[i].Proxied
		}
		cname := byType[failover.TypeCNAME]
		switch {
		case proxied || cname != nil && name == p.Zone:
		case cname != nil:
			list = append(list, expectation{name, dns.TypeCNAME, cname})
		default:
			for _, rrtype := range failover.ManagedTypes() {
				if code, _ := wire.Type(rrtype); code != dns.TypeCNAME {
					list = append(list, expectation{name, code, byType[rrtype]})
				}
			}
		}
	}
	return list
}

// moved lists what to ask a resolver after a plan: the sets whose values change, asked for as
// visitors do, so that a name that becomes a CNAME is asked for what the CNAME replaces. Resolvers
// shorten and lengthen TTLs, so any TTL will do.
func moved(p failover.Plan) []expectation {
	changed := map[string]bool{}
	for _, c := range p.Changes() {
		if c.Before == nil {
			changed[c.After.Key()] = true
		} else if c.After == nil || !c.Before.SameValues(*c.After) {
			changed[c.Before.Key()] = true
		}
	}
	var list []expectation
	for _, e := range expectations(p) {
		if e.want != nil {
			loose := e.want.Clone()
			loose.TTL = math.MaxUint32
			e.want = &loose
		}
		types := []uint16{e.rrtype}
		if e.rrtype == dns.TypeCNAME {
			types = []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS}
		}
		for _, rrtype := range types {
			if changed[e.name+" "+dns.Type(e.rrtype).String()] {
				list = append(list, expectation{e.name, rrtype, e.want})
			}
		}
	}
	return list
}

// check compares the answer of an authoritative server with what is expected.
func (e expectation) check(server string, m *dns.Msg) error {
	if err := existence(server, m); err != nil {
		return err
	}
	if !m.Authoritative {
		return fmt.Errorf("answers without authority for %s", e.name)
	}
	return e.compare(m)
}

// existence returns an error unless the answer says what there is, or that there is nothing.
func existence(server string, m *dns.Msg) error {
	if m.Rcode == dns.RcodeNameError {
		return nil
	}
	return wire.Check(server, m)
}

// compare compares the records of an answer with what is expected. A lower TTL is right too.
func (e expectation) compare(m *dns.Msg) error {
	sets := wire.Sets(wire.Select(m.Answer, e.name, e.rrtype))
	if cname := wire.Select(m.Answer, e.name, dns.TypeCNAME); e.rrtype != dns.TypeCNAME && len(cname) > 0 {
		sets = wire.Sets(cname)
	}
	switch {
	case len(sets) == 0 && e.want == nil:
		return nil
	case len(sets) == 0:
		return fmt.Errorf("%s has no %s record", e.name, dns.Type(e.rrtype))
	case e.want == nil:
		return fmt.Errorf("still answers %s", sets[0])
	case !sets[0].SameValues(*e.want) || sets[0].TTL > e.want.TTL:
		return fmt.Errorf("still answers %s", sets[0])
	}
	return nil
}

// left is how long the answer to the expectation's question may be held: its TTL, or for one that
// there is nothing, that of the SOA record beside it (RFC 2308 section 5).
func (e expectation) left(m *dns.Msg) time.Duration {
	rrs := append(wire.Select(m.Answer, e.name, e.rrtype), wire.Select(m.Answer, e.name, dns.TypeCNAME)...)
	ttl := uint32(0)
	for _, set := range wire.Sets(rrs) {
		ttl = max(ttl, set.TTL)
	}
	if len(rrs) == 0 {
		for _, rr := range m.Ns {
			if soa, ok := rr.(*dns.SOA); ok {
				ttl = min(soa.Hdr.Ttl, soa.Minttl)
			}
		}
	}
	return min(time.Duration(ttl)*time.Second+time.Second, mostHeld) // TTLs are rounded down
}

// noRoute tells whether an error means that this machine cannot talk to such addresses at all.
func noRoute(err error) bool {
	for _, e := range []error{syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
