package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/e2e/lab"
)

// cell is one controller's world in small, for tests that run many of them side by side: the
// controller and BIND are processes, all else lives in the test's own, and certificates lie in the
// data directory from the start.
type cell struct {
	*lab.Lab
	limits
	zone       string // canonical apex
	ns         *lab.NameServer
	api        *cloudflaretest.API // nil at BIND
	server     *cloudflaretest.Server
	ca         *chaosCA
	origin     *stand
	references []*door
	hooks      *sink
	m          *machine
	eyes       *eyes
	data       string   // the data directory
	ctl        string   // attributes for the controller block
	before     []string // the whole zone, before the controller saw it
	first      int      // at Cloudflare, the version that is before
	doubts     complaints
}

// limits are a site's, as short as a test wants them.
type limits struct {
	interval, timeout, down, up, dwell, quiet string
	site                                      string // more attributes of every site
	check                                     string // more attributes of every check
	shop                                      bool   // there is a second site
	acme                                      string // the acme block, if any
	quorum                                    int
	blocks                                    string  // more blocks
	island                                    *island // where the controller's network is; nil: with the test
	tmpfs                                     string  // size of a file system for the data directory
}

// quick are limits that make an outage last a few seconds.
func quick() limits {
	return limits{interval: "500ms", timeout: "500ms", down: "2s", up: "2s", dwell: "1s", quiet: "1s", quorum: 2}
}

// canary is the secret that webhooks are signed with.
const canary = "a-webhook-secret-that-must-never-print"

// newCell starts a world at "bind" or "cloudflare"; the controller is not started.
func newCell(t *testing.T, provider string, l limits) *cell {
	t.Helper()
	c := &cell{Lab: lab.New(t), limits: l, zone: "example.org."}
	if c.island != nil {
		c.island.join(c.Lab)
	}
	if c.data = c.Folder("data"); c.tmpfs != "" {
		c.mount()
	}
	c.ca = newCA(c.Lab, "root")
	for _, h := range c.hosts() {
		c.certificate(h, time.Now().Add(60*24*time.Hour), h)
	}
	if provider == "bind" {
		c.ns = c.BIND(c.zone, c.zoneText())
		c.before = c.ns.Dump(t)
	} else {
		c.cloudflare(t)
	}
	c.origin = newStand(c)
	for i := range byte(3) {
		c.references = append(c.references, newDoor(c.Lab, c.AddrPort(lab.AddrReference+i, 443)))
	}
	c.hooks = newSink(c.Lab, c.AddrPort(70, 8080))
	c.m = newMachine(c)
	c.eyes = watchNames(c, c.hosts()[:2])
	return c
}

func (c *cell) hosts() []string {
	apex := strings.TrimSuffix(c.zone, ".")
	return []string{"www." + apex, apex, "shop." + apex}
}

func (c *cell) fallback() string { return c.Addr(lab.AddrFallback).String() }

// origins are the origin's addresses, sorted.
func (c *cell) origins() []string {
	return []string{c.Addr(lab.AddrOrigin).String(), c.Addr(lab.AddrOrigin2).String()}
}

// certificate puts a certificate for a host where an operator would, made out to some names.
func (c *cell) certificate(host string, ends time.Time, names ...string) {
	cert, key := c.ca.issue(ends, names...)
	c.put(host, cert+key)
}

func (c *cell) put(host, text string) { c.Write("data/certificates/certs/"+host+".pem", text) }

