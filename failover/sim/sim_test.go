package sim

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
)

var (
	oneSeed = flag.Uint64("seed", 0, "play this schedule alone, and tell its story")
	sims    = flag.Uint64("sims", 30, "how many random schedules to play")
	first   = flag.Uint64("from", 1, "the seed of the first schedule")
	procs   = flag.Int("procs", 1, "how many processes share the random schedules; one plays one schedule at a time")
	version = flag.Int("drawing", rich, "how a seed becomes a schedule: 1 is the older way, with fewer things that happen")
)

// TestSim plays random schedules and checks the record of each.
func TestSim(t *testing.T) {
	from, to := *first, *first+*sims
	if *oneSeed != 0 {
		from, to = *oneSeed, *oneSeed+1
	} else if *procs > 1 {
		share(t, from, to)
		return
	}
	for seed := from; seed < to; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			simulate(t, seed, *version)
		})
	}
}

// share divides the schedules from and up to among processes. Within one process they take turns:
// the order of goroutines and the waits that backoff draws belong to the process, and a seed is worth
// something only if it is played the same way again.
func share(t *testing.T, from, to uint64) {
	var all sync.WaitGroup
	for n := range uint64(*procs) {
		begin, end := from+(to-from)*n/uint64(*procs), from+(to-from)*(n+1)/uint64(*procs)
		if begin == end {
			continue
		}
		all.Go(func() {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSim$", "-test.timeout=0", "-procs=1", fmt.Sprintf("-from=%d", begin),
				fmt.Sprintf("-sims=%d", end-begin), fmt.Sprintf("-drawing=%d", *version))
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
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
