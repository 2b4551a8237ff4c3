package probe

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failover-dns/failover/failover"
)

// lab runs a scheduler in a bubble of time and remembers what it reported, and when looks began.
type lab struct {
	*Scheduler
	start time.Time

	mu       sync.Mutex
	reported []failover.Observation
	began    map[string][]time.Duration
	active   map[string]int
}

// inLab runs a story with a scheduler that has started, in false time.
func inLab(t *testing.T, story func(*testing.T, *lab)) {
	synctest.Test(t, func(t *testing.T) {
		l := &lab{start: time.Now(), began: map[string][]time.Duration{}, active: map[string]int{}}
		l.Scheduler = NewScheduler(SchedulerOptions{Log: slog.New(slog.DiscardHandler), Seed: 7, Report: func(o failover.Observation) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.reported = append(l.reported, o)
		}})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { l.Run(ctx) })
		story(t, l)
		cancel()
		all.Wait()
		if st := l.Stats(); st.Active != 0 {
			t.Errorf("%d looks are still active", st.Active)
		}
	})
}

// job is a job whose look takes a while and then has this health.
func (l *lab) job(key string, took time.Duration, health func() failover.Health) Job {
	return Job{Key: key, Site: key, Interval: 10 * time.Second, Recheck: time.Second, Settle: 5 * time.Second, Timeout: 2 * time.Second,
		Look: func(ctx context.Context) failover.Observation {
			l.mu.Lock()
			l.began[key] = append(l.began[key], time.Since(l.start))
			l.active[key]++
			if l.active[key] > 1 {
				panic("a look overlaps itself")
			}
			l.mu.Unlock()
			wait(ctx, took)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.active[key]--
			return failover.Observation{Site: key, Role: failover.RoleOrigin, Check: key, At: time.Now(), Health: health()}
		}}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (l *lab) beganAt(key string) []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.began[key])
}

func up() failover.Health   { return failover.Up }
func down() failover.Health { return failover.Down }

func advance(d time.Duration) {
	time.Sleep(d) // false time
	synctest.Wait()
}

func TestLooksAreSpread(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		const n = 5000
		jobs := make([]Job, n)
		for i := range jobs {
			jobs[i] = l.job(fmt.Sprint(i), time.Millisecond, up)
		}
		l.Set(jobs)
		advance(60 * time.Second)
		perSecond := make([]int, 61)
		for key := range l.began {
			for i, at := range l.began[key] {
				perSecond[int(at.Seconds())]++
				if i > 0 && (at-l.began[key][i-1] < 8990*time.Millisecond || at-l.began[key][i-1] > 10050*time.Millisecond) {
					t.Fatalf("job %s: looks at %v", key, l.began[key])
				}
			}
		}
		for second, count := range perSecond[:60] {
			if count < 400 || count > 600 {
				t.Errorf("second %d: %d looks begin, want about 500", second, count)
			}
		}
		if st := l.Stats(); st.Jobs != n || st.Looks < 29_000 || st.LateSum != 0 {
			t.Errorf("stats: %+v", st)
		}
	})
}

func TestFewJobsBeginWithinASecond(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.Set([]Job{l.job("a", 0, up), l.job("b", 0, up), l.job("c", 0, up)})
		advance(time.Second)
		var second []time.Duration
		for _, key := range []string{"a", "b", "c"} {
			if len(l.beganAt(key)) != 1 {
				t.Errorf("%s began at %v", key, l.beganAt(key))
			}
		}
		advance(15 * time.Second)
		for _, key := range []string{"a", "b", "c"} {
			second = append(second, l.beganAt(key)[1])
		}
		slices.Sort(second)
		for i := range second[1:] {
			if gap := second[i+1] - second[i]; gap < 3*time.Second {
				t.Errorf("second looks at %v are not spread", second)
			}
		}
	})
}

