package probe

import (
	"container/heap"
	"time"

	"github.com/failover-dns/failover/failover"
)

// entry is a job and where it stands. The scheduler's lock guards it.
type entry struct {
	Job
	at     int       // place in the queue; -1: not in it, for its look runs
	due    time.Time // while in the queue
	began  time.Time // the newest look
	second time.Time // when the second look is due; zero once that is scheduled
	again  bool      // kicked while its look runs
	gone   bool      // no longer in the set

	health  failover.Health // of the newest look that said anything
	failing time.Time       // end of the first look of the run of failure
	cheered bool            // the newest look is the first success after failures
}

// note takes in what a look said, and returns the health if that is new. Unknown changes nothing.
func (e *entry) note(health failover.Health, now time.Time) (changed failover.Health) {
	if health != failover.Up && health != failover.Down {
		return ""
	}
	before := e.health
	e.health = health
	e.cheered = health == failover.Up && before == failover.Down
	if health == before {
		return ""
	}
	if health == failover.Down {
		e.failing = now
	}
	return health
}

// doubtful tells whether the next look should come soon. The policy counts a site's failure from
// when the last of its addresses was seen to fail, which a look that hangs learns a Timeout late;
// hence the little more than Settle.
func (e *entry) doubtful(now time.Time) bool {
	if e.health != failover.Down {
		return e.cheered
	}
	return now.Sub(e.failing) < e.Settle+e.Timeout+2*e.recheck()
}

// recheck is the time from a look in doubt to the next.
func (e *entry) recheck() time.Duration {
	if e.Recheck <= 0 {
		return e.Interval
	}
	return min(e.Recheck, e.Interval)
}

// queue orders entries by due time.
type queue []*entry

// put adds an entry, or moves it if it is in the queue already.
func (q *queue) put(e *entry, due time.Time) {
	e.due = due
	if e.at >= 0 {
		heap.Fix(q, e.at)
		return
	}
	heap.Push(q, e)
}

// remove takes an entry out, if it is in.
func (q *queue) remove(e *entry) {
	if e.at >= 0 {
		heap.Remove(q, e.at)
	}
}

// Len, Less, Swap, Push and Pop are for container/heap.
func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}
func (q *queue) Push(x any) {
	e := x.(*entry)
	e.at = len(*q)
	*q = append(*q, e)
}
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	e.at = -1
	return e
}
