package e2e

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/e2e/lab"
)

// The same story at the Cloudflare API: one host behind the proxy and one beside it, several
// addresses each, every record with a comment and tags of its own. All of it comes back.
func TestOutageAtCloudflare(t *testing.T) {
	t.Parallel()
	w, api, contract := newCloudflareWorld(t)
	before, first := bare(api), len(api.Versions("example.org"))-1
	controller := w.Controller(binary, w.cloudflareConfig(t, api), w.env()...)
	controller.WaitReady(t, "www")
	watcher := w.Watch(w.ns, name)

	killed := time.Now()
	w.origin.Kill()
	lab.Within(t, long, "the name is at the fallback", func() bool { return !watcher.FirstAfter(killed, w.fallbackAddr()).IsZero() })
	t.Logf("figure: from the origin's death to the changed authoritative answer %v", watcher.FirstAfter(killed, w.fallbackAddr()).Sub(killed).Round(time.Millisecond))
	for _, r := range api.Records("example.org") {
		if !ours(r.Name, r.Type) {
			continue
		}
		if r.Type != "A" || r.Content != w.fallbackAddr() || r.Proxied != (r.Name == "shop.example.org") {
			t.Errorf("in the outage the zone holds %s", r)
		}
	}
	for _, h := range []string{host, "shop.example.org"} {
		checkPage(t, w.direct().Get(h), w.fallbackAddr(), w.acme.Root.Subject.CommonName)
	}

	returned := time.Now()
	w.origin.Restart()
	lab.Within(t, long, "the name is back at the origin", func() bool {
		return !watcher.FirstAfter(returned, w.originAddr(), w.Addr(lab.AddrOrigin2).String()).IsZero()
	})
	diff := ""
	for deadline := time.Now().Add(long); time.Now().Before(deadline); {
		if diff = lab.DiffLines(before, bare(api)); diff == "" {
			break
		}
	}
	if diff != "" {
		t.Errorf("the zone is not what it was:\n%s", diff)
	}
	watcher.CheckNeverEmpty(t)
	if err := api.NeverEmpty("example.org", first, host, "shop.example.org"); err != nil {
		t.Error(err)
	}
	if err := api.Untouched("example.org", first, ours); err != nil {
		t.Error(err)
	}
	contract.Check(t)
	w.checkSecrets(t, controller)
	entries := controller.History("www")
	checkConfirmed(t, entries, w.ns.Addr)
	logFigures(t, entries)
}

// ours tells whether the controller may touch a record set: the site's own, and ACME challenges.
func ours(name, rrtype string) bool {
	if strings.HasPrefix(name, "_acme-challenge.") {
		return rrtype == "TXT"
	}
	return (name == host || name == "shop.example.org") && slices.Contains([]string{"A", "AAAA", "CNAME", "HTTPS", "SVCB"}, rrtype)
}

// bare is the zone as its owner sees it, sorted: no ids and no times.
func bare(api *cloudflaretest.API) []string {
	var lines []string
	for _, r := range api.Records("example.org") {
		lines = append(lines, r.String())
	}
	slices.Sort(lines)
	return lines
}

func newCloudflareWorld(t *testing.T) (*world, *cloudflaretest.API, *lab.Contract) {
	t.Helper()
	w := &world{Lab: lab.New(t)}
	contract := lab.CloudflareContract(t)
	api := cloudflaretest.New(cloudflaretest.Options{Zones: []string{"example.org"},
		Tokens: []cloudflaretest.Token{{Value: apiToken, Zones: []string{"example.org"}}}, Observe: contract.Observe})
	if err := api.Load("example.org", w.cloudflareZone()...); err != nil {
		t.Fatal(err)
	}
	server, err := api.ServeDNS(cloudflaretest.DNSOptions{Listen: w.AddrPort(lab.AddrNS, 53),
		Nameservers: []string{"ns1.example.org"}, Glue: []netip.Addr{w.Addr(lab.AddrNS)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w.ns = w.Delegate(zone)
	w.resolver = w.Unbound(w.ns)
	w.authority = w.Authority()
	w.acme = w.Pebble(w.authority, w.resolver)
	w.origin = w.Origin(w.authority, []string{host, "shop.example.org"}, lab.AddrOrigin, lab.AddrOrigin2)
	w.reference = w.Reference()
	return w, api, contract
}

// cloudflareZone is the zone before anything happens.
func (w *world) cloudflareZone() []cloudflaretest.Record {
	origin, origin2 := w.originAddr(), w.Addr(lab.AddrOrigin2).String()
	priority := 10.0
	comment := func(s string) *string { return &s }
	return []cloudflaretest.Record{
		{Name: host, Type: "A", Content: origin, TTL: 300, Proxiable: true, Comment: comment("rack 1"), Tags: []string{"env:prod", "rack:1"}},
		{Name: host, Type: "A", Content: origin2, TTL: 300, Proxiable: true, Comment: comment("rack 2"), Tags: []string{"rack:2"}},
		{Name: host, Type: "AAAA", Content: "2001:db8::20", TTL: 600, Proxiable: true, Comment: comment("since 2024")},
		{Name: host, Type: "TXT", Content: `"beside the addresses"`, TTL: 300, Comment: comment("not to be touched")},
		{Name: "shop.example.org", Type: "A", Content: origin, TTL: 1, Proxiable: true, Proxied: true, Tags: []string{"shop"}},
		{Name: "shop.example.org", Type: "A", Content: origin2, TTL: 1, Proxiable: true, Proxied: true, Comment: comment("spare")},
		{Name: "shop.example.org", Type: "AAAA", Content: "2001:db8::21", TTL: 1, Proxiable: true, Proxied: true},
		{Name: "example.org", Type: "MX", Content: "mail.example.org", Priority: &priority, TTL: 3600, Comment: comment("mail")},
		{Name: "example.org", Type: "A", Content: "192.0.2.10", TTL: 1, Proxiable: true, Proxied: true, Comment: comment("not declared")},
		{Name: "static.example.org", Type: "CNAME", Content: host, TTL: 300, Proxiable: true, Tags: []string{"cdn"}},
	}
}

func (w *world) cloudflareConfig(t *testing.T, api *cloudflaretest.API) string {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(w.authority.Issue(w.Addr(lab.AddrAPI).String()))
	if err != nil {
		t.Fatal(err)
	}
	server, err := cloudflaretest.Listen(api, cloudflaretest.ListenOptions{Addr: w.AddrPort(lab.AddrAPI, 443), Certificate: &cert})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return w.controllerBlock() + fmt.Sprintf(`
dns "cloudflare" "main" {
  zones    = ["example.org"]
  token    = env("CF_TOKEN")
  endpoint = %q
  ca_file  = %q
}
`, server.URL, w.authority.File) + w.site("www", []string{host, "shop.example.org"}, w.originAddr(), w.Addr(lab.AddrOrigin2).String())
}
