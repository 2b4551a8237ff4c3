package rfc2136

import (
	"context"
	"errors"
	"slices"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

// managed are the types that a plan may touch.
var managed = [...]uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeHTTPS, dns.TypeSVCB}

// others are the types asked for to know what else stands at a name. A server may leave out what
// it likes from an answer to ANY (RFC 8482), so each type is asked for by itself, and ANY only in
// addition, for types that nobody thinks of.
var others = [...]uint16{dns.TypeTXT, dns.TypeMX, dns.TypeCAA, dns.TypeNS, dns.TypeSOA, dns.TypeSRV, dns.TypeDS,
	dns.TypeTLSA, dns.TypePTR, dns.TypeNAPTR, dns.TypeSSHFP, dns.TypeLOC, dns.TypeURI, dns.TypeDNAME, dns.TypeHINFO,
	dns.TypeRP, dns.TypeCERT, dns.TypeSMIMEA, dns.TypeOPENPGPKEY, dns.TypeSPF, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY}

// question is one question and why it is asked.
type question struct {
	name   string
	rrtype uint16
	why    purpose
}

type purpose int

const (
	forRecords  purpose = iota // what stands at the name
	forWildcard                // whether the wildcard exists
	forSerial                  // which version of the zone is answering
)

// reading collects what a server says of some names.
type reading struct {
	zone      *zone
	questions []question
	found     map[string][]dns.RR // by name
	wildcards map[string]bool     // by wildcard: it may exist
	serials   []uint32            // before and after all other questions
}

// readings is how often a zone is read that changes while it is read.
const readings = 5

// read returns the records at the names, managed types only or all, from one version of the zone:
// the serial was the same before and after, or two readings in a row agree.
func (z *zone) read(ctx context.Context, names []string, all bool) ([]dns.RR, error) {
	var last []failover.RecordSet
	for i := range readings {
		r, err := z.readOnce(ctx, names, all)
		if err != nil {
			return nil, err
		}
		rrs, err := r.real(ctx)
		if err != nil {
			return nil, err
		}
		sets := wire.Sets(rrs)
		if r.serials[0] == r.serials[1] || i > 0 && failover.SameSets(sets, last) {
			return rrs, nil
		}
		last = sets
	}
	return nil, failed("read", z.apex, errors.New("the records change each time they are read"), false)
}

func (z *zone) readOnce(ctx context.Context, names []string, all bool) (*reading, error) {
	r := &reading{zone: z, found: map[string][]dns.RR{}, wildcards: map[string]bool{}}
	serial := question{name: z.apex, rrtype: dns.TypeSOA, why: forSerial}
	r.questions = append(r.questions, serial)
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		if !failover.InZone(name, z.apex) {
			return nil, rejected("read", z.apex, "", "%s is outside the zone", name)
		}
		r.plan(name, all)
	}
	r.questions = append(r.questions, serial)
	ms := make([]*dns.Msg, len(r.questions))
	for i, q := range r.questions {
		ms[i] = wire.Query(q.name, q.rrtype)
	}
	answers, err := z.client.Pipeline(ctx, ms)
	if err != nil {
		return nil, failed("read", z.apex, err, false)
	}
	for i, m := range answers {
		if err := r.take(r.questions[i], m); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// plan lists what to ask about a name, and about the wildcards that might speak in its place.
func (r *reading) plan(name string, all bool) {
	for _, rrtype := range managed {
		r.questions = append(r.questions, question{name: name, rrtype: rrtype})
	}
	if all {
		for _, rrtype := range others {
			r.questions = append(r.questions, question{name: name, rrtype: rrtype})
		}
		r.questions = append(r.questions, question{name: name, rrtype: dns.TypeANY})
	}
	for _, w := range covering(name, r.zone.apex) {
		if _, asked := r.wildcards[w]; !asked {
			r.wildcards[w] = false
			r.questions = append(r.questions, question{name: w, rrtype: dns.TypeA, why: forWildcard})
		}
	}
}

// take keeps what an answer says of the name itself.
func (r *reading) take(q question, m *dns.Msg) error {
	apex, server := r.zone.apex, r.zone.client.Server
	switch {
	case q.rrtype == dns.TypeANY && m.Rcode != dns.RcodeSuccess:
		return nil // allowed to be refused
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		return failed("read", apex, wire.Check(server, m), false)
	case q.why == forWildcard:
		r.wildcards[q.name] = m.Rcode == dns.RcodeSuccess
		return nil
	case !m.Authoritative:
		return rejected("read", apex, "give the address of the zone's primary as server, and the zone that really holds the name",
			"%s does not answer for %s with authority", server, q.name)
	case m.Truncated:
		return rejected("read", apex, "", "%s truncates its answer for %s %s over TCP", server, q.name, dns.Type(q.rrtype))
	case slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeDNAME && !owns(rr, q.name) }):
		return nil // the name lies below a DNAME; its CNAME is not in the zone (RFC 6672 section 3.1)
	}
	if q.why == forSerial {
		return r.takeSerial(m)
	}
	for _, rr := range m.Answer {
		if owns(rr, q.name) && (rr.Header().Rrtype == q.rrtype || q.rrtype == dns.TypeANY && extra(rr)) {
			r.found[q.name] = append(r.found[q.name], rr)
		}
	}
	return nil
}

func (r *reading) takeSerial(m *dns.Msg) error {
	for _, rr := range m.Answer {
		if soa, ok := rr.(*dns.SOA); ok && owns(rr, r.zone.apex) {
			r.serials = append(r.serials, soa.Serial)
			return nil
		}
	}
	return rejected("read", r.zone.apex, "compare the zone's name with the server's configuration",
		"%s has no zone that begins at %s", r.zone.client.Server, r.zone.apex)
}

func owns(rr dns.RR, name string) bool { return dns.CanonicalName(rr.Header().Name) == name }

// extra tells whether a record from an answer to ANY is one that no other question brought and
// that stands in the zone: not made by the server for DNSSEC or for RFC 8482.
func extra(rr dns.RR) bool {
	switch rrtype := rr.Header().Rrtype; rrtype {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3:
		return false
	default:
		return !slices.Contains(managed[:], rrtype) && !slices.Contains(others[:], rrtype)
	}
}
