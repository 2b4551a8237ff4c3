package rfc2136

import (
	"context"
	"slices"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
)

// covering returns the wildcards whose records a server may hand out under the given name when
// the name does not exist (RFC 4592 section 2.2).
func covering(name, apex string) []string {
	var list []string
	for name != apex {
		i, end := dns.NextLabel(name, 0)
		if end {
			break
		}
		parent := name[i:]
		if w := "*." + parent; w != name {
			list = append(list, w)
		}
		name = parent
	}
	return list
}

// real drops names that are not in the zone and were answered from a wildcard.
func (r *reading) real(ctx context.Context) ([]dns.RR, error) {
	var rrs []dns.RR
	var doubtful []string
	for name, found := range r.found {
		if slices.ContainsFunc(covering(name, r.zone.apex), func(w string) bool { return r.wildcards[w] }) {
			doubtful = append(doubtful, name)
		} else {
			rrs = append(rrs, found...)
		}
	}
	used, err := r.zone.inUse(ctx, doubtful)
	if err != nil {
		return nil, err
	}
	for _, name := range used {
		rrs = append(rrs, r.found[name]...)
	}
	return rrs, nil
}

// inUse returns those of the names that own records in the zone. It asks by an UPDATE that has a
// prerequisite ("name is in use", RFC 2136 section 2.4.4) and changes nothing: prerequisites look
// at the zone itself and never at wildcards.
func (z *zone) inUse(ctx context.Context, names []string) ([]string, error) {
	ms := make([]*dns.Msg, len(names))
	for i, name := range names {
		ms[i] = new(dns.Msg).SetUpdate(z.apex)
		ms[i].NameUsed([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: name}}})
	}
	answers, err := z.client.Pipeline(ctx, ms)
	if err != nil {
		return nil, failed("read", z.apex, err, false)
	}
	var used []string
	for i, m := range answers {
		switch m.Rcode {
		case dns.RcodeSuccess:
			used = append(used, names[i])
		case dns.RcodeNameError:
		default:
			return nil, failed("read", z.apex, wire.Check(z.client.Server, m), false)
		}
	}
	return used, nil
}
