package builtin_test

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
)

// FuzzAnswer: no message makes the server panic; an answer parses, fits, echoes the ID and the
// question, and is one.
func FuzzAnswer(f *testing.F) {
	s := open(f, "", records...)
	for _, q := range []*dns.Msg{wire.Query("www.example.org.", dns.TypeA), wire.Query("x.far.example.org.", dns.TypeANY),
		wire.Query("loop1.example.org.", dns.TypeA), new(dns.Msg).SetUpdate(apex), new(dns.Msg).SetAxfr(apex)} {
		raw, err := q.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, false)
		f.Add(raw, true)
	}
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, raw []byte, tcp bool) {
		out := s.Answer(raw, tcp)
		if out == nil {
			return
		}
		var q, m dns.Msg
		if err := q.Unpack(raw); err != nil {
			t.Fatal("answered what is no message")
		}
		if err := m.Unpack(out); err != nil {
			t.Fatalf("the answer does not parse: %v", err)
		}
		if m.Id != q.Id || !m.Response || m.Rcode == dns.RcodeServerFailure || !tcp && len(out) > 1232 {
			t.Fatalf("question:\n%s\nanswer of %d bytes:\n%s", &q, len(out), &m)
		}
		if len(q.Question) == 1 && (len(m.Question) != 1 || m.Question[0] != q.Question[0]) {
			t.Fatalf("question not echoed:\n%s\n%s", &q, &m)
		}
	})
}
