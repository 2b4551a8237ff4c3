package sim

import (
	"flag"
	"fmt"
	"testing"
)

var (
	oneSeed = flag.Uint64("seed", 0, "play this schedule alone, and tell its story")
	sims    = flag.Uint64("sims", 50, "how many random schedules to play")
	first   = flag.Uint64("from", 1, "the seed of the first schedule")
	version = flag.Int("drawing", rich, "how a seed becomes a schedule: 1 is the older way, with fewer things that happen")
)

// TestSim plays random schedules and checks the record of each.
func TestSim(t *testing.T) {
	from, to := *first, *first+*sims
	if *oneSeed != 0 {
		from, to = *oneSeed, *oneSeed+1
	}
	for seed := from; seed < to; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			simulate(t, seed, *version)
		})
	}
}

func simulate(t *testing.T, seed uint64, version int) {
	t.Helper()
	s := draw(seed, version)
	h := play(t, s, s.run)
	again := fmt.Sprintf("go test ./failover/sim -run TestSim -seed %d", seed)
	if version != rich {
		again += fmt.Sprintf(" -drawing %d", version)
	}
	report(t, h, again)
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

// BenchmarkSchedule plays one random schedule after the other and checks its record.
func BenchmarkSchedule(b *testing.B) {
	seed := uint64(0)
	for b.Loop() {
		seed++
		ok := testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "schedule", F: func(t *testing.T) {
			simulate(t, seed, rich)
		}}})
		if !ok {
			b.Fatalf("seed %d", seed)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Minutes(), "schedules/min")
}
