package probe

import (
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// spread gives new jobs the times of their first two looks.
func (s *Scheduler) spread(fresh []*entry, now time.Time) {
	s.rand.Shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })
	n := time.Duration(len(fresh))
	for i, e := range fresh {
		lap := e.Interval * 94 / 100 // what an interval is on average, once jittered
		quick := min(lap, max(time.Second, n*2*time.Millisecond))
		first := quick * time.Duration(i) / n
		slot := lap * time.Duration(i) / n
		if slot-first < lap/2 {
			slot += lap
		}
		e.second = now.Add(slot)
		s.queue.put(e, now.Add(first))
	}
}

// next decides when a job is due again, after a look that ended now.
func (s *Scheduler) next(e *entry, o failover.Observation, now time.Time) {
	first := e.note(o.Health, now)
	again := e.began.Add(e.Interval - s.jitter(e.Interval, 0.02, 0.10)) // never later than the interval
	switch {
	case e.again:
		again = now
	case e.doubtful(now):
		again = now.Add(e.recheck() + s.jitter(e.recheck(), 0, 0.01)) // not sooner: limits count in whole re-checks
	case !e.second.IsZero():
		again = e.second
	}
	e.again, e.second = false, time.Time{}
	s.queue.put(e, again)
	if first == failover.Down && e.Site != "" {
		for _, other := range s.sites[e.Site] {
			if other != e && other.at >= 0 { // one that runs will know soon
				s.hasten(other, later(now, other.began.Add(other.recheck())))
			}
		}
	}
}

// hasten makes a job due at a time, unless it is due sooner.
func (s *Scheduler) hasten(e *entry, at time.Time) {
	switch {
	case e.at < 0:
		e.again = true
	case e.due.After(at):
		s.queue.put(e, at)
	}
}

// jitter is between two parts of d.
func (s *Scheduler) jitter(d time.Duration, least, most float64) time.Duration {
	return time.Duration((least + s.rand.Float64()*(most-least)) * float64(d))
}

func later(a, b time.Time) time.Time { return slices.MaxFunc([]time.Time{a, b}, time.Time.Compare) }
