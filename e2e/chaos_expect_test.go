package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

func (c *cell) atFallback() bool { return c.eyes.value(c.hosts()[0]) == c.fallback() }

// awaitFallback waits until the zone points at the fallback, and looks at the page.
func (c *cell) awaitFallback(t *testing.T) {
	t.Helper()
	lab.Within(t, long, "the names are at the fallback", func() bool {
		return c.atFallback() && c.eyes.value(c.hosts()[1]) == c.fallback()
	})
	c.wantPage(t)
}

// settled waits until the controller knows that the change to the fallback was made.
func (c *cell) settled(t *testing.T) {
	t.Helper()
	c.m.waitStatus(t, "www", "knows that the change was made", func(s failover.SiteStatus) bool {
		return len(s.State.Zones) > 0 && s.State.Zones[0].Applied == failover.ToFallback && s.State.Zones[0].Plan == nil && !s.Acting
	})
}

// wantPage expects that a visitor of the fallback gets the page.
func (c *cell) wantPage(t *testing.T) {
	t.Helper()
	if v := c.visitor().Get(c.hosts()[0]); v.Status != 503 || !strings.Contains(v.Body, "</html>") {
		t.Errorf("a visitor got %d, %v: %.200q", v.Status, v.Err, v.Body)
	}
}

// stay expects that the name does not move for a while.
func (c *cell) stay(t *testing.T, d time.Duration, why string) {
	t.Helper()
	was, n := c.eyes.value(c.hosts()[0]), c.eyes.switches(c.hosts()[0])
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
	if now := c.eyes.value(c.hosts()[0]); now != was || c.eyes.switches(c.hosts()[0]) != n {
		t.Errorf("%s: the name moved from %s to %s", why, was, now)
	}
}

// awaitBaseline waits until the whole zone is exactly what it was.
func (c *cell) awaitBaseline(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	begin, diff := time.Now(), ""
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for ; time.Since(begin) < limit; <-ticker.C {
		if diff = lab.DiffLines(c.before, c.dump(t)); diff == "" {
			return time.Since(begin)
		}
	}
	t.Errorf("after %v the zone is not what it was:\n%s", limit, diff)
	return limit
}

// finish checks what every row must hold to: the zone as it was, nothing else ever touched, the
// names never empty, the journal readable, no secret in any output.
func (c *cell) finish(t *testing.T) {
	t.Helper()
	c.awaitRest(t)
	c.verify(t)
}

// awaitRest waits until the zone is what it was, and the controller wants nothing else of it.
func (c *cell) awaitRest(t *testing.T) {
	t.Helper()
	c.awaitBaseline(t, long)
	c.m.waitStatus(t, "www", "is at rest", func(s failover.SiteStatus) bool {
		return s.State.Phase == failover.Primary && !slices.ContainsFunc(s.State.Zones, func(z failover.ZoneState) bool { return !z.Untouched() })
	})
	c.awaitBaseline(t, long)
}

// verify is finish for a world that may be left in the fallback.
func (c *cell) verify(t *testing.T) {
	t.Helper()
	c.eyes.doubts.report(t)
	c.doubts.report(t)
	if c.api != nil && !c.eyes.lenient.Load() {
		apex := c.hosts()[1]
		ours := func(name, rrtype string) bool {
			moves := slices.Contains(c.hosts(), name) && slices.Contains([]string{"A", "AAAA", "CNAME", "HTTPS", "SVCB"}, rrtype)
			return moves || c.acme != "" && rrtype == "TXT" && strings.HasPrefix(name, "_acme-challenge.")
		}
		if err := c.api.NeverEmpty(apex, c.first, c.hosts()...); err != nil {
			t.Error(err)
		}
		if err := c.api.Untouched(apex, c.first, ours); err != nil {
			t.Error(err)
		}
	}
	c.checkSecrets(t, c.exported(t))
}

// exported is the state as the program exports it, which must be readable.
func (c *cell) exported(t *testing.T) string {
	t.Helper()
	said := c.m.say("state", "export")
	for deadline := time.Now().Add(long); said.Code != 0 && strings.Contains(said.Err, "uses it") && time.Now().Before(deadline); {
		said = c.m.say("state", "export") // the program is starting: it has the journal and is not at its door yet
	}
	if !json.Valid([]byte(said.Out)) || !strings.Contains(said.Out, `"www"`) {
		t.Errorf("failover state export: exit code %d, %s%.300s", said.Code, said.Err, said.Out)
	}
	return said.Out
}

func (c *cell) checkSecrets(t *testing.T, more string) {
	t.Helper()
	texts := c.files()
	texts["the log"], texts["the webhooks"], texts["the export"] = c.m.said.all(), c.hooks.text(), more
	for _, secret := range []string{lab.TSIGSecret, apiToken, canary} {
		for where, text := range texts {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds a secret", where)
			}
		}
	}
}

// checkJournaled expects a plan in the journal for every change that the API accepted.
func (c *cell) checkJournaled(t *testing.T) {
	t.Helper()
	plans, writes := 0, 0
	for _, site := range []string{"www", "shop"} {
		if site == "shop" && !c.shop {
			continue
		}
		for _, e := range c.m.entries(t, site) {
			if e.Event == failover.EventPlan {
				plans++
			}
		}
	}
	for _, v := range c.api.Versions(c.hosts()[1])[c.first+1:] {
		if v.By != "hand" {
			writes++
		}
	}
	if writes > plans {
		t.Errorf("the API accepted %d changes, and the journal knows %d plans", writes, plans)
	}
}
