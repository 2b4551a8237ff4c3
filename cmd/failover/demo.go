package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/failover-dns/failover/config"
	"github.com/failover-dns/failover/failover"
)

// demoOptions is what `failover demo` was told on the command line.
type demoOptions struct {
	Stay bool // leave everything running until interrupted
	Out  io.Writer
}

// demoHost is the site that the demo protects. Only the demo's own name server is asked for it.
const demoHost = "www.example.org"

// demoConfig is the configuration the demo runs with, which an operator could have written.
// %[1]s data directory, %[2]d web port, %[3]d DNS port, %[4]s origin, %[5]s fallback, %[6]s roots.
const demoConfig = `
controller {
  data_dir  = %[1]q
  admin     = ""
  log_level = "warn"
}
dns "builtin" "own" {
  zones         = ["example.org"]
  authoritative = ["127.0.0.1:%[3]d"]   # nobody delegates example.org to the demo
  listen        = ["127.0.0.1:%[3]d"]
  nameservers   = ["ns1.example.net"]
  records       = ["www 5 IN A %[4]s", "www 5 IN AAAA ::1", "@ 3600 IN MX 10 mail.example.net."]
}
fallback {
  ipv4        = [%[5]q]
  http        = []
  https       = ["%[5]s:%[2]d"]
  check       = ["%[5]s:%[2]d"]
  check_roots = %[6]q
}
references { none = true }   # a real installation asks places on other networks
site "shop" {
  hosts      = ["www.example.org"]
  origin     = [%[4]q]
  down_after = "3s"
  up_after   = "5s"
  dwell      = "5s"
  quiet      = "4s"
  armed_ttl  = "2s"
  check "https" "front" {
    port     = %[2]d
    interval = "1s"
    timeout  = "1s"
    verify   = false   # the origin's certificate is the demo's own
  }
}
`

// demo is one performance.
type demo struct {
	options demoOptions
	began   time.Time
	dir     string
	web     uint16 // port of the origin and the fallback, on different addresses
	dns     string // address of our own name server
	origin  *demoOrigin
	visitor *visitor
	entries chan failover.Entry
}

// Addresses of the demo. All of 127.0.0.0/8 is the machine itself; some systems want an alias for
// anything but 127.0.0.1.
const (
	demoOriginIP   = "127.0.0.1"
	demoFallbackIP = "127.0.0.2"
)

// runDemo plays an outage and a recovery on loopback.
func runDemo(ctx context.Context, o demoOptions) (err error) {
	d := &demo{options: o, began: time.Now(), entries: make(chan failover.Entry, 100)}
	if d.dir, err = os.MkdirTemp("", "failover-demo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	a, err := d.prepare()
	if err != nil {
		return err
	}
	defer d.origin.kill()
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.run(ctx, nil) }()
	err = d.play(ctx)
	if err == nil && o.Stay {
		d.say("demo", "everything stays up; end it with Ctrl-C")
		d.stay(ctx)
	}
	cancel()
	return errors.Join(err, <-ended)
}

// prepare makes certificates, starts the origin, and opens the same program that `failover run` is.
func (d *demo) prepare() (*app, error) {
	authority, err := newDemoCA()
	if err != nil {
		return nil, err
	}
	roots := filepath.Join(d.dir, "ca.pem")
	if err := os.WriteFile(roots, authority.pem(), 0o644); err != nil {
		return nil, err
	}
	if err := authority.store(filepath.Join(d.dir, "certificates", "certs"), demoHost); err != nil {
		return nil, err
	}
	if d.web, err = commonPort(demoOriginIP, demoFallbackIP); err != nil {
		return nil, err
	}
	if d.origin, err = newDemoOrigin(d.web, authority); err != nil {
		return nil, err
	}
	dnsPort, err := commonPort("127.0.0.1")
	if err != nil {
		return nil, err
	}
	d.dns = fmt.Sprintf("127.0.0.1:%d", dnsPort)
	d.visitor = newVisitor(d.dns, d.web, authority.pool())
	path := filepath.Join(d.dir, "failover.hcl")
	text := fmt.Sprintf(demoConfig, d.dir, d.web, dnsPort, demoOriginIP, demoFallbackIP, roots)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return newApp(appOptions{Version: buildVersion(), Log: io.Discard,
		Load: func() (*config.Config, error) { return config.Load(path) }, Record: d.record})
}

// record hears the controller's journal.
func (d *demo) record(e failover.Entry) {
	select {
	case d.entries <- e:
	default: // nobody listens any more
	}
}

// play is the story.
func (d *demo) play(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	d.say("demo", "https://%s is served by an origin at %s; the fallback waits at %s", demoHost, demoOriginIP, demoFallbackIP)
	if err := d.until(ctx, failover.EventBaseline); err != nil {
		return err
	}
	before, err := d.visitor.records(ctx)
	if err != nil {
		return err
	}
	d.say("zone", "%s", before)
	if err := d.visit(ctx, 200); err != nil {
		return err
	}
	d.try()
	d.say("demo", "the origin dies in five seconds")
	if err := d.pause(ctx, 5*time.Second); err != nil {
		return err
	}
	d.say("demo", "the origin dies now")
	killed := time.Now()
	d.origin.kill()
	if err := d.visit(ctx, 503); err != nil {
		return err
	}
	d.say("demo", "%.1f s after the origin died its visitors read the page", time.Since(killed).Seconds())
	d.say("demo", "the origin returns now")
	if err := d.origin.start(); err != nil {
		return err
	}
	if err := d.visit(ctx, 200); err != nil {
		return err
	}
	if err := d.untilTarget(ctx, failover.ToOrigin); err != nil {
		return err
	}
	after, err := d.visitor.records(ctx)
	if err != nil {
		return err
	}
	d.say("zone", "%s", after)
	if before != after {
		return fmt.Errorf("the zone is not what it was: before %q, after %q", before, after)
	}
	d.say("demo", "the zone is what it was, TTLs included; done")
	return nil
}
