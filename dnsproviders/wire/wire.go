// Package wire is the one place where record sets meet the DNS protocol: it converts between
// failover.RecordSet and github.com/miekg/dns, asks servers over UDP and TCP with time limits and
// TSIG, and sorts what they answer into kinds of error. It caches nothing and retries nothing.
package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/failover"
)

// Value returns the RDATA of a record in canonical presentation format: addresses as netip
// prints them, the targets of CNAME, SVCB and HTTPS in lower case, SvcParams in order of key.
// Everything else is as miekg/dns prints it.
func Value(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.A:
		if a, ok := netip.AddrFromSlice(rr.A.To4()); ok {
			return a.String()
		}
	case *dns.AAAA:
		if a, ok := netip.AddrFromSlice(rr.AAAA.To16()); ok {
			return a.String()
		}
	case *dns.CNAME:
		return dns.CanonicalName(rr.Target)
	case *dns.HTTPS:
		return svcb(rr.SVCB)
	case *dns.SVCB:
		return svcb(*rr)
	case *dns.RFC3597: // its String has a header of its own
		return fmt.Sprintf(`\# %d %s`, len(rr.Rdata)/2, rr.Rdata)
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}

func svcb(rr dns.SVCB) string {
	rr.Value = slices.SortedStableFunc(slices.Values(rr.Value), func(a, b dns.SVCBKeyValue) int { return int(a.Key()) - int(b.Key()) })
	rr.Target = dns.CanonicalName(rr.Target)
	return strings.TrimPrefix(rr.String(), rr.Hdr.String())
}

// Sets groups records into record sets, sorted, each value once. The TTL of a set whose records
// disagree is the lowest one (RFC 2181 section 5.2).
func Sets(rrs []dns.RR) []failover.RecordSet {
	byKey := map[string]*failover.RecordSet{}
	for _, rr := range rrs {
		h := rr.Header()
		set := failover.RecordSet{Name: dns.CanonicalName(h.Name), Type: dns.Type(h.Rrtype).String(), TTL: h.Ttl}
		known, found := byKey[set.Key()]
		if !found {
			known = &set
			byKey[set.Key()] = known
		}
		known.TTL = min(known.TTL, h.Ttl)
		known.Records = append(known.Records, failover.Record{Value: Value(rr)})
	}
	sets := make([]failover.RecordSet, 0, len(byKey))
	for _, set := range byKey {
		slices.SortFunc(set.Records, func(a, b failover.Record) int { return strings.Compare(a.Value, b.Value) })
		set.Records = slices.CompactFunc(set.Records, func(a, b failover.Record) bool { return a.Value == b.Value })
		sets = append(sets, *set)
	}
	return failover.SortSets(sets)
}

// RRs returns the records of a set.
func RRs(set failover.RecordSet) ([]dns.RR, error) {
	if _, ok := dns.IsDomainName(set.Name); !ok {
		return nil, fmt.Errorf("%q is not a domain name", set.Name)
	}
	rrs := make([]dns.RR, 0, len(set.Records))
	for _, r := range set.Records {
		rr, err := parse(set.Type, r.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", set.Key(), r.Value, err)
		}
		h := rr.Header()
		h.Name, h.Ttl, h.Class = dns.Fqdn(set.Name), set.TTL, dns.ClassINET
		rrs = append(rrs, rr)
	}
	return rrs, nil
}

// AllRRs returns the records of all sets.
func AllRRs(sets []failover.RecordSet) ([]dns.RR, error) {
	var all []dns.RR
	for _, set := range sets {
		rrs, err := RRs(set)
		if err != nil {
			return nil, err
		}
		all = append(all, rrs...)
	}
	return all, nil
}

// parse reads one RDATA. The owner is a stand-in, so that no text but the value reaches the parser.
func parse(rrtype, value string) (dns.RR, error) {
	code, known := Type(rrtype)
	switch {
	case !known:
		return nil, fmt.Errorf("unknown record type %s", rrtype)
	case code == dns.TypeA || code == dns.TypeAAAA:
		return parseAddress(code, value)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' }):
		return nil, errors.New("a control character in a value")
	}
	rr, err := dns.NewRR(". 0 IN " + rrtype + " " + value)
	if err != nil {
		return nil, err
	}
	if rr == nil || Value(rr) == "" {
		return nil, errors.New("an empty value")
	}
	return rr, nil
}

func parseAddress(rrtype uint16, value string) (dns.RR, error) {
	addr, err := netip.ParseAddr(value)
	if err != nil {
		return nil, err
	}
	h := dns.RR_Header{Rrtype: rrtype}
	switch {
	case rrtype == dns.TypeA && addr.Is4():
		return &dns.A{Hdr: h, A: addr.AsSlice()}, nil
	case rrtype == dns.TypeAAAA && addr.Is6() && addr.Zone() == "":
		return &dns.AAAA{Hdr: h, AAAA: addr.AsSlice()}, nil
	}
	return nil, fmt.Errorf("not an address for a record of type %s", dns.Type(rrtype))
}

// Type returns the number of a record type in presentation format, such as "A" or "TYPE65280".
func Type(rrtype string) (uint16, bool) {
	if n, ok := dns.StringToType[rrtype]; ok {
		return n, true
	}
	var n uint16
	if _, err := fmt.Sscanf(rrtype, "TYPE%d", &n); err != nil || fmt.Sprintf("TYPE%d", n) != rrtype {
		return 0, false
	}
	return n, true
}
