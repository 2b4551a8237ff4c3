package builtin_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libdns/libdns"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/failover-dns/failover/dnsproviders/builtin"
	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const apex = zonetest.Apex

// records is a zone with every case of the algorithm.
var records = []string{
	"@ 300 IN A 192.0.2.1",
	"@ 300 IN MX 10 mail",
	"www 30 IN A 192.0.2.1",
	"www 30 IN A 192.0.2.2",
	"alias 60 IN CNAME www",
	"out 60 IN CNAME www.example.net.",
	"dangling 60 IN CNAME nothing",
	"loop1 60 IN CNAME loop2",
	"loop2 60 IN CNAME loop1",
	"*.apps 60 IN A 192.0.2.3",
	"real.apps 60 IN TXT here",
	"*.far 60 IN CNAME www",
	"deep.below 60 IN A 192.0.2.5",
	"bare A 192.0.2.6",
}

func open(t testing.TB, dir string, lines ...string) *builtin.Server {
	t.Helper()
	s, err := builtin.Open(builtin.Options{Dir: dir, Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")},
		Zones: []builtin.Zone{{Apex: "Example.ORG", Nameservers: []string{"ns1.example.net"}, Records: lines}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestTheContract(t *testing.T) {
	for _, kept := range []bool{false, true} {
		t.Run(map[bool]string{false: "in memory", true: "in a directory"}[kept], func(t *testing.T) {
			zonetest.Run(t, zonetest.Harness{Open: func(t *testing.T, apex string, seed []failover.RecordSet) zonetest.Backend {
				dir := ""
				if kept {
					dir = t.TempDir()
				}
				s := open(t, dir, lines(t, seed)...)
				return zonetest.Backend{
					Zone: s.Zone(apex),
					Dump: func() ([]failover.RecordSet, error) { return s.Dump(apex), nil },
					Put:  func(set failover.RecordSet) error { return s.Put(t.Context(), apex, set) },
				}
			}})
		})
	}
}

func lines(t testing.TB, sets []failover.RecordSet) []string {
	t.Helper()
	rrs, err := wire.AllRRs(sets)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, rr := range rrs {
		list = append(list, rr.String())
	}
	return list
}

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

func TestServesUDPAndTCPOnOnePort(t *testing.T) {
	s := open(t, "", records...)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil {
		t.Error("started twice")
	}
	client := wire.Client{Server: s.Addrs()[0].String()}
	udp, err := client.Exchange(t.Context(), wire.Query("www.example.org.", dns.TypeA))
	if err != nil || len(udp.Answer) != 2 {
		t.Errorf("udp: %v %v", udp, err)
	}
	var ms []*dns.Msg
	for range 50 {
		ms = append(ms, wire.Query("www.example.org.", dns.TypeA))
	}
	if tcp, err := client.Pipeline(t.Context(), ms); err != nil || len(tcp[49].Answer) != 2 {
		t.Errorf("tcp: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	client.Timeout = 200 * time.Millisecond
	if _, err := client.Exchange(t.Context(), wire.Query("www.example.org.", dns.TypeA)); err == nil {
		t.Error("answers after Close")
	}
}

func TestAnAddressInUseIsSaidAndNothingStaysOpen(t *testing.T) {
	first := open(t, "", records...)
	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	second, err := builtin.Open(builtin.Options{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0"), first.Addrs()[0]},
		Zones: []builtin.Zone{{Apex: apex, Nameservers: []string{"ns1.example.net."}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "try:") {
		t.Errorf("start: %v", err)
	}
	second.Close()
}

func TestACME(t *testing.T) {
	s := open(t, t.TempDir(), records...)
	before := s.Dump(apex)
	challenge := func(v string) []libdns.Record {
		return []libdns.Record{libdns.TXT{Name: "_acme-challenge.www", Text: v}}
	}
	for _, v := range []string{"first", "second", "second"} {
		if _, err := s.ACME().AppendRecords(t.Context(), "example.org.", challenge(v)); err != nil {
			t.Fatal(err)
		}
	}
	m := ask(t, s, wire.Query("_acme-challenge.www.example.org.", dns.TypeTXT), false)
	if got := list(m.Answer); got != `_acme-challenge.www.example.org. TXT "first"; _acme-challenge.www.example.org. TXT "second"` {
		t.Errorf("served %q", got)
	}
	for _, v := range []string{"first", "second", "never there"} {
		if _, err := s.ACME().DeleteRecords(t.Context(), apex, challenge(v)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range failover.Diff(before, s.Dump(apex)) {
		if c.After == nil || c.After.Type != "SOA" {
			t.Errorf("left behind:\n%s", c)
		}
	}
	if _, err := s.ACME().AppendRecords(t.Context(), "example.net.", challenge("x")); err == nil {
		t.Error("a foreign zone was written")
	}
	if _, err := s.ACME().DeleteRecords(t.Context(), apex, []libdns.Record{libdns.RR{Name: "www", Type: "A"}}); err == nil {
		t.Error("an A record was deleted through the ACME door")
	}
}

func TestSerialMovesWithEachChange(t *testing.T) {
	s := open(t, "", records...)
	serial := func() uint32 {
		return ask(t, s, wire.Query(apex, dns.TypeSOA), false).Answer[0].(*dns.SOA).Serial
	}
	first := serial()
	for i := range uint32(3) {
		set := zonetest.Set("www."+apex, "A", 60, netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)}).String())
		if err := s.Put(t.Context(), apex, set); err != nil {
			t.Fatal(err)
		}
		if serial() != first+i+1 {
			t.Errorf("serial %d after %d changes from %d", serial(), i+1, first)
		}
	}
}

func TestZonesAreKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, records...)
	if err := s.Put(t.Context(), apex, zonetest.Set("www."+apex, "TXT", 60, `"a \"b\" \\; c"`)); err != nil {
		t.Fatal(err)
	}
	want := s.Dump(apex)
	again := open(t, dir, "www 30 IN A 203.0.113.99")
	for _, c := range failover.Diff(want, again.Dump(apex)) {
		t.Errorf("not as it was:\n%s", c)
	}
	moved, err := builtin.Open(builtin.Options{Dir: dir, Zones: []builtin.Zone{{Apex: apex, Nameservers: []string{"ns2.example.net"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := list(ask(t, moved, wire.Query(apex, dns.TypeNS), false).Answer); got != "example.org. NS ns2.example.net." {
		t.Errorf("nameservers do not follow the configuration: %s", got)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("files left: %v %v", files, err)
	}
}

func TestDamageIsFoundAndNeverReplacedByTheSeed(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, "www 30 IN A 192.0.2.1")
	file := filepath.Join(dir, "example.org.zone")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	reopen := func() error {
		_, err := builtin.Open(builtin.Options{Dir: dir, Zones: []builtin.Zone{{Apex: apex, Nameservers: []string{"ns1.example.net"}}}})
		return err
	}
	for i := range good {
		for _, damaged := range [][]byte{good[:i], flip(good, i)} {
			if err := os.WriteFile(file, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := reopen(); err == nil || !strings.Contains(err.Error(), "try:") {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := reopen(); err != nil {
		t.Error(err)
	}
}

func flip(text []byte, i int) []byte {
	text = append([]byte(nil), text...)
	text[i] ^= 0x01
	return text
}

func TestWhatCannotBeSavedIsNotServed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "zones")
	s := open(t, dir, records...)
	before := s.Dump(apex)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the directory was
		t.Fatal(err)
	}
	err := s.Put(t.Context(), apex, zonetest.Set("www."+apex, "A", 60, "192.0.2.99"))
	if failover.KindOf(err) != failover.KindUnavailable {
		t.Errorf("error %v, want unavailable", err)
	}
	for _, c := range failover.Diff(before, s.Dump(apex)) {
		t.Errorf("changed all the same:\n%s", c)
	}
}

func TestWhatCannotBeServedIsRefusedAtOnce(t *testing.T) {
	for _, c := range []struct {
		zones []builtin.Zone
		want  string
	}{
		{nil, "no zone"},
		{[]builtin.Zone{{Apex: apex}}, "nameservers"},
		{[]builtin.Zone{{Apex: apex, Nameservers: []string{"n.example.net"}}, {Apex: "EXAMPLE.org", Nameservers: []string{"n.example.net"}}}, "twice"},
		{zoneOf("www IN A nonsense"), "try:"},
		{zoneOf("www.example.net. 60 IN A 192.0.2.1"), "outside"},
		{zoneOf("www 60 IN CNAME x", "www 60 IN A 192.0.2.1"), "alone"},
		{zoneOf("@ 60 IN CNAME x"), "alone"},
		{zoneOf("@ 60 IN SOA a b 1 2 3 4 5"), "nameservers"},
		{zoneOf("sub 60 IN NS a.example.net."), "nameservers"},
		{zoneOf("sub 60 IN DNAME a.example.net."), "does not serve"},
		{zoneOf("www 60 CH A 192.0.2.1"), "class"},
		{zoneOf("$INCLUDE /etc/passwd"), "INCLUDE"},
	} {
		_, err := builtin.Open(builtin.Options{Zones: c.zones})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.zones, err, c.want)
		}
	}
}

func zoneOf(lines ...string) []builtin.Zone {
	return []builtin.Zone{{Apex: apex, Nameservers: []string{"ns1.example.net"}, Records: lines}}
}

func TestLinesOfAnotherZoneAreLeftToIt(t *testing.T) {
	lines := []string{"www 60 IN A 192.0.2.1", "only.example.net. 60 IN A 192.0.2.2"}
	s, err := builtin.Open(builtin.Options{Zones: []builtin.Zone{
		{Apex: apex, Nameservers: []string{"ns1.example.com"}, Records: lines},
		{Apex: "example.net", Nameservers: []string{"ns1.example.com"}, Records: lines},
	}})
	if err != nil {
		t.Fatal(err)
	}
	sets, err := s.Zone("example.net").Read(context.Background(), []string{"only.example.net.", "www.example.net."})
	if err != nil || len(sets) != 2 || len(s.Dump(apex)) != 3 {
		t.Errorf("%v %v, %v", sets, err, s.Dump(apex))
	}
	if s.Zone("example.com") != nil {
		t.Error("a zone that is not served")
	}
}

// TestAnswersLeaveFromTheAddressAsked: a connected socket takes no answer from any other.
func TestAnswersLeaveFromTheAddressAsked(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", "[::]:0"} {
		s, err := builtin.Open(builtin.Options{Listen: []netip.AddrPort{netip.MustParseAddrPort(listen)}, Zones: zoneOf(records...)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		port := s.Addrs()[0].Port()
		for _, addr := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
			at := netip.AddrPortFrom(netip.MustParseAddr(addr), port)
			if at.Addr().Is6() && listen == "0.0.0.0:0" {
				continue
			}
			client := wire.Client{Server: at.String(), Timeout: 5 * time.Second}
			if m, err := client.Exchange(t.Context(), wire.Query("www.example.org.", dns.TypeA)); err != nil || len(m.Answer) != 2 {
				t.Errorf("listening at %s, asked at %s: %v %v", listen, at, m, err)
			}
		}
		s.Close()
	}
}
