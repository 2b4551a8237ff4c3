package builtin_test

import (
	"context"
	"net/netip"
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
