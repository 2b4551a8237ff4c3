package e2e

import (
	"os"
	"path/filepath"
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
		if c.dual() {
			c.references = append(c.references, newDoor(c.Lab, c.AddrPort6(lab.AddrReference+i, 443)))
		}
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
