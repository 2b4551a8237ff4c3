package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// The controller's wall clock is set, in every phase. The machine's is not: see shiftPatches.
func clockRows() []row {
	rows := []row{
		{fault: faultClock, how: "an hour and a day, both ways, while all is well", run: leapsWell},
		{fault: faultClock, how: "a day back, to before the origin's certificate", run: pastCertificate(-day, true)},
		{fault: faultClock, how: "a month forward, past the origin's certificate", run: pastCertificate(30*day, true)},
		{fault: faultClock, how: "started a day back, before the origin's certificate", run: pastCertificate(-day, false)},
		{fault: faultClock, how: "an hour at a server that looks at the time (TSIG)", run: wrongTime},
	}
	for _, d := range []time.Duration{hour, -hour, day, -day} {
		rows = append(rows,
			row{fault: faultClock, how: off(d) + " while suspected", run: leapsSuspected(d)},
			row{fault: faultClock, how: off(d) + " while recovering", run: leapsRecovering(d)})
	}
	for _, d := range []time.Duration{day, -day} {
		rows = append(rows,
			row{fault: faultClock, how: off(d) + " while failed over", run: leapsFailedOver(d)},
			row{fault: faultClock, how: off(d) + " within dwell", run: leapsDwelling(d)},
			row{fault: faultClock, how: off(d) + " between two runs, failed over", run: leapsStopped(d)})
	}
	for _, d := range []time.Duration{year, -year} {
		rows = append(rows, row{fault: faultClock, how: off(d) + ": no certificate is valid", run: leapsAYear(d)})
	}
	return append(rows, row{fault: faultClock, how: "a year forward while failed over", run: yearFailedOver})
}

// timed is a world at Cloudflare whose controller runs by a clock of its own.
func timed(t *testing.T, l limits) (*cell, *clock) {
	t.Helper()
	c := newCell(t, "cloudflare", l)
	k := c.ownClock(t)
	c.begin(t)
	return c, k
}

// leapsWell expects that not one change is sent for a leap alone, and that an outage afterwards is as
// any other.
func leapsWell(t *testing.T) {
	l := quick()
	l.shop = true
	c, k := timed(t, l)
	for _, d := range []time.Duration{hour, -hour, day, -day} {
		k.leap(t, d)
		c.stay(t, 3*time.Second, "the clock alone was set")
	}
	if n := len(c.api.Versions(c.hosts()[1])) - 1; n != c.first {
		t.Errorf("%d changes were sent, and nothing but the clock had moved", n-c.first)
	}
	c.outage(t, func() {})
}

// leapsSuspected expects that what failed before the leap does not count.
func leapsSuspected(d time.Duration) func(t *testing.T) {
	return func(t *testing.T) {
		l := quick()
		l.down = "5s"
		c, k := timed(t, l)
		suspected := c.m.said.next("primary -> suspect")
		c.origin.set(refusing)
		c.hear(t, suspected, "that the origin is suspected")
		rest(2 * time.Second)
		leapt := time.Now()
		k.turn(t, d)
		c.awaitFallback(t)
		if after := c.eyes.turned(c.hosts()[0]).Sub(leapt); after < 5*time.Second {
			t.Errorf("switched %v after the leap, with down_after = 5s: what was before it counted", after)
		}
		c.settled(t)
		c.origin.set(well)
		c.finish(t)
		c.wantSwitches(t, 2)
		c.checkJournaled(t)
	}
}

// leapsRecovering expects that the health seen before the leap does not count.
func leapsRecovering(d time.Duration) func(t *testing.T) {
	return func(t *testing.T) {
		l := quick()
		l.up = "5s"
		c, k := timed(t, l)
		c.origin.set(refusing)
		c.awaitFallback(t)
		c.settled(t)
		recovering := c.m.said.next("fallback -> recovering")
		c.origin.set(well)
		c.hear(t, recovering, "that the origin recovers")
		rest(2 * time.Second)
		leapt := time.Now()
		k.turn(t, d)
		c.awaitOrigin(t)
		if after := c.eyes.turned(c.hosts()[0]).Sub(leapt); after < 5*time.Second {
			t.Errorf("back %v after the leap, with up_after = 5s: what was before it counted", after)
		}
		c.finish(t)
		c.wantSwitches(t, 2)
		c.checkJournaled(t)
	}
}

// leapsFailedOver expects that the site stays, its page is served, and the way back is as ever.
func leapsFailedOver(d time.Duration) func(t *testing.T) {
	return func(t *testing.T) {
		c, k := timed(t, quick())
		c.origin.set(refusing)
		c.awaitFallback(t)
		c.settled(t)
		for _, by := range []time.Duration{d / 24, d} {
			k.leap(t, by)
			c.stay(t, 4*time.Second, "the clock alone was set")
			c.wantPage(t)
		}
		c.origin.set(well)
		c.finish(t)
		c.wantSwitches(t, 2)
		c.checkJournaled(t)
	}
}

// leapsDwelling expects that a leap neither ends the dwell nor makes it longer than anybody waits.
func leapsDwelling(d time.Duration) func(t *testing.T) {
	return func(t *testing.T) {
		l := quick()
		l.dwell = "8s"
		c, k := timed(t, l)
		c.origin.set(refusing)
		c.awaitFallback(t)
		switched := c.eyes.turned(c.hosts()[0])
		c.origin.set(well)
		k.turn(t, d)
		c.awaitOrigin(t)
		if after := c.eyes.turned(c.hosts()[0]).Sub(switched); after < 6*time.Second { // of two changes, each may take its time
			t.Errorf("back after %v, with dwell = 8s", after)
		}
		c.finish(t)
		c.wantSwitches(t, 2)
	}
}

// leapsStopped sets the clock while the controller does not run: all it has is what it wrote by the
// other clock.
func leapsStopped(d time.Duration) func(t *testing.T) {
	return func(t *testing.T) {
		c, k := timed(t, quick())
		c.origin.set(refusing)
		c.awaitFallback(t)
		c.settled(t)
		c.m.kill()
		k.turn(t, d)
		c.m.start()
		c.stay(t, 5*time.Second, "the clock alone was set")
		c.wantPage(t)
		c.origin.set(well)
		c.awaitRest(t)
		c.m.waitReady(t, "www")
		c.origin.set(refusing) // and once more, by the new clock
		c.awaitFallback(t)
		c.origin.set(well)
		c.finish(t)
		c.wantSwitches(t, 4)
		c.checkJournaled(t)
	}
}

// awaitOrigin waits until the name is at the origin.
func (c *cell) awaitOrigin(t *testing.T) {
	t.Helper()
	lab.Within(t, long, "the name is at the origin", func() bool {
		return c.eyes.value(c.hosts()[0]) == strings.Join(c.origins(), " ")
	})
}

// refuses tells whether a site's switch is refused by a rule.
func refuses(rule string) func(s failover.SiteStatus) bool {
	return func(s failover.SiteStatus) bool {
		for _, v := range s.State.Vetoes {
			if v.Rule == rule {
				return true
			}
		}
		return false
	}
}
