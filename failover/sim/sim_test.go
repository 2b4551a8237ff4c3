package sim

import (
	"flag"
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

var (
	oneSeed = flag.Uint64("seed", 0, "play this schedule alone, and tell its story")
	sims    = flag.Uint64("sims", 25, "how many random schedules to play")
	first   = flag.Uint64("from", 1, "the seed of the first schedule")
)

// TestSim plays random schedules and checks the record of each.
func TestSim(t *testing.T) {
	from, to := *first, *first+*sims
	if *oneSeed != 0 {
		from, to = *oneSeed, *oneSeed+1
	}
	for seed := from; seed < to; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			simulate(t, seed)
		})
	}
}

// TestOldSeeds plays the schedules that found defects, each by its name.
func TestOldSeeds(t *testing.T) {
	for name, seed := range map[string]uint64{
		"half of a lowering became the baseline":                     47,
		"a change that was half done needed a human":                 57,
		"a late write met a fallback without a page":                 257,
		"a try for another wish ended the provider's Retry-After":    1584,
		"a stale look hid half of a lowering, which became baseline": 2215,
		"a plan from a stale look needed a human":                    5448,
	} {
		t.Run(name, func(t *testing.T) { simulate(t, seed) })
	}
}

func simulate(t *testing.T, seed uint64) {
	t.Helper()
	s := draw(seed)
	h := play(t, func() *World { return newWorld(seed, s.sites, s.modes) }, s.run)
	report(t, h, fmt.Sprintf("go test ./failover/sim -run TestSim -seed %d", seed))
	if *oneSeed != 0 {
		t.Logf("%v %+v\n%s", s.modes, s.sites, h.story())
	}
}

func report(t *testing.T, h *History, again string) {
	t.Helper()
	violations := Check(h)
	for _, v := range violations {
		t.Error(v)
	}
	if len(violations) > 0 {
		t.Logf("play it again: %s", again)
		if *oneSeed == 0 {
			t.Log(h.story())
		}
	}
}

// standard is one site with two hosts, and its zone.
func standard(mode string) *schedule {
	site := failover.Site{Name: "site0", Origin: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, TTL: failover.TTL{Armed: 30},
		Hosts: []failover.Host{{Name: "site0.example.org.", Zone: zoneA.Zone, Provider: zoneA.Provider},
			{Name: "www.site0.example.org.", Zone: zoneA.Zone, Provider: zoneA.Provider}},
		Policy: failover.Policy{DownAfter: 10 * time.Second, UpAfter: 30 * time.Second, Dwell: time.Minute, Quiet: 3 * time.Minute,
			Fresh: 15 * time.Second, FallbackFresh: 3 * time.Minute, Addresses: 1, Hosts: 2, Quorum: 2}}
	return &schedule{sites: []failover.Site{site}, modes: map[failover.ZoneRef]string{zoneA: mode}, down: map[string]bool{}}
}

// outage is an outage and the recovery from it.
func (s *schedule) outage(w *World) {
	after(10 * time.Second)
	w.setOrigin("site0", math.Inf(1))
	after(2 * time.Minute)
	w.setOrigin("site0", 0)
	after(s.rest(w))
	w.final(false)
}

// TestKillPoints kills the process at every step of an outage and the recovery, each time it comes
// to that step.
func TestKillPoints(t *testing.T) {
	for _, mode := range []string{guarded, batch, steps} {
		var seen map[string]int
		s := standard(mode)
		h := play(t, func() *World { return newWorld(1, s.sites, s.modes) }, func(w *World) { s.outage(w); seen = w.points })
		report(t, h, "go test ./failover/sim -run TestKillPoints")
		if len(seen) < 10 {
			t.Fatalf("%s: only these steps were seen: %v", mode, seen)
		}
		for point, times := range seen {
			for nth := 1; nth <= times; nth++ {
				name := fmt.Sprintf("%s/%s/%d", mode, point, nth)
				t.Run(name, func(t *testing.T) {
					s := standard(mode)
					h := play(t, func() *World {
						w := newWorld(1, s.sites, s.modes)
						w.killAt, w.killNth = point, nth
						return w
					}, s.outage)
					report(t, h, fmt.Sprintf("go test ./failover/sim -run 'TestKillPoints/%s'", name))
				})
			}
		}
	}
}