func (c *cell) zoneText() string {
	return strings.NewReplacer("O1", c.origins()[0], "O2", c.origins()[1], "NS0", c.Addr(lab.AddrNS).String()).Replace(`$TTL 300
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
	records = append(records, cloudflaretest.Record{Name: "www." + apex, Type: "AAAA", Content: "2001:db8::20", TTL: 600, Proxiable: true, Comment: note("since 2024")})
	if err := c.api.Load(apex, records...); err != nil {
		t.Fatal(err)
	}
	names, err := c.api.ServeDNS(cloudflaretest.DNSOptions{Listen: c.AddrPort(lab.AddrNS, 53)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = names.Close() })
	c.ns = &lab.NameServer{Addr: names.Addr, Zone: c.zone}
	certText, keyText := c.ca.issue(time.Now().Add(time.Hour), c.Addr(lab.AddrAPI).String())
	pair, err := tls.X509KeyPair([]byte(certText), []byte(keyText))
	if err != nil {
		t.Fatal(err)
	}
	if c.server, err = cloudflaretest.Listen(c.api, cloudflaretest.ListenOptions{Addr: c.AddrPort(lab.AddrAPI, 443), Certificate: &pair}); err != nil {
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

// config is the configuration of the world.
func (c *cell) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, `
controller {
  data_dir = %q
  socket   = %q
  admin    = ""
  %s
  webhook "ops" {
    url    = "http://%s/"
    secret = env("WEBHOOK_SECRET")
  }
}
%s
%s
fallback {
  ipv4        = [%q]
  http        = [%q]
  https       = [%q]
  check_roots = %q
}
references {
  tcp      = [%q, %q, %q]
  quorum   = %d
  interval = "500ms"
  timeout  = "500ms"
}
%s
`, c.data, c.m.socket, c.ctl, c.hooks.addr, c.dnsBlock(), c.acme, c.fallback(), c.AddrPort(lab.AddrFallback, 80), c.AddrPort(lab.AddrFallback, 443),
		c.ca.file, c.references[0].addr, c.references[1].addr, c.references[2].addr, c.quorum, c.blocks)
	hosts := c.hosts()
	b.WriteString(c.siteBlock("www", hosts[:2]...))
	if c.shop {
		b.WriteString(c.siteBlock("shop", hosts[2]))
	}
	return b.String()
}

func (c *cell) dnsBlock() string {
	if c.api != nil {
		return fmt.Sprintf(`dns "cloudflare" "main" {
  zones         = [%q]
  token         = env("CF_TOKEN")
  endpoint      = %q
  ca_file       = %q
  authoritative = [%q]
}`, c.zone, c.server.URL, c.ca.file, c.ns.Addr)
	}
	return fmt.Sprintf(`dns "rfc2136" "main" {
  zones         = [%q]
  server        = %q
  timeout       = "2s"
  authoritative = [%q]
  tsig {
    name   = %q
    secret = env("TSIG_SECRET")
  }
}`, c.zone, c.ns.Addr, c.ns.Addr, lab.TSIGName)
}

func (c *cell) siteBlock(name string, hosts ...string) string {
	return fmt.Sprintf(`
site %q {
  hosts      = ["%s"]
  origin     = ["%s"]
  down_after = %q
  up_after   = %q
  dwell      = %q
  quiet      = %q
  armed_ttl  = "1s"
  %s
  check "https" "front" {
    body     = "all is well"
    interval = %q
    recheck  = "200ms"
    timeout  = %q
    %s
  }
}
`, name, strings.Join(hosts, `", "`), strings.Join(c.origins(), `", "`), c.down, c.up, c.dwell, c.quiet, c.site, c.interval, c.timeout, c.check)
}

// visitor visits the fallback by its address.
func (c *cell) visitor() lab.Visitor {
	return lab.Visitor{Roots: c.ca.pool, At: c.fallback()}
}

// begin starts the controller and waits until it is ready to switch.
func (c *cell) begin(t *testing.T) {
	t.Helper()
	c.m.start()
	c.m.waitReady(t, "www")
	if c.shop {
		c.m.waitReady(t, "shop")
	}
}

// files are all that the controller wrote, by path; certificates are not among them.
func (c *cell) files() map[string]string {
	all := map[string]string{}
	_ = filepath.Walk(c.data, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && !strings.Contains(path, "/certificates/") {
			text, _ := os.ReadFile(path)
			all[path] = string(text)
		}
		return nil
	})
	return all
}

// chaosCA is a certificate authority that also issues what has ended.
type chaosCA struct {
	lab  *lab.Lab
	cert *x509.Certificate
	sign func(template *x509.Certificate) (cert, key string)
	file string // PEM of the root
	pool *x509.CertPool
}

func (a *chaosCA) issue(ends time.Time, names ...string) (cert, key string) {
	return a.sign(leaf(ends, names...))
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
