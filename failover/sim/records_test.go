package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/failover-dns/failover/failover"
)

// What may be special about a host's records.
const (
	withHTTPS   = "https"   // it has an HTTPS set with the origin's addresses as hints
	withSVCB    = "svcb"    // it has an SVCB set
	withProxy   = "proxied" // the provider's proxy answers for it
	withCNAME   = "cname"   // it is a CNAME
	withComment = "comment" // the provider keeps comment and tags with it
)

// seedOf returns what a zone holds before anything happens.
func (s *schedule) seedOf(ref failover.ZoneRef) []failover.RecordSet {
	sets := []failover.RecordSet{set(ref.Zone, "MX", 3600, "10 mail."+ref.Zone), set("mail."+ref.Zone, "A", 3600, "192.0.2.99")}
	for i, site := range s.sites {
		for k, name := range site.Names(ref.Zone) {
			sets = append(sets, s.records(name, i, k)...)
		}
	}
	return failover.SortSets(sets)
}

// records are those of the k-th host of the i-th site.
func (s *schedule) records(name string, i, k int) []failover.RecordSet {
	has := func(kind string) bool { return slices.Contains(s.kinds[name], kind) }
	var sets []failover.RecordSet
	if has(withCNAME) {
		sets = append(sets, set(name, "CNAME", 300, fmt.Sprintf("origin%d.example.com.", i)))
		return dressed(sets, has)
	}
	sets = append(sets, set(name, "A", 300, fmt.Sprintf("192.0.2.%d", 10*i+k+1), fmt.Sprintf("192.0.2.%d", 10*i+k+5)))
	if s.fallback.CNAME == "" { // beside which nothing can stand
		sets = append(sets, set(name, "TXT", 300, `"kept"`))
	}
	if k == 0 {
		sets = append(sets, set(name, "AAAA", 600, fmt.Sprintf("2001:db8::%d", 10*i+1)))
	}
	if has(withHTTPS) {
		sets = append(sets, set(name, "HTTPS", 300, fmt.Sprintf(`1 . alpn="h2" ipv4hint=192.0.2.%d`, 10*i+k+1)))
	}
	if has(withSVCB) {
		sets = append(sets, set(name, "SVCB", 900, "1 origin.example.com. port=8443"))
	}
	return dressed(sets, has)
}

// dressed gives sets what the provider has to give.
func dressed(sets []failover.RecordSet, has func(string) bool) []failover.RecordSet {
	for i := range sets {
		switch sets[i].Type {
		case failover.TypeA, failover.TypeAAAA, failover.TypeCNAME:
			if has(withProxy) {
				sets[i].Proxied, sets[i].TTL = true, 1
			}
		}
		if has(withComment) {
			sets[i] = commented(sets[i], "see the wiki")
		}
	}
	return sets
}

// commented gives the set's records a comment in the provider's own fields.
func commented(s failover.RecordSet, comment string) failover.RecordSet {
	s = s.Clone()
	for i, r := range s.Records {
		s.Records[i].Opaque = fmt.Appendf(nil, `{"id":%q,"comment":%q,"tags":["team:web"]}`, "id of "+strings.ReplaceAll(r.Value, `"`, ""), comment)
	}
	return s
}

func set(name, rrtype string, ttl uint32, values ...string) failover.RecordSet {
	s := failover.RecordSet{Name: name, Type: rrtype, TTL: ttl}
	for _, v := range values {
		s.Records = append(s.Records, failover.Record{Value: v, Opaque: []byte(`"id of ` + strings.ReplaceAll(v, `"`, "") + `"`)})
	}
	return s
}
