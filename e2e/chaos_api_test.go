package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// writes selects the API's calls that change records.
const writes = "POST /zones/*/dns_records/batch"

// Faults of single calls: each way strikes twice, at the lowering of TTLs and at the switch, or at
// the return.
func apiRows() []row {
	type f = cloudflaretest.Fault
	rows := []row{
		{fault: faultLimits, how: "Retry-After 1", run: struck(f{Kind: cloudflaretest.RateLimit, Op: writes, RetryAfter: "1", Times: 2})},
		{fault: faultLimits, how: "Retry-After as a date", run: struckAnew(func() f {
			return f{Kind: cloudflaretest.RateLimit, Op: writes, RetryAfter: time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat)}
		})},
		{fault: faultLimits, how: "Retry-After 30 is obeyed", run: obeyed("30")},
		{fault: faultLimits, how: "Retry-After 3600 is obeyed", run: obeyed("3600")},
		{fault: faultLimits, how: "Retry-After that cannot be read", run: obeyed("soon")},
		{fault: faultLimits, how: "another zone goes on", run: otherZone},
	}
	for _, bad := range []struct {
		how string
		f
	}{
		{"500 from the API", f{Kind: cloudflaretest.Refuse, Status: 500, Code: 1000}},
		{"502 with an HTML body", f{Kind: cloudflaretest.HTML, Status: 502}},
		{"200 with an HTML body", f{Kind: cloudflaretest.HTML, Status: 200}},
		{"empty body", f{Kind: cloudflaretest.Empty, Status: 200}},
		{"JSON cut in the middle", f{Kind: cloudflaretest.Truncate}},
		{"200 with an error", f{Kind: cloudflaretest.SoftError, Code: 1000}},
	} {
		how, fault := bad.how, bad.f
		fault.Op, fault.Times = writes, 2
		applied := fault
		applied.Applied = true
		rows = append(rows, row{fault: faultReplies, how: how, run: struck(fault)},
			row{fault: faultLost, how: "applied, then " + how, run: struck(applied)})
	}
	return slices.Concat(rows, []row{
		{fault: faultReplies, how: "reads fail five times", run: struck(f{Kind: cloudflaretest.HTML, Op: "GET *", Status: 503, Times: 3}, f{Kind: cloudflaretest.HTML, Op: "GET /zones/*/dns_records", Status: 503, Times: 5})},
		{fault: faultSlow, how: "3 s for every change", run: struck(f{Kind: cloudflaretest.Slow, Op: writes, Delay: 3 * time.Second, Times: 2})},
		{fault: faultSlow, how: "30 s, longer than we wait", run: struck(f{Kind: cloudflaretest.Slow, Op: writes, Delay: 30 * time.Second, Times: 1})},
		{fault: faultLost, how: "connection closed before", run: struck(f{Kind: cloudflaretest.Drop, Op: writes, Times: 2})},
		{fault: faultLost, how: "connection closed after", run: struck(f{Kind: cloudflaretest.Drop, Op: writes, Applied: true, Times: 2})},
		{fault: faultLost, how: "connection closed within", run: struck(f{Kind: cloudflaretest.Cut, Op: writes, Applied: true, Times: 2})},
		{fault: faultStale, how: "five reads after each write", run: stale(5)},
		{fault: faultStale, how: "twenty reads after each write", run: stale(20)},
	}, halfRows())
}

// struck plays an outage with faults at the API on both ways.
func struck(faults ...cloudflaretest.Fault) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, "cloudflare", quick())
		c.begin(t)
		c.outage(t, func() { c.api.Fail(faults...) })
	}
}

func struckAnew(fault func() cloudflaretest.Fault) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, "cloudflare", quick())
		c.begin(t)
		c.outage(t, func() { c.api.Fail(fault()) })
	}
}

// outage plays an outage, with something before each way, and expects one switch each way.
func (c *cell) outage(t *testing.T, before func()) {
	t.Helper()
	before()
	c.origin.set(refusing)
	c.awaitFallback(t)
	before()
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
	if c.api != nil {
		c.checkJournaled(t)
	}
}

func (c *cell) wantSwitches(t *testing.T, n int) {
	t.Helper()
	if got := c.eyes.switches(c.hosts()[0]); got != n {
		t.Errorf("%s moved %d times, not %d", c.hosts()[0], got, n)
	}
}

// stale plays an outage at an API whose reads lag its writes.
func stale(reads int) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, "cloudflare", quick())
		c.begin(t)
		c.api.Behave(cloudflaretest.Behaviour{StaleReads: reads})
		c.outage(t, func() {})
	}
}