// A failure is looked at again after a second until the policy can have settled, and then at the
// usual pace; a recovery is confirmed once.
func TestRecheck(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		health := failover.Up
		l.Set([]Job{l.job("a", 0, func() failover.Health { return health })})
		advance(25 * time.Second)
		l.mu.Lock()
		health = failover.Down
		l.mu.Unlock()
		advance(60 * time.Second)
		at := l.beganAt("a")
		first := slices.IndexFunc(at, func(d time.Duration) bool { return d > 25*time.Second })
		quick := 0
		for i := first; i+1 < len(at) && at[i+1]-at[i] < 1100*time.Millisecond; i++ {
			if gap := at[i+1] - at[i]; gap < time.Second {
				t.Errorf("re-checked after %v", gap)
			}
			quick++
		}
		if span := at[first+quick] - at[first]; span < 7*time.Second || span > 11*time.Second {
			t.Errorf("re-checks went on for %v: %v", span, at)
		}
		if gap := at[first+quick+1] - at[first+quick]; gap < 9*time.Second {
			t.Errorf("the pace did not come back: %v", at)
		}
		before := len(at)
		l.mu.Lock()
		health = failover.Up
		l.mu.Unlock()
		advance(25 * time.Second)
		at = l.beganAt("a")[before:]
		if len(at) < 3 || at[1]-at[0] > 1100*time.Millisecond || at[2]-at[1] < 9*time.Second {
			t.Errorf("after recovery: %v", at)
		}
	})
}

// The figures of three failures for a policy with DownAfter 5 s: by the policy itself.
func TestRecheckSettlesThePolicy(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		p := failover.Policy{DownAfter: 5 * time.Second, UpAfter: time.Minute, Fresh: 30 * time.Second, FallbackFresh: time.Minute, Addresses: 2}
		look := func(address string) Job {
			j := l.job(address, 2*time.Second, down)
			inner := j.Look
			j.Site, j.Look = "www", func(ctx context.Context) failover.Observation {
				o := inner(ctx)
				o.Address = address
				return o
			}
			return j
		}
		l.Set([]Job{look("192.0.2.1:443"), look("192.0.2.2:443")})
		state := failover.State{Phase: failover.Primary}
		for range 100 {
			advance(200 * time.Millisecond)
			l.mu.Lock()
			state = p.Next(state, l.reported, time.Now())
			l.mu.Unlock()
			if state.Phase == failover.InFallback {
				break
			}
		}
		if took := time.Since(l.start); state.Phase != failover.InFallback || took > 12*time.Second {
			t.Errorf("phase %s after %v", state.Phase, took)
		}
	})
}

func TestFirstFailureHastensTheSite(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		health := failover.Up
		bad, good := l.job("bad", 0, func() failover.Health { return health }), l.job("good", 0, up)
		other := l.job("other", 0, up)
		bad.Site, good.Site = "www", "www"
		bad.Interval, good.Interval, other.Interval = 10*time.Second, time.Hour, time.Hour
		l.Set([]Job{bad, good, other})
		advance(15 * time.Second)
		l.mu.Lock()
		health = failover.Down
		l.mu.Unlock()
		advance(30 * time.Second)
		if n := len(l.beganAt("good")); n != 2 {
			t.Errorf("the site's other look was made %d times, want twice", n)
		}
		if n := len(l.beganAt("other")); n != 1 {
			t.Errorf("another site's look was made %d times, want once", n)
		}
	})
}

// Looks that flap in turn must not drive one another faster than their re-checks.
func TestFlappingIsBounded(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		var jobs []Job
		for _, key := range []string{"a", "b", "c"} {
			n := 0
			j := l.job(key, 0, func() failover.Health {
				if n++; n%2 == 0 {
					return failover.Down
				}
				return failover.Up
			})
			j.Site = "www"
			jobs = append(jobs, j)
		}
		l.Set(jobs)
		advance(100 * time.Second)
		for _, key := range []string{"a", "b", "c"} {
			if n := len(l.beganAt(key)); n > 103 {
				t.Errorf("%s was looked at %d times in 100 s", key, n)
			}
		}
	})
}

func TestHungLookDelaysNobody(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		hung := l.job("hung", time.Hour, down)
		hung.Timeout = 0
		l.Set([]Job{hung, l.job("well", 0, up)})
		advance(100 * time.Second)
		if n := len(l.beganAt("well")); n < 10 {
			t.Errorf("%d looks beside a hung one, want 10", n)
		}
		if n := len(l.beganAt("hung")); n != 1 {
			t.Errorf("the hung look began %d times", n)
		}
		if st := l.Stats(); st.Active != 1 {
			t.Errorf("stats: %+v", st)
		}
	})
}

