package rfc2136

import (
	"context"
	"slices"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
)

// A CNAME that is added beside any other data is silently left out by the server (RFC 2136
// section 3.4.2.2), and with the addresses deleted in the same UPDATE the name would be empty.
// Types that Read asks for are excluded by prerequisites of the UPDATE itself; all others by a
// probe just before it, since a server need not name them in any answer.

// alone makes sure that the names hold nothing but what a plan may touch. The probe is an UPDATE
// that has prerequisites and changes nothing.
func (z *zone) alone(ctx context.Context, names []string) error {
	ms := make([]*dns.Msg, len(names))
	for i, name := range names {
		ms[i] = new(dns.Msg).SetUpdate(z.apex)
		ms[i].Compress = true
		for _, rrtype := range anyOther() {
			require(ms[i], name, rrtype, nil)
		}
	}
	answers, err := z.client.Pipeline(ctx, ms)
	if err != nil {
		return failed("replace", z.apex, err, false)
	}
	for i, m := range answers {
		switch m.Rcode {
		case dns.RcodeSuccess:
		case dns.RcodeYXRrset:
			return z.notAlone(names[i], "other")
		default:
			return failed("replace", z.apex, wire.Check(z.client.Server, m), false)
		}
	}
	return nil
}

func (z *zone) notAlone(name, what string) error {
	return rejected("replace", z.apex, "give the fallback addresses instead of a name",
		"a CNAME cannot stand beside the %s record at %s", what, name)
}

// anyOther lists every type that data may have (RFC 6895 section 3.1): all that is or soon may be
// assigned, and those for private use; without questions and meta types, without what a plan
// governs, without what DNSSEC puts beside a CNAME (RFC 4035 section 2.5), and without NSEC3, which
// has owners of its own and which BIND cannot be asked about.
func anyOther() []uint16 {
	left := slices.Concat(managed[:], []uint16{dns.TypeOPT, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3})
	var types []uint16
	for _, span := range [][2]uint16{{1, 127}, {256, 300}, {32768, 32780}, {65280, 65534}} {
		for t := span[0]; t <= span[1]; t++ {
			if !slices.Contains(left, t) {
				types = append(types, t)
			}
		}
	}
	return types
}
