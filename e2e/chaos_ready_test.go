package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// What the fallback needs in order to serve, and what the configuration may not do to it.
func readinessRows() []row {
	day := time.Now().Add(60 * 24 * time.Hour)
	return []row{
		{fault: faultCA, how: "an outage while the CA refuses connections", run: caDown},
		{fault: faultCA, how: "for weeks, until the fallback's certificates end", run: caDownForWeeks},
		{fault: faultCert, how: "expired", run: unfit(func(c *cell, host string) { c.certificate(host, time.Now().Add(-time.Hour), host) })},
		{fault: faultCert, how: "ends within min_validity", run: unfit(func(c *cell, host string) { c.certificate(host, time.Now().Add(time.Hour), host) })},
		{fault: faultCert, how: "for a wrong host", run: unfit(func(c *cell, host string) { c.certificate(host, day, "mail.example.org") })},
		{fault: faultCert, how: "of an authority nobody trusts", run: unfit(func(c *cell, host string) {
			cert, key := newCA(c.Lab, "stranger").issue(day, host)
			c.put(host, cert+key)
		})},
		{fault: faultCert, how: "key of another", run: unfit(func(c *cell, host string) {
			cert, _ := c.ca.issue(day, host)
			key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			der, _ := x509.MarshalPKCS8PrivateKey(key)
			c.put(host, cert+pemText("PRIVATE KEY", der))
		})},
		{fault: faultCert, how: "unreadable", run: unfit(func(c *cell, host string) { c.put(host, "-----BEGIN GARBAGE-----\n") })},
		{fault: faultListener, how: "port taken", run: portTaken},
		{fault: faultReload, how: "syntax, unknown key, host twice, the failed-over site removed or renamed, in an outage", run: reloads},
	}
}

func caDown(t *testing.T) {
	l := quick()
	c := newCell(t, "cloudflare", l)
	c.acme = fmt.Sprintf(`acme {
  directory     = "https://%s/dir"
  email         = "ops@example.org"
  trusted_roots = %q
}`, c.AddrPort(lab.AddrCA, 443), c.ca.file)
	c.begin(t)
	c.outage(t, func() {})
}

// unfit expects that a host whose certificate is unfit is not switched, that this is said, and that
// another site is.
func unfit(spoil func(c *cell, host string)) func(t *testing.T) {
	return func(t *testing.T) {
		l := quick()
		l.shop = true
		c := newCell(t, "bind", l)
		spoil(c, c.hosts()[0])
		c.m.start()
		c.m.waitReady(t, "shop")
		c.m.waitStatus(t, "www", "sees the origin well", func(s failover.SiteStatus) bool { return s.Verdict.Health == failover.Up && based(s) })
		c.origin.set(refusing)
		c.awaitValue(t, c.ns.Addr, c.hosts()[2], c.fallback())
		c.m.waitStatus(t, "www", "refuses to switch", func(s failover.SiteStatus) bool {
			return slices.ContainsFunc(s.State.Vetoes, func(v failover.Veto) bool { return v.Rule == failover.VetoFallback })
		})
		c.stay(t, 3*time.Second, "the fallback has no fit certificate for this host")
		c.certificate(c.hosts()[0], time.Now().Add(60*24*time.Hour), c.hosts()[0])
		c.m.kill()
		c.m.start()
		c.awaitFallback(t)
		c.origin.set(well)
		c.awaitValue(t, c.ns.Addr, c.hosts()[2], strings.Join(c.origins(), " "))
		c.finish(t)
		c.wantSwitches(t, 2)
	}
}

func portTaken(t *testing.T) {
	c := newCell(t, "bind", quick())
	addr := c.AddrPort(lab.AddrFallback, 443)
	squatter, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	c.m.start()
	if code := c.m.exit(20 * time.Second); code != 1 || !c.m.said.has(addr) {
		t.Errorf("with its port taken the program ended with %d and did not name %s", code, addr)
	}
	c.awaitBaseline(t, time.Second)
	squatter.Close()
	c.begin(t)
	c.outage(t, func() {})
}

// reloads gives the controller broken configurations in the middle of an outage.
func reloads(t *testing.T) {
	c := newCell(t, "bind", quick())
	c.begin(t)
	c.origin.set(refusing)
	c.awaitFallback(t)
	visits := c.visitAlways()
	good := c.config()
	whole := c.siteBlock("www", c.hosts()[:2]...)
	for what, config := range map[string]string{
		"a brace too many":  good + "\n}}}\n",
		"an unknown key":    strings.Replace(good, "down_after", "dawn_after", 1),
		"a host twice":      good + c.siteBlock("twin", c.hosts()[0]),
		"the site removed":  strings.Replace(good, whole, "", 1) + c.siteBlock("shop", c.hosts()[2]),
		"the site renamed":  strings.Replace(good, `site "www"`, `site "web"`, 1),
		"the hosts changed": strings.Replace(good, whole, c.siteBlock("www", c.hosts()[0]), 1),
		"an empty file":     "",
	} {
		refused := c.m.said.next("was not reloaded")
		c.m.write(config)
		c.m.signal(syscall.SIGHUP)
		select {
		case <-refused:
		case <-time.After(long):
			t.Errorf("%s: not refused", what)
		}
		c.wantPage(t)
	}
	again := c.m.said.next("configuration reloaded")
	c.m.write(strings.Replace(good, `armed_ttl  = "1s"`, `armed_ttl  = "2s"`, 1))
	c.m.signal(syscall.SIGHUP)
	select {
	case <-again:
	case <-time.After(long):
		t.Error("a good configuration was not taken")
	}
	if !c.atFallback() || visits.pages.Load() == 0 {
		t.Errorf("the name moved, or nobody got the page (%d)", visits.pages.Load())
	}
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
}

// signalBIND sends a signal to the name server.
func (c *cell) signalBIND(t *testing.T, sig syscall.Signal) {
	t.Helper()
	text, err := os.ReadFile(c.Path("bind/named.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

// nameServerHangs stops BIND itself in the middle of the switch.
func nameServerHangs(t *testing.T) {
	c := newCell(t, "bind", quick())
	c.begin(t)
	c.signalBIND(t, syscall.SIGSTOP)
	c.origin.set(refusing)
	c.m.waitStatus(t, "www", "says that the provider is not seen", refuses(failover.VetoUnseen))
	rest(6 * time.Second) // longer than the time-out of an exchange
	c.signalBIND(t, syscall.SIGCONT)
	c.awaitFallback(t)
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
	if _, err := lab.Query(c.ns.Addr, c.zone, dns.TypeSOA); err != nil {
		t.Error(err)
	}
}
