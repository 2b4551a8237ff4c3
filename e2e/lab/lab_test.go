package lab

import (
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestMain(m *testing.M) { Main(m, func() error { return nil }) }

// The lab itself: what the scenarios stand on must be sound on its own.
func TestLab(t *testing.T) {
	for _, server := range []struct {
		name  string
		start func(l *Lab, zone, records string) *NameServer
	}{{"BIND", (*Lab).BIND}, {"Knot", (*Lab).Knot}} {
		t.Run(server.name, func(t *testing.T) {
			l := New(t)
			const zone = "example.org."
			ns := server.start(l, zone, `$TTL 60
@ SOA ns1 hostmaster 1 60 30 604800 5
@ NS ns1
ns1 A `+l.Addr(AddrNS).String()+`
www 1 A `+l.Addr(AddrOrigin).String()+"\n")
			resolver := l.Unbound(ns)
			authority := l.Authority()
			origin := l.Origin(authority, []string{"www.example.org"}, AddrOrigin)
			acme := l.Pebble(authority, resolver)
			if acme.Root.Subject.CommonName == "" {
				t.Error("the ACME server's root has no name")
			}

			visitor := Visitor{Roots: l.Pool(authority.File), Resolver: resolver.Addr}
			if v := visitor.Get("www.example.org"); v.Status != 200 || v.Address != l.Addr(AddrOrigin).String() {
				t.Errorf("a visitor got status %d from %s: %v", v.Status, v.Address, v.Err)
			}
			origin.Kill()
			if v := visitor.Get("www.example.org"); v.Err == nil {
				t.Error("a killed origin still answers")
			}
			origin.Restart()
			if v := visitor.Get("www.example.org"); v.Status != 200 {
				t.Errorf("the restarted origin does not answer: %v", v.Err)
			}

			before := ns.Dump(t)
			update := new(dns.Msg).SetUpdate(zone)
			rr, err := dns.NewRR("new.example.org. 5 IN A 192.0.2.1")
			if err != nil {
				t.Fatal(err)
			}
			update.Insert([]dns.RR{rr})
			update.SetTsig(TSIGName, dns.HmacSHA256, 300, time.Now().Unix())
			client := &dns.Client{Net: "tcp", TsigSecret: map[string]string{TSIGName: TSIGSecret}}
			if answer, _, err := client.Exchange(update, ns.Addr); err != nil || answer.Rcode != dns.RcodeSuccess {
				t.Fatalf("update: %v, %v", answer, err)
			}
			if diff := DiffLines(before, ns.Dump(t)); diff != "+ "+rr.String()+"\n" {
				t.Errorf("the update changed:\n%s", diff)
			}
		})
	}
}

// A browser with a root of its own must find the origin's certificate good, and must not without.
func TestBrowser(t *testing.T) {
	l := New(t)
	authority := l.Authority()
	l.Origin(authority, []string{"www.example.org"}, AddrOrigin)
	browser := l.Browser(authority.File, "www.example.org", l.Addr(AddrOrigin).String())
	loaded := browser.Open("https://www.example.org/", "en")
	if loaded.Status != 200 || !loaded.Secure || loaded.Text != OriginText {
		t.Errorf("the browser got %+v", loaded)
	}
	for _, screen := range Screens() {
		if browser.Shoot(screen, l.Path(screen.Name+".png")) {
			t.Errorf("one line of text is wider than %s", screen.Name)
		}
	}
}
