package builtin_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/builtin"
	"github.com/failover-dns/failover/dnsproviders/wire"
)

// ask packs a question, has it answered, and unpacks.
func ask(t testing.TB, s *builtin.Server, q *dns.Msg, tcp bool) *dns.Msg {
	t.Helper()
	raw, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	out := s.Answer(raw, tcp)
	if out == nil {
		return nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(out); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAnswers(t *testing.T) {
	s := open(t, "", records...)
	for _, c := range []struct {
		name, qtype string
		rcode       int
		answer      string // "owner TYPE value" joined by "; ", sorted
		negative    bool   // the SOA in the authority section
	}{
		{"example.org.", "A", 0, "example.org. A 192.0.2.1", false},
		{"example.org.", "NS", 0, "example.org. NS ns1.example.net.", false},
		{"example.org.", "AAAA", 0, "", true},
		{"www.example.org.", "A", 0, "www.example.org. A 192.0.2.1; www.example.org. A 192.0.2.2", false},
		{"WwW.ExAmPlE.oRg.", "A", 0, "WwW.ExAmPlE.oRg. A 192.0.2.1; WwW.ExAmPlE.oRg. A 192.0.2.2", false},
		{"www.example.org.", "AAAA", 0, "", true},
		{"nothing.example.org.", "A", 3, "", true},
		{"a.b.nothing.example.org.", "A", 3, "", true},
		{"below.example.org.", "A", 0, "", true},
		{"deep.below.example.org.", "A", 0, "deep.below.example.org. A 192.0.2.5", false},
		{"alias.example.org.", "CNAME", 0, "alias.example.org. CNAME www.example.org.", false},
		{"alias.example.org.", "A", 0, "alias.example.org. CNAME www.example.org.; www.example.org. A 192.0.2.1; www.example.org. A 192.0.2.2", false},
		{"alias.example.org.", "AAAA", 0, "alias.example.org. CNAME www.example.org.", true},
		{"out.example.org.", "A", 0, "out.example.org. CNAME www.example.net.", false},
		{"dangling.example.org.", "A", 3, "dangling.example.org. CNAME nothing.example.org.", true},
		{"loop1.example.org.", "A", 0, "loop1.example.org. CNAME loop2.example.org.; loop2.example.org. CNAME loop1.example.org.", false},
		{"any.apps.example.org.", "A", 0, "any.apps.example.org. A 192.0.2.3", false},
		{"any.apps.example.org.", "TXT", 0, "", true},
		{"x.any.apps.example.org.", "A", 0, "x.any.apps.example.org. A 192.0.2.3", false},
		{"real.apps.example.org.", "A", 0, "", true},
		{"x.real.apps.example.org.", "A", 3, "", true},
		{"apps.example.org.", "A", 0, "", true},
		{"*.apps.example.org.", "A", 0, "*.apps.example.org. A 192.0.2.3", false},
		{"x.far.example.org.", "A", 0, "www.example.org. A 192.0.2.1; www.example.org. A 192.0.2.2; x.far.example.org. CNAME www.example.org.", false},
		{"www.example.org.", "ANY", 0, "www.example.org. A 192.0.2.1; www.example.org. A 192.0.2.2", false},
		{"below.example.org.", "ANY", 0, "", true},
		{"www.example.net.", "A", 5, "", false},
		{"badexample.org.", "A", 5, "", false},
		{".", "NS", 5, "", false},
		{"example.org.", "AXFR", 5, "", false},
		{"example.org.", "IXFR", 5, "", false},
		{"example.org.", "TYPE65280", 0, "", true},
	} {
		t.Run(c.name+" "+c.qtype, func(t *testing.T) {
			code, _ := wire.Type(c.qtype)
			q := wire.Query(c.name, code)
			m := ask(t, s, q, false)
			if m.Rcode != c.rcode || m.Authoritative != (c.rcode != 5) || m.Question[0] != q.Question[0] {
				t.Errorf("header is wrong:\n%s", m)
			}
			if got := list(m.Answer); got != c.answer {
				t.Errorf("answer %q, want %q", got, c.answer)
			}
			negative := len(m.Ns) == 1 && m.Ns[0].Header().Rrtype == dns.TypeSOA
			if negative != c.negative {
				t.Errorf("negative %v, want %v", negative, c.negative)
			}
			if negative && m.Ns[0].Header().Ttl != m.Ns[0].(*dns.SOA).Minttl {
				t.Errorf("the TTL of a negative answer is %d (RFC 2308)", m.Ns[0].Header().Ttl)
			}
		})
	}
}

func list(rrs []dns.RR) string {
	var all []string
	for _, rr := range rrs {
		all = append(all, rr.Header().Name+" "+dns.Type(rr.Header().Rrtype).String()+" "+wire.Value(rr))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func TestProtocolEdges(t *testing.T) {
	s := open(t, "", records...)
	query := func(change func(*dns.Msg)) *dns.Msg {
		m := wire.Query("www.example.org.", dns.TypeA)
		change(m)
		return m
	}
	for _, c := range []struct {
		name  string
		q     *dns.Msg
		rcode int // -1: silence
	}{
		{"an answer", query(func(m *dns.Msg) { m.Response = true }), -1},
		{"NOTIFY", query(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }), dns.RcodeNotImplemented},
		{"UPDATE", new(dns.Msg).SetUpdate(apex), dns.RcodeNotImplemented},
		{"no question", query(func(m *dns.Msg) { m.Question = nil }), dns.RcodeFormatError},
		{"two questions", query(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), dns.RcodeFormatError},
		{"two OPT records", query(func(m *dns.Msg) { m.Extra = append(m.Extra, m.Extra[0]) }), dns.RcodeFormatError},
		{"EDNS version 1", query(func(m *dns.Msg) { m.IsEdns0().SetVersion(1) }), dns.RcodeBadVers},
		{"class CH", query(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }), dns.RcodeRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := ask(t, s, c.q, false)
			if m == nil {
				if c.rcode != -1 {
					t.Error("silence")
				}
				return
			}
			if m.Rcode != c.rcode || m.Id != c.q.Id || !m.Response {
				t.Errorf("want %s:\n%s", dns.RcodeToString[c.rcode], m)
			}
			if c.q.IsEdns0() != nil && (m.IsEdns0() == nil || m.IsEdns0().Version() != 0) {
				t.Error("no OPT of version 0 in the answer")
			}
		})
	}
}

func TestTruncation(t *testing.T) {
	var many []string
	for a := range 2 {
		for i := range 100 {
			many = append(many, "many 60 IN A "+netip.AddrFrom4([4]byte{198, 51, byte(100 + a), byte(i)}).String())
		}
	}
	s := open(t, "", many...)
	plain := wire.Query("many.example.org.", dns.TypeA)
	plain.Extra = nil
	big := wire.Query("many.example.org.", dns.TypeA)
	big.IsEdns0().SetUDPSize(65000)
	for _, c := range []struct {
		name      string
		q         *dns.Msg
		tcp       bool
		limit     int
		truncated bool
	}{
		{"without EDNS", plain, false, 512, true},
		{"EDNS 1232", wire.Query("many.example.org.", dns.TypeA), false, 1232, true},
		{"EDNS 65000 is not believed", big, false, 1232, true},
		{"TCP", plain, true, 65535, false},
	} {
		raw, _ := c.q.Pack()
		out := s.Answer(raw, c.tcp)
		var m dns.Msg
		if err := m.Unpack(out); err != nil {
			t.Fatal(err)
		}
		if len(out) > c.limit || m.Truncated != c.truncated || !c.truncated && len(m.Answer) != 200 {
			t.Errorf("%s: %d bytes, TC %v, %d answers", c.name, len(out), m.Truncated, len(m.Answer))
		}
	}
}
