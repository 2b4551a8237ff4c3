package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover"
)

// stranger is what somebody else wrote into a zone, and since when we know it.
type stranger struct {
	sets  []failover.RecordSet
	since time.Time
}

// seen notes sets that are not ours and returns for how long they have been the same.
func (s *stranger) seen(sets []failover.RecordSet) time.Duration {
	if s.since.IsZero() || !failover.SameSets(s.sets, sets) {
		*s = stranger{sets, time.Now()}
	}
	return time.Since(s.since)
}

// capture records the baseline of a zone that we never touched.
func (r *runner) capture(ctx context.Context, z failover.ZoneState, w *zoneWork) error {
	current, err := w.zone.Read(ctx, z.Names)
	if err != nil {
		return err
	}
	return r.adopt(z, w, current, "controller")
}

// reread looks whether the zone still is as we know it.
func (r *runner) reread(ctx context.Context, z failover.ZoneState, w *zoneWork) error {
	current, err := w.zone.Read(ctx, z.Names)
	if err != nil {
		return err
	}
	sets := failover.Select(current, z.Names)
	switch {
	case failover.SameSets(known(z), sets):
		return r.asExpected(z, w, current)
	case z.Applied == failover.ToFallback:
		return r.overwritten(z, w, sets)
	default:
		err := r.believe(z, w, current)
		if _, fresh := err.(*standing); fresh {
			return nil // nothing is wanted of the zone now; it is looked at again in time
		}
		return err
	}
}

// asExpected notes that the zone is as we know it.
func (r *runner) asExpected(z failover.ZoneState, w *zoneWork, current []failover.RecordSet) error {
	w.readAt, w.strange = time.Now(), stranger{}
	r.foresee(z, w, z.Baseline, current)
	if z.Trouble == "" {
		return nil
	}
	z.Trouble = ""
	return r.append(failover.EventApplied, "controller", z.Zone+" is as it should be again", r.with(z), nil)
}

// believe makes other people's records the baseline once they have stood for a while. Until then
// the zone is not touched: what is there may be half of a change.
func (r *runner) believe(z failover.ZoneState, w *zoneWork, current []failover.RecordSet) error {
	stood := w.strange.seen(failover.Select(current, z.Names))
	if left := r.c.opts.Stable - stood; left > 0 {
		w.readAt = time.Now().Add(left - r.refresh(z.ZoneRef)) // look again when it has stood long enough
		return &standing{left: left, err: fmt.Errorf("%w: somebody changed %s: %s; it becomes the baseline once it has stood for %v; to take it now: failover adopt",
			failover.ErrDrift, z.Zone, changes(failover.Diff(known(z), failover.Select(current, z.Names))), r.c.opts.Stable)}
	}
	return r.adopt(z, w, current, "controller")
}

// standing is the error for a zone whose change is too fresh to be believed.
type standing struct {
	left time.Duration
	err  error
}

func (s *standing) Error() string { return s.err.Error() }
func (s *standing) Unwrap() error { return s.err }

// adopt records what the zone holds as the baseline, if it is not the baseline already.
func (r *runner) adopt(z failover.ZoneState, w *zoneWork, current []failover.RecordSet, by string) error {
	sets, err := r.draft(z, w).AdoptBaseline(current, z.Applied == failover.ToArmed)
	if err != nil {
		return r.trouble(z, failover.EventDrift, err)
	}
	w.readAt, w.strange = time.Now(), stranger{}
	r.foresee(z, w, sets, current)
	message := fmt.Sprintf("baseline of %s: %s", z.Zone, changes(failover.Diff(z.Baseline, sets)))
	z.Baseline, z.BaselineAt, z.Trouble = sets, time.Now(), ""
	if z.Applied == failover.ToArmed {
		z.Written = failover.Select(current, z.Names)
	}
	return r.append(failover.EventBaseline, by, message, r.with(z), nil)
}

// foresee raises an alarm while no switch of the zone is possible, long before one is needed.
func (r *runner) foresee(z failover.ZoneState, w *zoneWork, baseline, current []failover.RecordSet) {
	d := r.draft(z, w)
	d.Baseline, d.Written = baseline, failover.Select(current, z.Names)
	if _, err := failover.MakePlan(d, failover.ToFallback, current); err != nil {
		r.c.raise(r.site.Name, AlarmUnable, "a switch would not be possible: "+err.Error())
		return
	}
	r.c.clear(r.site.Name, AlarmUnable)
}

// rounds is how often an overwritten zone is put right in one outage before it is called a fight.
const rounds = 3

// overwritten deals with somebody else's change while the fallback serves. The origin's own
// records, as a routine run of Terraform writes them, are put right after a grace period, unless
// the site says hold; anything else is drift and is left to an operator.
func (r *runner) overwritten(z failover.ZoneState, w *zoneWork, sets []failover.RecordSet) error {
	form, recognised := r.draft(z, w).Recognise(sets)
	what := fmt.Sprintf("somebody changed %s while the fallback serves: %s", z.Zone, changes(failover.Diff(known(z), sets)))
	switch {
	case !recognised || form == failover.ToFallback:
		return r.drift(z, what)
	case r.site.Overwrite.Hold:
		return r.drift(z, what+"; the origin's records are back, and the site says on_overwrite = \"hold\"")
	case z.Reasserted >= rounds:
		return r.drift(z, fmt.Sprintf("%s; it was put right %d times, and somebody goes on undoing it: stop what writes these records", what, rounds))
	}
	if left := r.site.Overwrite.Grace - w.strange.seen(sets); left > 0 {
		w.readAt = time.Now().Add(left - r.refresh(z.ZoneRef))
		return &standing{left: left, err: r.drift(z, fmt.Sprintf("%s; it is put right in %v, unless it is held; try: failover hold", what, r.site.Overwrite.Grace))}
	}
	if r.running.Held {
		return r.drift(z, what+"; the site is held")
	}
	z.Reasserted++
	z.Written, z.Trouble, w.strange = sets, "", stranger{}
	return r.append(failover.EventDrift, "controller", what+"; it is put right now", r.with(z), nil)
}

func (r *runner) drift(z failover.ZoneState, what string) error {
	return r.trouble(z, failover.EventDrift, fmt.Errorf("%w: %s; put it back by hand, or: failover trigger --force, or failover adopt", failover.ErrDrift, what))
}

// trouble records why a zone is not as wanted, once for the same words, and returns the error.
func (r *runner) trouble(z failover.ZoneState, event string, err error) error {
	if z.Trouble == err.Error() {
		return err
	}
	z.Trouble = err.Error()
	if stored := r.append(event, "controller", z.Trouble, r.with(z), nil); stored != nil {
		return stored
	}
	return err
}
