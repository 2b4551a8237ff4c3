package e2e

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/e2e/lab"
)

func (c *cell) zoneText() string {
	return strings.NewReplacer("2001:db8::20", c.origin6(), "O1", c.origins()[0], "O2", c.origins()[1], "NS0", c.Addr(lab.AddrNS).String()).Replace(`$TTL 300
@ SOA ns1 hostmaster 1 60 30 604800 5
@ NS ns1
@ 300 A O1
@ 300 A O2
@ 600 AAAA 2001:db8::20
@ MX 10 mail
@ TXT "v=spf1 mx -all"
ns1 A NS0
mail A 192.0.2.25
www 120 A O1
www 120 A O2
www 240 AAAA 2001:db8::20
www 77 HTTPS 1 . alpn="h2,h3" ipv4hint=O1
www TXT "a note beside the address"
shop 60 A O1
shop 60 A O2
static 600 A 192.0.2.80
_dmarc TXT "v=DMARC1; p=none"
`)
}

// cloudflare starts the API with a zone whose records have comments and tags of their own.
func (c *cell) cloudflare(t *testing.T) {
	t.Helper()
	apex := strings.TrimSuffix(c.zone, ".")
	c.api = cloudflaretest.New(cloudflaretest.Options{Zones: []string{apex}, MinTTL: 1, Limit: 100_000,
		Tokens: []cloudflaretest.Token{{Value: apiToken, Zones: []string{apex}}}, Observe: c.accepted})
	note := func(s string) *string { return &s }
	records := []cloudflaretest.Record{
		{Name: apex, Type: "TXT", Content: `"v=spf1 -all"`, TTL: 300, Comment: note("not to be touched"), Tags: []string{"mail"}},
		{Name: "static." + apex, Type: "CNAME", Content: "www." + apex, TTL: 300, Proxiable: true, Tags: []string{"cdn"}},
	}
	for _, h := range c.hosts() {
		for i, o := range c.origins() {
			records = append(records, cloudflaretest.Record{Name: h, Type: "A", Content: o, TTL: 300, Proxiable: true,
				Comment: note(fmt.Sprintf("rack %d", i)), Tags: []string{"env:prod", fmt.Sprint("rack:", i)}})
		}
	}
	records = append(records, cloudflaretest.Record{Name: "www." + apex, Type: "AAAA", Content: c.origin6(), TTL: 600, Proxiable: true, Comment: note("since 2024")})
	if err := c.api.Load(apex, records...); err != nil {
		t.Fatal(err)
	}
	names, err := c.api.ServeDNS(cloudflaretest.DNSOptions{Listen: c.AddrPort(lab.AddrNS, 53)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = names.Close() })
	c.ns = &lab.NameServer{Addr: names.Addr, Zone: c.zone}
	certText, keyText := c.ca.issue(time.Now().Add(60*24*time.Hour), c.Addr(lab.AddrAPI).String(), apiName)
	pair, err := tls.X509KeyPair([]byte(certText), []byte(keyText))
	if err != nil {
		t.Fatal(err)
	}
	if c.server, err = cloudflaretest.Listen(c.api, cloudflaretest.ListenOptions{Addr: c.AddrPort(lab.AddrAPI, 443), Certificate: &pair,
		OneCall: c.byName()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.server.Close() })
	c.before, c.first = c.dump(t), len(c.api.Versions(apex))-1
}

// accepted is called by the API after each exchange: at the instant at which a change towards the
// fallback was accepted, the fallback must serve the host.
func (c *cell) accepted(ex cloudflaretest.Exchange) {
	if ex.Method == "GET" || ex.Status != 200 || !strings.Contains(ex.RequestBody, c.fallback()) {
		return
	}
	run := c.m.run()
	if !c.m.running() {
		return // killed in the middle of the call: nobody could serve
	}
	if v := c.visitor().Get(c.hosts()[0]); v.Status != 503 && c.m.run() == run && c.m.running() {
		c.doubts.add("a change to the fallback was accepted while it answered %d, %v", v.Status, v.Err)
	}
}

// dump is the whole zone as its owner sees it.
func (c *cell) dump(t *testing.T) []string {
	t.Helper()
	if c.api == nil {
		return c.ns.Dump(t)
	}
	var lines []string
	for _, r := range c.api.Records(strings.TrimSuffix(c.zone, ".")) {
		lines = append(lines, r.String())
	}
	slices.Sort(lines)
	return lines
}