func TestTimeoutEndsALook(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.Set([]Job{l.job("a", time.Hour, down)})
		advance(2 * time.Second)
		if len(l.reported) != 1 || l.reported[0].At.Sub(l.start) != 2*time.Second {
			t.Errorf("reported %+v", l.reported)
		}
	})
}

func TestPanicInALookIsReported(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		var log bytes.Buffer
		l.opt.Log = slog.New(slog.NewTextHandler(&log, nil))
		bad := l.job("bad", 0, up)
		bad.Look = func(context.Context) failover.Observation { panic("a defect") }
		l.Set([]Job{bad, l.job("well", 0, up)})
		advance(9 * time.Second)
		n := 0
		for _, o := range l.reported {
			if o.Cause == failover.CausePanic && o.Site == "bad" && o.Health == failover.Down {
				n++
			}
		}
		if n < 5 || !strings.Contains(log.String(), "a defect") {
			t.Errorf("%d panics were reported, want a re-check each second; log: %s", n, log.String())
		}
	})
}

func TestSetKeepsTiming(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		slow := l.job("slow", 500*time.Millisecond, up)
		slow.Interval = time.Minute
		l.Set([]Job{slow, l.job("gone", 0, up)})
		advance(30 * time.Second)
		kept, lost := l.beganAt("slow"), l.beganAt("gone")
		for range 10 { // reloads that change nothing
			l.Set([]Job{slow})
			advance(time.Second)
		}
		if got := l.beganAt("slow"); !slices.Equal(got, kept) {
			t.Errorf("reloads caused looks: %v, was %v", got, kept)
		}
		if got := l.beganAt("gone"); !slices.Equal(got, lost) {
			t.Errorf("a removed job is still looked at: %v, was %v", got, lost)
		}
		slow.Interval = 2 * time.Second // shorter: counts at once
		l.Set([]Job{slow, slow})
		advance(2 * time.Second)
		if got := l.beganAt("slow"); len(got) != len(kept)+1 {
			t.Errorf("a shorter interval did not count: %v", got)
		}
		if st := l.Stats(); st.Jobs != 1 {
			t.Errorf("stats: %+v", st)
		}
	})
}

func TestRemovedLookIsNotReported(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.Set([]Job{l.job("a", 1900*time.Millisecond, up)})
		advance(time.Second)
		l.Set(nil)
		advance(time.Minute)
		if len(l.reported) != 0 || len(l.beganAt("a")) != 1 {
			t.Errorf("reported %+v", l.reported)
		}
	})
}

func TestKick(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		slow, quick := l.job("slow", 1500*time.Millisecond, up), l.job("quick", 0, up)
		l.Set([]Job{slow, quick})
		advance(21 * time.Second)
		before := len(l.beganAt("quick"))
		l.Kick(func(j Job) bool { return j.Key == "quick" })
		synctest.Wait()
		if n := len(l.beganAt("quick")); n != before+1 {
			t.Errorf("%d looks, want %d", n, before+1)
		}
		l.Kick(func(j Job) bool { return j.Key == "slow" })
		synctest.Wait()
		running := len(l.beganAt("slow"))
		l.Kick(func(j Job) bool { return true }) // while it runs: once more, afterwards
		advance(1600 * time.Millisecond)
		if n := len(l.beganAt("slow")); n != running+1 {
			t.Errorf("%d looks, want %d", n, running+1)
		}
	})
}

func TestStopReportsNothing(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.Set([]Job{l.job("a", time.Hour, down)})
		advance(time.Second)
		t.Cleanup(func() {
			if len(l.reported) != 0 {
				t.Errorf("a look that was cut short is reported: %+v", l.reported)
			}
		})
	})
}

func TestSameSeedSameSchedule(t *testing.T) {
	var runs [2][]time.Duration
	for i := range runs {
		inLab(t, func(t *testing.T, l *lab) {
			l.Set([]Job{l.job("a", 0, up), l.job("b", 0, up)})
			advance(time.Minute)
			runs[i] = append(l.beganAt("a"), l.beganAt("b")...)
		})
	}
	if !slices.Equal(runs[0], runs[1]) {
		t.Errorf("got %v and %v", runs[0], runs[1])
	}
}
