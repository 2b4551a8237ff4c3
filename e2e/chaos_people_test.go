package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// Other people write into the zone in the middle of an outage.
func peopleRows() []row {
	record := func(content string, ttl float64) cloudflaretest.Record {
		return cloudflaretest.Record{Name: "www.example.org", Type: "A", Content: content, TTL: ttl, Proxiable: true}
	}
	return []row{
		{fault: faultHuman, how: "a third address", run: edited("A", record("192.0.2.99", 300))},
		{fault: faultHuman, how: "the record deleted", run: edited("A")},
		{fault: faultHuman, how: "an AAAA added", run: edited("AAAA", cloudflaretest.Record{Name: "www.example.org", Type: "AAAA", Content: "2001:db8::99", TTL: 300, Proxiable: true})},
		{fault: faultHuman, how: "the TTL alone", run: ttlEdited},
		{fault: faultFight, how: "over and over, on_overwrite = reassert", run: fight},
		{fault: faultFight, how: "once, on_overwrite = hold", run: held},
	}
}

// edited expects that what a human wrote is not overwritten by automation, that it is told, and
// that an operator's order puts the original back.
func edited(rrtype string, records ...cloudflaretest.Record) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, "cloudflare", quick())
		c.begin(t)
		c.origin.set(refusing)
		c.awaitFallback(t)
		c.settled(t)
		c.eyes.lenient.Store(true)
		c.byHand(t, rrtype, records...)
		edited := c.dump(t)
		c.origin.set(well)
		c.m.waitStatus(t, "www", "tells of the drift", drifted)
		rest(4 * time.Second)
		if now := c.dump(t); strings.Join(now, "\n") != strings.Join(edited, "\n") {
			t.Errorf("what a human wrote was overwritten:\nthen %v\nnow %v", edited, now)
		}
		if said := c.m.say("restore", "www", "--force", "--yes", "--reason", "the outage is over"); said.Code != 0 {
			t.Errorf("restore --force: exit code %d, %s", said.Code, said.Err)
		}
		c.finish(t)
	}
}

// byHand replaces a set of the first host as a human or a program would.
func (c *cell) byHand(t *testing.T, rrtype string, records ...cloudflaretest.Record) {
	t.Helper()
	if err := c.api.Put(c.hosts()[1], c.hosts()[0], rrtype, records...); err != nil {
		t.Fatal(err)
	}
}

func drifted(s failover.SiteStatus) bool {
	for _, z := range s.State.Zones {
		if z.Trouble != "" {
			return true
		}
	}
	return false
}

// ttlEdited: a TTL that a human changed in the outage is theirs or ours, but what comes back is the
// original.
func ttlEdited(t *testing.T) {
	c := newCell(t, "cloudflare", quick())
	c.begin(t)
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.settled(t)
	c.byHand(t, "A", cloudflaretest.Record{Name: c.hosts()[0], Type: "A", Content: c.fallback(), TTL: 777, Proxiable: true})
	c.origin.set(well)
	c.m.waitStatus(t, "www", "tells of the drift, or went back", func(s failover.SiteStatus) bool {
		return drifted(s) || s.State.Phase == failover.Primary
	})
	rest(2 * time.Second)
	if c.atFallback() {
		if said := c.m.say("restore", "www", "--force", "--yes", "--reason", "the outage is over"); said.Code != 0 {
			t.Errorf("restore --force: exit code %d, %s", said.Code, said.Err)
		}
	}
	c.finish(t)
}

// terraform writes the origin's records, as a routine run does.
func (c *cell) terraform(t *testing.T) {
	t.Helper()
	for _, h := range c.hosts()[:2] {
		var sets []cloudflaretest.Record
		for i, o := range c.origins() {
			note := fmt.Sprintf("rack %d", i)
			sets = append(sets, cloudflaretest.Record{Name: h, Type: "A", Content: o, TTL: 300, Proxiable: true,
				Comment: &note, Tags: []string{"env:prod", fmt.Sprint("rack:", i)}})
		}
		if err := c.api.Put(c.hosts()[1], h, "A", sets...); err != nil {
			t.Fatal(err)
		}
	}
	note := "since 2024"
	c.byHand(t, "AAAA", cloudflaretest.Record{Name: c.hosts()[0], Type: "AAAA", Content: "2001:db8::20", TTL: 600, Proxiable: true, Comment: &note})
}

// lookNow makes the controller read the zone, which it does once a minute by itself: a site that
// changed in the configuration is looked at anew.
func (c *cell) lookNow(n int) {
	c.m.write(strings.ReplaceAll(c.config(), `armed_ttl  = "1s"`, fmt.Sprintf("armed_ttl  = \"1s\"\n  retry_after = \"%ds\"", 60+n)))
	c.m.signal(syscall.SIGHUP)
}

func fight(t *testing.T) {
	l := quick()
	l.site = `overwrite_grace = "1s"`
	c := newCell(t, "cloudflare", l)
	c.begin(t)
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.settled(t)
	stopped := func(s failover.SiteStatus) bool {
		return len(s.State.Zones) > 0 && strings.Contains(s.State.Zones[0].Trouble, "goes on undoing it")
	}
	for round := 1; round <= 4; round++ {
		c.settled(t)
		c.terraform(t)
		c.lookNow(round)
		lab.Within(t, long, "the name is at the origin", func() bool { return !c.atFallback() })
		c.m.waitStatus(t, "www", "put it right, or called it a fight", func(s failover.SiteStatus) bool { return c.atFallback() || stopped(s) })
		if c.atFallback() != (round < 4) {
			t.Errorf("round %d: at the fallback: %v; it is put right three times", round, c.atFallback())
		}
	}
	c.stay(t, 3*time.Second, "it is a fight, and left to an operator")
	if !strings.Contains(c.hooks.text(), "undoing it") {
		t.Error("no webhook tells of the fight")
	}
	c.origin.set(well)
	c.m.waitStatus(t, "www", "is primary again", func(s failover.SiteStatus) bool { return s.State.Phase == failover.Primary })
	c.settleFight(t)
}

func held(t *testing.T) {
	l := quick()
	l.site = `on_overwrite = "hold"`
	c := newCell(t, "cloudflare", l)
	c.begin(t)
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.settled(t)
	c.terraform(t)
	c.lookNow(1)
	c.m.waitStatus(t, "www", "tells of the drift", drifted)
	c.stay(t, 4*time.Second, "on_overwrite = hold")
	c.origin.set(well)
	c.m.waitStatus(t, "www", "is primary again", func(s failover.SiteStatus) bool { return s.State.Phase == failover.Primary })
	c.settleFight(t)
}

// settleFight ends the row: the zone holds the origin's records, whoever wrote them.
func (c *cell) settleFight(t *testing.T) {
	t.Helper()
	c.finish(t)
}
