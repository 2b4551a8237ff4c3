package dnsproviders_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/failover-dns/failover/dnsproviders"
	"github.com/failover-dns/failover/dnsproviders/builtin"
	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	apex = zonetest.Apex
	www  = "www." + apex
	shop = "shop." + apex
)

// nameserver starts a server of the zone.
func nameserver(t *testing.T, listen string, ns []string, records ...string) (*builtin.Server, netip.AddrPort) {
	t.Helper()
	s, err := builtin.Open(builtin.Options{Listen: []netip.AddrPort{netip.MustParseAddrPort(listen)},
		Zones: []builtin.Zone{{Apex: apex, Nameservers: ns, Records: records}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); errors.Is(err, syscall.EACCES) {
		t.Skipf("may not listen at %s: %v", listen, err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, s.Addrs()[0]
}

func authority(t *testing.T, o dnsproviders.AuthorityOptions) *dnsproviders.Authority {
	t.Helper()
	a, err := dnsproviders.NewAuthority(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func fixed(addrs ...netip.AddrPort) dnsproviders.AuthorityOptions {
	return dnsproviders.AuthorityOptions{Servers: map[string][]netip.AddrPort{apex: addrs}, Timeout: 5 * time.Second}
}

func planTo(names []string, after ...failover.RecordSet) failover.Plan {
	return failover.Plan{ZoneRef: failover.ZoneRef{Zone: apex}, Names: names, After: after}
}

// onlooker is a log handler that acts when a server was found not to answer as wanted.
type onlooker struct {
	slog.Handler
	act func()
}

func (o onlooker) Enabled(context.Context, slog.Level) bool { return true }
func (o onlooker) Handle(context.Context, slog.Record) error {
	o.act()
	return nil
}

// lookOnce confirms, and ends at the first answer that is not the wanted one.
func lookOnce(t *testing.T, o dnsproviders.AuthorityOptions, p failover.Plan) ([]failover.Confirmation, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Log = slog.New(onlooker{slog.DiscardHandler, cancel})
	return authority(t, o).Confirm(ctx, p)
}

func TestConfirmComparesAllManagedTypes(t *testing.T) {
	_, addr := nameserver(t, "127.0.0.1:0", []string{"ns1.example.net"},
		"www 60 IN A 198.51.100.7", "www 60 IN TXT kept", "@ 60 IN A 198.51.100.7", "@ 60 IN AAAA 2001:db8::7",
		"shop 60 IN CNAME fallback.example.net.", "*.apps 60 IN A 198.51.100.7", "sec 60 IN A 198.51.100.7", `sec 60 IN HTTPS 1 . alpn="h2"`)
	proxied := zonetest.Set("p."+apex, "A", 1, "192.0.2.1")
	proxied.Proxied = true
	for _, c := range []struct {
		name   string
		plan   failover.Plan
		detail string // "" is OK
	}{
		{"as planned", planTo([]string{www, apex}, zonetest.Set(www, "A", 60, "198.51.100.7"), zonetest.Set(apex, "A", 60, "198.51.100.7"), zonetest.Set(apex, "AAAA", 60, "2001:db8::7")), ""},
		{"a lower TTL is fine", planTo([]string{www}, zonetest.Set(www, "A", 300, "198.51.100.7")), ""},
		{"a higher TTL is not", planTo([]string{www}, zonetest.Set(www, "A", 30, "198.51.100.7")), "still answers"},
		{"old value", planTo([]string{www}, zonetest.Set(www, "A", 60, "192.0.2.1")), "still answers"},
		{"one value of two", planTo([]string{www}, zonetest.Set(www, "A", 60, "198.51.100.7", "198.51.100.8")), "still answers"},
		{"AAAA left behind", planTo([]string{apex}, zonetest.Set(apex, "A", 60, "198.51.100.7")), "still answers example.org. 60 AAAA"},
		{"HTTPS left behind", planTo([]string{"sec." + apex}, zonetest.Set("sec."+apex, "A", 60, "198.51.100.7")), "still answers sec.example.org. 60 HTTPS"},
		{"missing", planTo([]string{"x." + apex}, zonetest.Set("x."+apex, "A", 60, "198.51.100.7")), "has no A record"},
		{"CNAME", planTo([]string{shop}, zonetest.Set(shop, "CNAME", 60, "fallback.example.net.")), ""},
		{"CNAME still there", planTo([]string{shop}, zonetest.Set(shop, "A", 60, "198.51.100.7")), "CNAME fallback.example.net."},
		{"CNAME not there yet", planTo([]string{www}, zonetest.Set(www, "CNAME", 60, "fallback.example.net.")), "has no CNAME record"},
		{"wildcard", planTo([]string{"*.apps." + apex}, zonetest.Set("*.apps."+apex, "A", 60, "198.51.100.7")), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := lookOnce(t, fixed(addr), c.plan)
			if len(got) != 1 || got[0].OK != (c.detail == "") || !strings.Contains(got[0].Detail, c.detail) || got[0].At.IsZero() {
				t.Errorf("%+v, want %q", got, c.detail)
			}
			if (err == nil) != (c.detail == "") {
				t.Errorf("error %v", err)
			}
		})
	}
	for name, p := range map[string]failover.Plan{
		"proxied":       planTo([]string{"p." + apex}, proxied),
		"flattened":     planTo([]string{apex}, zonetest.Set(apex, "CNAME", 60, "fallback.example.net.")),
		"nothing named": planTo(nil),
	} {
		if got, err := lookOnce(t, fixed(addr), p); err != nil || len(got) != 0 {
			t.Errorf("%s: asked all the same: %v %v", name, got, err)
		}
	}
}

func TestConfirmWaitsForEachServer(t *testing.T) {
	_, quick := nameserver(t, "127.0.0.1:0", []string{"ns1.example.net"}, "www 60 IN A 198.51.100.7")
	slow, slowAddr := nameserver(t, "127.0.0.1:0", []string{"ns1.example.net"}, "www 60 IN A 192.0.2.1")
	o := fixed(quick, slowAddr)
	o.Log = slog.New(onlooker{slog.DiscardHandler, func() {
		slow.Put(t.Context(), apex, zonetest.Set(www, "A", 60, "198.51.100.7"))
	}})
	got, err := authority(t, o).Confirm(t.Context(), planTo([]string{www}, zonetest.Set(www, "A", 60, "198.51.100.7")))
	if err != nil || len(got) != 2 || !got[0].OK || !got[1].OK {
		t.Fatalf("%+v %v", got, err)
	}
	if !got[1].At.After(got[0].At) {
		t.Errorf("the slow server is not later: %+v", got)
	}
}

func TestConfirmNamesTheServerThatLags(t *testing.T) {
	_, quick := nameserver(t, "127.0.0.1:0", []string{"ns1.example.net"}, "www 60 IN A 198.51.100.7")
	_, lags := nameserver(t, "127.0.0.1:0", []string{"ns1.example.net"}, "www 60 IN A 192.0.2.1")
	got, err := lookOnce(t, fixed(lags), planTo([]string{www}, zonetest.Set(www, "A", 60, "198.51.100.7")))
	if err == nil || !strings.Contains(err.Error(), lags.String()) || got[0].OK {
		t.Errorf("%+v %v", got, err)
	}
	o := fixed(quick, lags)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looks := 0
	o.Log = slog.New(onlooker{slog.DiscardHandler, func() {
		if looks++; looks == 3 { // by now the quick one has answered
			cancel()
		}
	}})
	got, err = authority(t, o).Confirm(ctx, planTo([]string{www}, zonetest.Set(www, "A", 60, "198.51.100.7")))
	if err == nil || !strings.Contains(err.Error(), lags.String()) || strings.Contains(err.Error(), quick.String()) || !got[0].OK || got[1].OK {
		t.Errorf("%+v %v", got, err)
	}
}

func TestConfirmDoesNotWaitForWhatCannotBeReached(t *testing.T) {
	_, addr := nameserver(t, "127.0.0.1:0", []string{"ns1.example.net"}, "www 60 IN A 198.51.100.7")
	nowhere := netip.MustParseAddrPort("[2001:db8::53]:53")
	if conn, err := net.Dial("udp", nowhere.String()); err == nil {
		conn.Close()
		t.Skip("this machine has an IPv6 route; packets to a documentation address are not sent from here")
	}
	p := planTo([]string{www}, zonetest.Set(www, "A", 60, "198.51.100.7"))
	got, err := authority(t, fixed(addr, nowhere)).Confirm(t.Context(), p)
	if err != nil || !got[0].OK || got[1].OK || !strings.Contains(got[1].Detail, "no way") {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := authority(t, fixed(nowhere)).Confirm(t.Context(), p); err == nil || got[0].OK {
		t.Errorf("nobody could be asked: %+v %v", got, err)
	}
}

func TestConfirmFindsServersThroughAResolver(t *testing.T) {
	records := []string{"ns1 60 IN A 127.53.7.1", "ns2 60 IN A 127.53.7.2", "www 60 IN A 198.51.100.7"}
	names := []string{"ns1." + apex, "ns2." + apex, "ns3." + apex}
	nameserver(t, "127.53.7.1:53", names, records...)
	nameserver(t, "127.53.7.2:53", names, records...)
	_, resolver := nameserver(t, "127.0.0.1:0", names, records...) // has the answers, which is all it takes
	dead := netip.MustParseAddrPort("127.0.0.1:1").String()
	a := authority(t, dnsproviders.AuthorityOptions{Resolvers: []string{dead, resolver.String()}, Timeout: time.Second})
	got, err := a.Confirm(t.Context(), planTo([]string{www}, zonetest.Set(www, "A", 60, "198.51.100.7")))
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v %v", got, err)
	}
	for i, want := range []string{"127.53.7.1:53", "127.53.7.2:53", ""} {
		if got[i].Server != names[i] || got[i].Address != want || got[i].OK != (want != "") {
			t.Errorf("%+v, want %s %s", got[i], names[i], want)
		}
	}
}

func TestConfirmWithoutAnyResolver(t *testing.T) {
	a := authority(t, dnsproviders.AuthorityOptions{Resolvers: []string{"127.0.0.1:1"}, Timeout: time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := a.Confirm(ctx, planTo([]string{www}, zonetest.Set(www, "A", 60, "198.51.100.7"))); err == nil || !strings.Contains(err.Error(), "dig") {
		t.Errorf("error %v", err)
	}
	if _, err := dnsproviders.NewAuthority(dnsproviders.AuthorityOptions{Resolvers: []string{"nonsense"}}); err == nil {
		t.Error("nonsense is no resolver")
	}
}

var _ failover.Confirm = (*dnsproviders.Authority)(nil).Confirm
