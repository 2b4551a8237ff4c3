package sim

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// standard is one site with two hosts, and its zone.
func standard(mode string) *schedule {
	s := newSchedule(1)
	s.seldom = true
	site := plainSite("site0", 1)
	site.Policy.Fresh = 30 * time.Second
	site.Hosts = []failover.Host{hostIn(zoneA, "site0."), hostIn(zoneA, "www.site0.")}
	site.Policy.Hosts = 2
	s.sites, s.modes[zoneA] = []failover.Site{site}, mode
	return s
}

// calm is as long as rest where nothing but the process fails.
func (s *schedule) calm() time.Duration {
	p := s.sites[0].Policy
	return p.UpAfter + 3*p.Dwell + 2*p.Quiet + refresh + time.Minute
}

// outage is an outage and the recovery from it.
func (s *schedule) outage(w *World) {
	after(10 * time.Second)
	w.setOrigin("site0", math.Inf(1))
	after(2 * time.Minute)
	w.setOrigin("site0", 0)
	after(s.calm())
	w.final(false)
}

// orders are all that an operator can ask for while the origin is well: TTLs down and up again,
// somebody's edit taken for right, a switch by hand and back.
func (s *schedule) orders(w *World) {
	say := func(action failover.Action) {
		w.command(w.machines[0], "site0", failover.Command{Action: action, By: "operator", Reason: "by hand"})
		after(40 * time.Second)
	}
	after(10 * time.Second)
	say(failover.Arm)
	say(failover.Disarm)
	w.byHand(zoneA, "site0."+zoneA.Zone, 0, 1)
	say(failover.Adopt)
	say(failover.Trigger)
	say(failover.Hold)
	say(failover.Restore)
	say(failover.Release)
	after(s.calm())
	w.final(false)
}

// changes are new configurations before, in and after an outage.
func (s *schedule) changes(w *World) {
	after(10 * time.Second)
	w.newHost(zoneA, "new."+zoneA.Zone)
	w.reload("a new host", addHost("site0", hostIn(zoneA, "new.")))
	after(time.Minute)
	w.setOrigin("site0", math.Inf(1))
	after(time.Minute)
	w.reload("limits", limits("site0", 2, true, 60))
	w.reload("the fallback moves", moveFallback)
	after(time.Minute)
	w.setOrigin("site0", 0)
	after(10 * time.Minute)
	w.reload("limits again", limits("site0", 1, false, 30))
	after(s.calm())
	w.final(false)
}

// tale is a course of events of which every step is worth a death.
type tale struct {
	name  string
	draw  func() *schedule
	story func(s *schedule, w *World)
	needs []string // steps that must come up
}

func tales() []tale {
	way := func(mode string) func() *schedule { return func() *schedule { return standard(mode) } }
	aliased := func() *schedule {
		s := standard(batch)
		s.fallback = named
		return s
	}
	alias := func() *schedule {
		s := standard(guarded)
		s.kinds["www.site0."+zoneA.Zone] = []string{withCNAME}
		s.fallback = dual
		return s
	}
	words := []string{"word arm", "word disarm", "word adopt", "word trigger", "word restore", "word hold", "word release"}
	return []tale{
		{guarded, way(guarded), (*schedule).outage, []string{"plan", "applied", "phase"}},
		{batch, way(batch), (*schedule).outage, []string{"plan", "applied", "phase"}},
		{steps, way(steps), (*schedule).outage, []string{"plan", "applied", "phase"}},
		{"to a CNAME", aliased, (*schedule).outage, []string{"plan", "applied", "phase"}},
		{"from a CNAME", alias, (*schedule).outage, []string{"plan", "applied", "phase"}},
		{"orders", way(guarded), (*schedule).orders, words},
		{"orders, step by step", way(steps), (*schedule).orders, words},
		{"reloads", way(batch), (*schedule).changes, []string{"start"}},
	}
}

// TestKillPoints kills the process at every step of every tale, each time it comes to that step.
func TestKillPoints(t *testing.T) {
	for _, tale := range tales() {
		var seen map[string]int
		s := tale.draw()
		h := play(t, s, func(w *World) { tale.story(s, w); seen = w.machines[0].points })
		report(t, h, "go test ./failover/sim -run TestKillPoints")
		tale.covers(t, seen)
		for _, point := range slices.Sorted(maps.Keys(seen)) {
			for nth := 1; nth <= seen[point]; nth++ {
				name := fmt.Sprintf("%s/%s/%d", tale.name, point, nth)
				t.Run(name, func(t *testing.T) {
					s := tale.draw()
					h := play(t, s, func(w *World) {
						w.setKill(point, nth)
						tale.story(s, w)
					})
					report(t, h, fmt.Sprintf("go test ./failover/sim -run 'TestKillPoints/%s'", name))
				})
			}
		}
	}
}

// covers fails the test if a tale did not come to the steps that it is told for.
func (tale tale) covers(t *testing.T, seen map[string]int) {
	t.Helper()
	if len(seen) < 10 {
		t.Errorf("%s: only these steps were seen: %v", tale.name, seen)
	}
	for _, step := range tale.needs {
		if seen["append.before "+step] == 0 {
			t.Errorf("%s: the step %q did not come up: %v", tale.name, step, seen)
		}
	}
}
