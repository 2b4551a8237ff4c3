package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// gateway stands before the certificate authority, and is shut or open.
type gateway struct {
	c      *cell
	addr   string // host:port
	target *url.URL
	acme   *lab.ACME
	door   *lab.Authority // signs the authority's own door
}

// newGateway starts a certificate authority that nobody can reach yet. What it will issue is trusted
// by the controller and by visitors.
func newGateway(c *cell) *gateway {
	c.T.Helper()
	g := &gateway{c: c, addr: c.AddrPort(lab.AddrCA+1, 443), door: c.Authority()}
	g.acme = c.Pebble(g.door, &lab.Resolver{Addr: c.ns.Addr})
	target, err := url.Parse(g.acme.Directory)
	if err != nil {
		c.T.Fatal(err)
	}
	target.Path, g.target = "", target
	c.ca.file = c.Write("ca/both.pem", pemText("CERTIFICATE", c.ca.cert.Raw)+pemText("CERTIFICATE", g.acme.Root.Raw))
	c.ca.pool.AddCert(g.acme.Root)
	c.acme = fmt.Sprintf(`acme {
  directory     = %q
  email         = "ops@example.org"
  trusted_roots = %q
  dns           = "main"
  resolvers     = [%q]
}`, g.directory(), c.ca.file, c.ns.Addr)
	return g
}

func (g *gateway) directory() string { return "https://" + g.addr + "/dir" }

// open lets the authority be reached, until the test ends.
func (g *gateway) open(t *testing.T) {
	t.Helper()
	host, _, _ := strings.Cut(g.addr, ":")
	cert, key := g.c.ca.issue(time.Now().Add(60*day), host)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", g.addr, &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { // the Host stays: requests are signed with their URL
			r.Out.URL.Scheme, r.Out.URL.Host = g.target.Scheme, g.target.Host
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: g.c.Pool(g.door.File)}},
	}
	server := &http.Server{Handler: proxy, ReadHeaderTimeout: 5 * time.Second}
	serve(g.c.Lab, server, func() error { return server.Serve(listener) })
}

// caDownForWeeks lets a certificate's life run out while the authority cannot be reached: 30 days
// are left, then 10, which is an alarm, then 12 hours, which is less than min_validity.
func caDownForWeeks(t *testing.T) {
	c := newCell(t, "cloudflare", quick())
	g := newGateway(c)
	for _, h := range c.hosts()[:2] { // as the program itself keeps what that authority issued
		cert, key := c.ca.issue(time.Now().Add(30*day), h)
		c.put(h, "# ACME directory: "+g.directory()+"\n"+key+cert)
	}
	k := c.ownClock(t)
	c.begin(t)
	c.m.stop()
	k.turn(t, 20*day)
	down := c.m.said.next("the CA cannot be used; what is held is served")
	c.m.start()
	c.hear(t, down, "that the CA cannot be used")
	c.m.waitReady(t, "www")
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.origin.set(well)
	c.awaitRest(t)
	lab.Within(t, long, "the alarm that a certificate ends", func() bool { return c.m.said.has("alarm=certificate message=") })

	k.leap(t, 29*day+12*hour)
	c.origin.set(refusing)
	c.m.waitStatus(t, "www", "refuses to switch", refuses(failover.VetoFallback))
	c.stay(t, 3*time.Second, "the fallback's certificates end within min_validity")
	if said := c.hooks.text(); !strings.Contains(said, "the fallback is not ready") || !strings.Contains(said, "renewal fails") {
		t.Errorf("no webhook told that the fallback is not ready and why; the webhooks:\n%s", said)
	}

	renewed := c.m.said.next("certificate obtained")
	g.open(t)
	c.hear(t, renewed, "that a certificate was obtained")
	c.awaitFallback(t)
	if v := c.visitor().Get(c.hosts()[0]); !strings.Contains(v.Issuer, "Pebble") {
		t.Errorf("after the renewal visitors get a certificate of %q, %v", v.Issuer, v.Err)
	}
	lab.Within(t, long, "the end of that alarm", func() bool { return c.m.said.has(`"alarm over" site=www alarm=certificate`) })
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 4)
}
