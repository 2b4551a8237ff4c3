package probe

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Job is a look that is repeated.
type Job struct {
	Key  string // unique; a job that keeps its key across Set keeps its timing
	Site string // looks at one site hasten one another at the first failure; may be empty

	Interval time.Duration // from the start of a look to the start of the next; at least 1 ms
	Recheck  time.Duration // from the end of a look to the next while in doubt; 0, or more than Interval: Interval
	Settle   time.Duration // how long a run of failure stays in doubt; the policy's DownAfter
	Timeout  time.Duration // ends a look that does not end itself; 0: never
	Look     Func
}

// SchedulerOptions are the parts a Scheduler is made of.
type SchedulerOptions struct {
	// Report takes each observation, from many goroutines at once, but in order for each job.
	// What is not known about a cut-short look is not reported.
	Report func(failover.Observation)
	Seed   uint64       // of the jitter; the same seed and jobs give the same schedule
	Log    *slog.Logger // hears of panics; nil: slog.Default
}

// Scheduler repeats looks. Each runs in a goroutine of its own, so that a hung one delays no
// other; one job never overlaps itself.
//
// The first look of each of n jobs comes within max(1 s, n * 2 ms) or one interval, whichever is
// less; afterwards looks are spread evenly over the interval, and each comes 2 to 10 % early, so
// that they do not fall into step and none is later than the interval. A look that
// fails where the one before did not opens a doubt: it is repeated after Recheck until the run of
// failure is older than Settle and a little more, and the other looks at the same site are
// hastened. A first success after failures is repeated after Recheck once.
type Scheduler struct {
	opt  SchedulerOptions
	wake chan struct{} // the head of the queue may have changed

	mu    sync.Mutex
	rand  *rand.Rand
	jobs  map[string]*entry
	sites map[string][]*entry
	queue queue
	stats Stats
}

// Stats are figures for metrics.
type Stats struct {
	Jobs    int           // that are scheduled
	Active  int           // looks that run at this moment
	Looks   uint64        // looks begun since the start
	Late    time.Duration // how late the newest look began
	LateSum time.Duration // how late all looks began, together
}

// NewScheduler returns a scheduler without jobs.
func NewScheduler(opt SchedulerOptions) *Scheduler {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Scheduler{
		opt:  opt,
		wake: make(chan struct{}, 1),
		rand: rand.New(rand.NewPCG(opt.Seed, 0)),
		jobs: map[string]*entry{},
	}
}

// Run looks until ctx ends, and returns when the last look has. It is called once.
func (s *Scheduler) Run(ctx context.Context) {
	var looks sync.WaitGroup
	defer looks.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.wake:
		}
		due, wait := s.due(time.Now())
		for _, e := range due {
			looks.Go(func() { s.run(ctx, e) })
		}
		timer.Reset(wait)
	}
}

// Stats returns the figures of this moment.
func (s *Scheduler) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Jobs = len(s.jobs)
	return st
}

// Set replaces the whole set of jobs. A job whose key is known keeps its timing, and a look that
// is running is reported; what a removed job still finds out is not.
func (s *Scheduler) Set(jobs []Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	old := s.jobs
	s.jobs, s.sites = make(map[string]*entry, len(jobs)), map[string][]*entry{}
	var fresh []*entry
	for _, j := range jobs {
		if s.jobs[j.Key] != nil {
			continue // the same key twice: the first one counts
		}
		e := old[j.Key]
		if e == nil {
			e = &entry{at: -1}
			fresh = append(fresh, e)
		}
		e.Job = j
		e.Interval = max(e.Interval, time.Millisecond)
		s.jobs[j.Key] = e
		s.sites[j.Site] = append(s.sites[j.Site], e)
		if latest := now.Add(e.Interval); e.at >= 0 && e.due.After(latest) {
			s.queue.put(e, latest)
		}
		delete(old, j.Key)
	}
	for _, gone := range old {
		gone.gone = true
		s.queue.remove(gone)
	}
	s.spread(fresh, now)
	s.rouse()
}

// Kick makes the matching jobs due now; one that is running is repeated at once.
func (s *Scheduler) Kick(match func(Job) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, e := range s.jobs {
		if match(e.Job) {
			s.hasten(e, now)
		}
	}
	s.rouse()
}

func (s *Scheduler) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// due takes the jobs whose time has come off the queue, and tells how long to wait for the next.
func (s *Scheduler) due(now time.Time) (due []*entry, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 {
		e := s.queue[0]
		if e.due.After(now) {
			return due, e.due.Sub(now)
		}
		s.queue.remove(e)
		e.began = now
		s.stats.Active++
		s.stats.Looks++
		s.stats.Late = now.Sub(e.due)
		s.stats.LateSum += s.stats.Late
		due = append(due, e)
	}
	return due, time.Hour
}

// run makes one look, reports it and schedules the next.
func (s *Scheduler) run(ctx context.Context, e *entry) {
	s.mu.Lock()
	job := e.Job
	s.mu.Unlock()
	o := s.look(ctx, job)
	s.mu.Lock()
	report := !e.gone && ctx.Err() == nil
	s.mu.Unlock()
	if report {
		s.opt.Report(o)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Active--
	if !e.gone {
		s.next(e, o, time.Now())
		s.rouse()
	}
}

func (s *Scheduler) look(ctx context.Context, j Job) (o failover.Observation) {
	defer func() { // the looks of this package recover by themselves
		if p := recover(); p != nil {
			o = panicked(failover.Observation{Site: j.Site, Check: j.Key}, p, s.opt.Log)
			o.At = time.Now()
		}
	}()
	if j.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, j.Timeout)
		defer cancel()
	}
	return j.Look(ctx)
}
