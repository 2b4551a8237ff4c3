package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// Origins that are unwell in odd ways, and many that are unwell at once.
func originRows() []row {
	rows := []row{
		{fault: faultOrigin, how: "flaps at 2 Hz", run: flaps(250 * time.Millisecond)},
		{fault: faultOrigin, how: "flaps at 0.5 Hz", run: flaps(time.Second)},
		{fault: faultOrigin, how: "flaps at 0.15 Hz", run: flaps(3300 * time.Millisecond)},
		{fault: faultOrigin, how: "hangs; another site's looks go on", run: hangs},
		{fault: faultMass, how: "a reference does not answer: hold", run: massDoubtful},
		{fault: faultMass, how: "all references answer: all switch", run: massClear},
	}
	for _, bad := range [][2]string{{"one byte a second", trickles}, {"status 500", failing}, {"200 with the wrong page", "It works!"},
		{"200 with an empty page", ""}, {"a redirect to itself", loops}, {"an expired certificate", expired}} {
		rows = append(rows, row{fault: faultOrigin, how: bad[0], run: unwell(bad[1])})
	}
	return rows
}

func unwell(mode string) func(t *testing.T) {
	return func(t *testing.T) {
		l := quick()
		l.check = "follow_redirects = true"
		c := newCell(t, "bind", l)
		c.begin(t)
		c.origin.set(mode)
		c.awaitFallback(t)
		if s, _ := c.m.status("www"); s.State.Cause == "" || s.State.Detail == "" {
			t.Errorf("the status names no cause: %q, %q", s.State.Cause, s.State.Detail)
		}
		c.stay(t, 3*time.Second, "the origin answers, but not well")
		c.origin.set(well)
		c.finish(t)
		c.wantSwitches(t, 2)
	}
}

// flaps lets the origin come and go. Nobody may see more switches than the dwell allows, which
// doubles each time.
func flaps(half time.Duration) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, "bind", quick())
		c.begin(t)
		ticker := time.NewTicker(half)
		defer ticker.Stop()
		for begin, mode := time.Now(), refusing; time.Since(begin) < 14*time.Second; <-ticker.C {
			c.origin.set(mode)
			if mode == well {
				mode = refusing
			} else {
				mode = well
			}
		}
		if n := c.eyes.switches(c.hosts()[0]); n > 5 {
			t.Errorf("%d switches within 14 s", n)
		}
		c.origin.set(well)
		c.finish(t)
	}
}

func hangs(t *testing.T) {
	c := newCell(t, "bind", quick())
	c.blocks = fmt.Sprintf(`
site "steady" {
  hosts  = ["shop.example.org"]
  origin = [%q]
  check "tcp" "front" {
    port     = 443
    interval = "500ms"
  }
}
`, strings.TrimSuffix(newDoor(c.Lab, c.AddrPort(90, 443)).addr, ":443"))
	c.begin(t)
	c.m.waitReady(t, "steady")
	c.origin.set(hung)
	for range 6 {
		c.m.waitStatus(t, "steady", "was looked at within the last second and a half", func(s failover.SiteStatus) bool {
			return s.Verdict.Health == failover.Up && len(s.Observations) > 0 && newest(s) < 1500*time.Millisecond
		})
	}
	c.awaitFallback(t)
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
}

// newest is the age of the newest look at the origin.
func newest(s failover.SiteStatus) time.Duration {
	age := time.Hour
	for _, o := range s.Observations {
		if o.Role == failover.RoleOrigin {
			age = min(age, time.Since(o.At))
		}
	}
	return age
}

// herd is a world of four sites, all at the one origin.
func herd(t *testing.T) *cell {
	t.Helper()
	l := quick()
	l.shop = true
	c := newCell(t, "bind", l)
	for _, name := range []string{"static", "mail"} {
		host := name + ".example.org"
		c.certificate(host, time.Now().Add(60*24*time.Hour), host)
		c.blocks += c.siteBlock(name, host)
	}
	c.begin(t)
	c.m.waitReady(t, "static")
	c.m.waitReady(t, "mail")
	return c
}

func (c *cell) awaitHerd(t *testing.T) {
	t.Helper()
	for _, host := range []string{"www", "shop", "static", "mail"} {
		c.awaitValue(t, c.ns.Addr, host+".example.org", c.fallback())
	}
}

func massDoubtful(t *testing.T) {
	c := herd(t)
	c.references[2].shut() // two of three still answer: enough for one site, not for all
	c.origin.set(refusing)
	c.m.waitStatus(t, "www", "is held back by the doubt", func(s failover.SiteStatus) bool {
		for _, v := range s.State.Vetoes {
			if v.Rule == failover.VetoDoubt {
				return true
			}
		}
		return false
	})
	c.stay(t, 5*time.Second, "all sites fail, and a reference too")
	c.references[2].open()
	c.awaitHerd(t)
	c.origin.set(well)
	c.finish(t)
}

func massClear(t *testing.T) {
	c := herd(t)
	died := time.Now()
	c.origin.set(refusing)
	c.awaitHerd(t)
	t.Logf("figure: four sites switched %v after the origin's death", time.Since(died).Round(10*time.Millisecond))
	c.wantPage(t)
	c.origin.set(well)
	c.finish(t)
	lab.Within(t, long, "nothing of ours is left", func() bool { return lab.DiffLines(c.before, c.ns.Dump(t)) == "" })
}
