package cloudflaretest_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
)

func tlsConfig(roots *x509.CertPool) *tls.Config { return &tls.Config{RootCAs: roots} }

// ask asks a nameserver as a client does; size is the buffer it offers, 0: no EDNS.
func ask(t *testing.T, network, server, name, rrtype string, size uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, dns.StringToType[rrtype])
	if size > 0 {
		q.SetEdns0(size, false)
	}
	m, _, err := (&dns.Client{Net: network, Timeout: 5 * time.Second}).ExchangeContext(t.Context(), q, server)
	if err != nil {
		t.Fatalf("%s %s: %v", name, rrtype, err)
	}
	return m
}

// said renders an answer in one line.
func said(m *dns.Msg) string {
	parts := []string{dns.RcodeToString[m.Rcode]}
	for _, rr := range m.Answer {
		parts = append(parts, fmt.Sprintf("%s %d %s", rr.Header().Name, rr.Header().Ttl, strings.TrimPrefix(rr.String(), rr.Header().String())))
	}
	return strings.Join(parts, ", ")
}

func TestNameserver(t *testing.T) {
	api := cloudflaretest.New(cloudflaretest.Options{Zones: []string{zone}})
	ten := 10.0
	records := []cloudflaretest.Record{
		{Name: "@", Type: "A", Content: "192.0.2.1", Proxied: true},
		{Name: "@", Type: "MX", Content: "mail.example.org", Priority: &ten, TTL: 3600},
		{Name: "www", Type: "A", Content: "192.0.2.1", TTL: 60},
		{Name: "www", Type: "HTTPS", Content: `1 . alpn="h2"`, TTL: 60},
		{Name: "alias", Type: "CNAME", Content: "www.example.org", TTL: 1},
		{Name: "away", Type: "CNAME", Content: "host.example.net", TTL: 60},
		{Name: "*.apps", Type: "A", Content: "192.0.2.9", TTL: 60},
		{Name: "a.b.apps", Type: "TXT", Content: "plain text", TTL: 60},
	}
	for i := range 40 {
		records = append(records, cloudflaretest.Record{Name: "many", Type: "A", Content: fmt.Sprintf("192.0.2.%d", i), TTL: 60})
	}
	if err := api.Load(zone, records...); err != nil {
		t.Fatal(err)
	}
	s, err := api.ServeDNS(cloudflaretest.DNSOptions{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct{ name, rrtype, want string }{
		{"example.org.", "A", "NOERROR, example.org. 300 127.0.0.80, example.org. 300 127.0.0.81"},
		{"example.org.", "AAAA", "NOERROR"},
		{"example.org.", "MX", "NOERROR, example.org. 3600 10 mail.example.org."},
		{"www.Example.org.", "A", "NOERROR, www.example.org. 60 192.0.2.1"},
		{"www.example.org.", "HTTPS", `NOERROR, www.example.org. 60 1 . alpn="h2"`},
		{"www.example.org.", "AAAA", "NOERROR"},
		{"alias.example.org.", "A", "NOERROR, alias.example.org. 300 www.example.org., www.example.org. 60 192.0.2.1"},
		{"alias.example.org.", "CNAME", "NOERROR, alias.example.org. 300 www.example.org."},
		{"away.example.org.", "A", "NOERROR, away.example.org. 60 host.example.net."},
		{"x.apps.example.org.", "A", "NOERROR, x.apps.example.org. 60 192.0.2.9"},
		{"x.apps.example.org.", "TXT", "NOERROR"},
		{"b.apps.example.org.", "A", "NOERROR"},
		{"x.b.apps.example.org.", "A", "NXDOMAIN"},
		{"a.b.apps.example.org.", "TXT", `NOERROR, a.b.apps.example.org. 60 "plain text"`},
		{"nothing.example.org.", "A", "NXDOMAIN"},
		{"example.net.", "A", "REFUSED"},
		{"example.org.", "NS", "NOERROR, example.org. 86400 ns1.cloudflare.example., example.org. 86400 ns2.cloudflare.example."},
	} {
		for _, network := range []string{"udp", "tcp"} {
			m := ask(t, network, s.Addr, c.name, c.rrtype, 1232)
			if got := said(m); got != c.want {
				t.Errorf("%s %s %s: %s, want %s", network, c.name, c.rrtype, got, c.want)
			}
			if negative := len(m.Answer) == 0 && m.Rcode != dns.RcodeRefused; negative != (len(m.Ns) == 1) {
				t.Errorf("%s %s: authority %v", c.name, c.rrtype, m.Ns)
			}
		}
	}
	if m := ask(t, "udp", s.Addr, "many.example.org.", "A", 0); !m.Truncated {
		t.Error("a large answer in 512 bytes is not truncated")
	}
	if m := ask(t, "tcp", s.Addr, "many.example.org.", "A", 0); m.Truncated || len(m.Answer) != 40 {
		t.Errorf("over TCP %d answers", len(m.Answer))
	}
	before := ask(t, "udp", s.Addr, "example.org.", "SOA", 0).Answer[0].(*dns.SOA).Serial
	if err := api.Put(zone, "www.example.org", "A", cloudflaretest.Record{Name: "www", Type: "A", Content: "198.51.100.7", TTL: 60}); err != nil {
		t.Fatal(err)
	}
	if got := said(ask(t, "udp", s.Addr, "www.example.org.", "A", 0)); got != "NOERROR, www.example.org. 60 198.51.100.7" {
		t.Errorf("after a change: %s", got)
	}
	if after := ask(t, "udp", s.Addr, "example.org.", "SOA", 0).Answer[0].(*dns.SOA).Serial; after != before+1 {
		t.Errorf("serial %d after %d", after, before)
	}
}

// writer takes what a nameserver answers, without a network.
type writer struct {
	dns.ResponseWriter
	m *dns.Msg
}

func (w *writer) WriteMsg(m *dns.Msg) error { w.m = m; return nil }
func (w *writer) RemoteAddr() net.Addr      { return &net.UDPAddr{} }

func TestPropagationTakesItsTime(t *testing.T) {
	api := cloudflaretest.New(cloudflaretest.Options{Zones: []string{zone}})
	s, err := api.ServeDNS(cloudflaretest.DNSOptions{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // from here on without a network, under fake time
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s.Slow(2*time.Second, 3*time.Second)
		put := func(content string) {
			if err := api.Put(zone, "www.example.org", "A", cloudflaretest.Record{ID: "one", Name: "www", Type: "A", Content: content, TTL: 60}); err != nil {
				t.Fatal(err)
			}
		}
		put("192.0.2.1")
		put("198.51.100.7")
		seen := []string{}
		for range 60 {
			w := &writer{}
			s.ServeDNS(w, new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA))
			if now := said(w.m); len(seen) == 0 || seen[len(seen)-1] != now {
				seen = append(seen, now)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if got := strings.Join(seen, "; "); !strings.HasPrefix(got, "NXDOMAIN; ") || !strings.HasSuffix(got, "198.51.100.7") {
			t.Errorf("seen over time: %s", got)
		}
	})
}
