package controller

import (
	"errors"
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover"
)

// outcome records what became of an attempt. A plan that was not applied stays in the journal, and
// is tried again for as long as its target is wanted.
func (r *runner) outcome(w *zoneWork, plan failover.Plan, took time.Duration, err error) error {
	z := *r.entry.State.Zone(w.ref)
	if z.Plan == nil || z.Plan.Generation != plan.Generation {
		return err // another entry was taken up from the journal meanwhile; what it says is resolved
	}
	switch kind := failover.KindOf(err); {
	case err == nil:
		return r.applied(w, z, took)
	case errors.Is(err, failover.ErrDrift):
		return r.trouble(z, failover.EventDrift, err)
	case kind == failover.KindLost, kind == "":
		return r.trouble(z, failover.EventUnknown, err)
	default:
		return r.trouble(z, failover.EventFailed, err)
	}
}

// applied records that the zone was read back in the plan's form.
func (r *runner) applied(w *zoneWork, z failover.ZoneState, took time.Duration) error {
	plan, old := *z.Plan, z.Applied
	var elder time.Time
	if old == failover.ToArmed { // a moment ago, maybe: the TTLs of before still count
		elder = z.AppliedAt.Add(staleFor(z.Baseline, plan.After))
	}
	z.Plan, z.Trouble = nil, ""
	if r.c.opts.Confirm != nil {
		z.Following = &plan
	}
	z.Applied, z.AppliedAt, z.Written, z.Hearsay = plan.Target, time.Now(), plan.After, false
	if plan.Target == failover.ToOrigin {
		z.Written = nil
	}
	if plan.Target != failover.ToFallback {
		z.Reasserted, z.Taken = 0, nil
	}
	w.readAt, w.strange, w.insisted = time.Now(), stranger{}, false
	obeyed := w.obeyed
	w.obeyed, z.Obeyed = r.forced, len(r.running.Overrides) > 0 && plan.Target == r.target(r.running)
	s := r.with(z)
	if !r.anyWants(s) {
		s.Overrides = nil // they were for this
	}
	message := fmt.Sprintf("plan %d: %s has the form %s, read back after %v", plan.Generation, plan.Zone, plan.Target, took.Round(time.Millisecond))
	if err := r.append(failover.EventApplied, "controller", message, s, nil); err != nil {
		w.obeyed = obeyed
		return err
	}
	r.follow(r.life, w, plan, elder)
	return nil
}

// lame keeps the page for visitors who may still come where a zone no longer points at the fallback,
// however that came about.
func (r *runner) lame(s failover.State) failover.State {
	for _, old := range r.entry.State.Zones {
		z := s.Zone(old.ZoneRef)
		if old.Applied != failover.ToFallback || z == nil || z.Applied == failover.ToFallback {
			continue
		}
		if until := time.Now().Add(stragglers(z.Baseline)); until.After(s.LameUntil) {
			s.LameUntil = until
		}
	}
	return s
}

// stragglers is how long visitors may still come to the fallback after the way back: the longest
// TTL the names ever had, and no less than browsers keep an address for.
func stragglers(baseline []failover.RecordSet) time.Duration {
	longest := 5 * time.Minute
	for _, s := range baseline {
		longest = max(longest, time.Duration(s.TTL)*time.Second)
	}
	return min(longest, 24*time.Hour)
}