// obeyed expects that after a refusal nothing is sent for as long as it said, and that it is told.
func obeyed(retryAfter string) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, "cloudflare", quick())
		c.begin(t)
		c.api.Fail(cloudflaretest.Fault{Kind: cloudflaretest.RateLimit, Op: writes, RetryAfter: retryAfter})
		c.origin.set(refusing)
		lab.Within(t, long, "the API refused a change", func() bool { return len(c.api.Faults()) == 0 })
		calls := len(c.api.Log())
		c.stay(t, 8*time.Second, "the API told us to wait")
		if more := len(c.api.Log()) - calls; more > 0 {
			t.Errorf("%d calls within 8 s after Retry-After: %s", more, retryAfter)
		}
		if !c.m.said.has("API refuses calls") {
			t.Error("the log does not tell that the API refuses calls")
		}
		c.m.kill() // a new process has heard no refusal
		c.m.start()
		c.awaitFallback(t)
		c.origin.set(well)
		c.finish(t)
	}
}

// otherZone expects that a zone at another provider is switched while one provider refuses calls.
func otherZone(t *testing.T) {
	l := quick()
	c := newCell(t, "cloudflare", l)
	const other = "www.example.net"
	c.certificate(other, time.Now().Add(60*24*time.Hour), other)
	own := c.AddrPort(80, 53)
	c.blocks = `dns "builtin" "own" {
  zones         = ["example.net"]
  listen        = ["` + own + `"]
  nameservers   = ["ns1.example.org"]
  authoritative = ["` + own + `"]
  records       = ["www 30 IN A ` + c.origins()[0] + `", "www 30 IN A ` + c.origins()[1] + `"]
}
` + c.siteBlock("other", other)
	c.begin(t)
	c.m.waitReady(t, "other")
	c.api.Fail(cloudflaretest.Fault{Kind: cloudflaretest.RateLimit, Op: writes, RetryAfter: "3600"})
	c.origin.set(refusing)
	c.awaitValue(t, own, other, c.fallback())
	if c.atFallback() {
		t.Error("the zone of the provider that refuses calls moved too")
	}
	c.m.kill()
	c.m.start()
	c.awaitFallback(t)
	c.origin.set(well)
	c.awaitValue(t, own, other, strings.Join(c.origins(), " "))
	c.finish(t)
}

// awaitValue waits until a name server answers a set of addresses.
func (c *cell) awaitValue(t *testing.T, server, name, want string) {
	t.Helper()
	lab.Within(t, long, name+" is at "+want, func() bool {
		values, err := lab.Values(server, dns.Fqdn(name), dns.TypeA)
		return err == nil && strings.Join(values, " ") == want
	})
}

// The provider is away for longer than the origin.
func providerRows() []row {
	gone := cloudflaretest.Fault{Kind: cloudflaretest.Drop, Times: -1}
	return []row{
		{fault: faultProvider, how: "the origin fails and recovers meanwhile: no change", run: func(t *testing.T) {
			c := newCell(t, "cloudflare", quick())
			c.begin(t)
			c.api.Fail(gone)
			for range 2 {
				c.origin.set(refusing)
				c.m.waitStatus(t, "www", "says that the provider is not seen", refuses(failover.VetoUnseen))
				c.origin.set(well)
				c.m.waitStatus(t, "www", "is in phase primary", func(s failover.SiteStatus) bool { return s.State.Phase == failover.Primary })
			}
			c.api.Heal()
			c.stay(t, 3*time.Second, "the provider is back, and so is the origin")
			c.finish(t)
			c.wantSwitches(t, 0)
		}},
		{fault: faultProvider, how: "the origin is still away then: one change", run: func(t *testing.T) {
			c := newCell(t, "cloudflare", quick())
			c.begin(t)
			c.api.Fail(gone)
			c.origin.set(refusing)
			c.m.waitStatus(t, "www", "says that the provider is not seen", refuses(failover.VetoUnseen))
			lab.Within(t, long, "an alarm tells of it", func() bool { return strings.Contains(c.hooks.text(), "unavailable") })
			c.stay(t, 3*time.Second, "the provider is away")
			c.api.Heal()
			c.awaitFallback(t)
			c.origin.set(well)
			c.finish(t)
			c.wantSwitches(t, 2)
		}},
		{fault: faultProvider, how: "the name server hangs (SIGSTOP) during the switch", run: nameServerHangs},
	}
}
