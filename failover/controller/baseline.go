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

// capture is the step that records the baseline of a zone that we never touched.
func (r *runner) capture(ctx context.Context, w *zoneWork, target failover.Target, z failover.ZoneState) {
	r.read(ctx, w, target, z.Names, func(current []failover.RecordSet) error {
		return r.adopt(*r.entry.State.Zone(w.ref), w, current)
	})
}

// reread is the step that looks whether the zone still is as we know it.
func (r *runner) reread(ctx context.Context, w *zoneWork, target failover.Target, z failover.ZoneState) {
	r.read(ctx, w, target, z.Names, func(current []failover.RecordSet) error {
		z := *r.entry.State.Zone(w.ref)
		sets := failover.Select(current, z.Names)
		switch {
		case z.Plan != nil:
			return nil // resolved next
		case failover.SameSets(known(z), sets):
			return r.asExpected(z, w, current)
		case z.Applied == failover.ToFallback && z.Hearsay:
			return r.unhear(z, w, sets)
		case z.Applied == failover.ToFallback:
			return r.overwritten(z, w, sets)
		}
		err := r.believe(z, w, current)
		if _, fresh := err.(*standing); fresh {
			return nil // nothing is wanted of the zone now; it is looked at again in time
		}
		return err
	})
}

// takeNew makes other people's changes the baseline before a switch, while the origin serves: what
// Terraform or a human wrote is what has to come back. A change that is too fresh stops the switch.
func (r *runner) takeNew(z failover.ZoneState, w *zoneWork, current []failover.RecordSet) (failover.ZoneState, error) {
	sets := failover.Select(current, z.Names)
	z.Baseline = failover.Refresh(z.Baseline, sets) // with the provider's own fields of this moment; recorded with the plan
	switch {
	case failover.SameSets(sets, known(z)), z.Applied == failover.ToFallback, r.forces(z):
		return z, nil
	}
	if form, known := r.draft(z, w).Recognise(sets); known && form != failover.ToFallback {
		return z, nil
	}
	if err := r.believe(z, w, current); err != nil {
		return z, r.trouble(z, failover.EventDrift, err)
	}
	return *r.entry.State.Zone(z.ZoneRef), nil
}

// asExpected notes that the zone is as we know it.
func (r *runner) asExpected(z failover.ZoneState, w *zoneWork, current []failover.RecordSet) error {
	w.readAt, w.strange = time.Now(), stranger{}
	r.foresee(z, w, z.Baseline, current)
	if z.Hearsay && time.Since(z.AppliedAt) >= echo { // what is still there after that is there
		z.Hearsay, z.Trouble = false, ""
		return r.append(failover.EventDrift, "controller", z.Zone+" still points at the fallback: no reading was stale", r.with(z), nil)
	}
	back := len(z.Taken) > 0 && z.Applied != failover.ToFallback && len(z.Missing(current)) == 0 && time.Since(z.AppliedAt) >= echo
	if z.Trouble == "" && !back {
		return nil
	}
	z.Trouble = ""
	if back {
		z.Taken = nil
	}
	return r.append(failover.EventApplied, "controller", z.Zone+" is as it should be again", r.with(z), nil)
}

// believe makes other people's records the baseline once they have stood for a while. Until then
// the zone is not touched: what is there may be half of a change.
func (r *runner) believe(z failover.ZoneState, w *zoneWork, current []failover.RecordSet) error {
	d, sets := r.draft(z, w), failover.Select(current, z.Names)
	switch form, _ := d.Recognise(sets); {
	case form == failover.ToFallback, d.Mixed(sets):
		return r.late(z, w, sets)
	case form == failover.ToArmed && z.Applied == failover.ToOrigin && time.Since(w.doubted) < r.c.opts.Refresh+echo: // else they are somebody's
		w.doubted = time.Time{}
		return r.stillLow(z, sets)
	}
	if d.PointsAtFallback(sets) {
		return r.drift(here(z), fmt.Sprintf("%s points at the fallback, among records of somebody else: %s", z.Zone, changes(failover.Diff(known(z), sets))))
	}
	left := r.c.opts.Stable - w.strange.seen(sets)
	if w.insisted {
		left = 0
	}
	if d.Ours(sets) { // it may be what stood there in the middle of our own last write
		left = max(left, echo-time.Since(z.AppliedAt))
	}
	if missing := z.Missing(sets); len(missing) > 0 && left <= 0 {
		return r.unreturned(z, sets, missing)
	}
	if left > 0 {
		w.readAt = time.Now().Add(left - r.refresh(z.ZoneRef)) // look again when it has stood long enough
		return &standing{left: left, err: fmt.Errorf("%w: somebody changed %s: %s; it becomes the baseline once it has stood for %v; "+
			"to take it now: failover adopt; to switch without it: --override drift", failover.ErrDrift, z.Zone, changes(failover.Diff(known(z), sets)), r.c.opts.Stable)}
	}
	return r.adopt(z, w, current)
}

// here notes that visitors come to the fallback, whoever sends them.
func here(z failover.ZoneState) failover.ZoneState {
	if z.Applied != failover.ToFallback {
		z.Applied, z.AppliedAt, z.Hearsay = failover.ToFallback, time.Now(), true
	}
	return z
}

// standing is the error for a zone whose change is too fresh to be believed.
type standing struct {
	left time.Duration
	err  error
}

func (s *standing) Error() string { return s.err.Error() }
func (s *standing) Unwrap() error { return s.err }

// adopt records what the zone holds as the baseline, if it is not the baseline already.
func (r *runner) adopt(z failover.ZoneState, w *zoneWork, current []failover.RecordSet) error {
	d, mine := r.draft(z, w), failover.Select(current, z.Names)
	mayBeOurs := lowered(z) || time.Since(w.doubted) < r.c.opts.Refresh+echo
	sets, err := d.AdoptBaseline(current, mayBeOurs)
	if err != nil {
		if declared, found := d.Declared(r.site.Records, current); found && len(z.Baseline) == 0 {
			return r.recover(z, w, declared, mine)
		}
		if d.PointsAtFallback(mine) {
			z = here(z)
		}
		return r.trouble(z, failover.EventDrift, err)
	}
	w.readAt, w.strange = time.Now(), stranger{}
	r.foresee(z, w, sets, current)
	message := fmt.Sprintf("baseline of %s: %s", z.Zone, changes(failover.Diff(z.Baseline, sets)))
	z.Baseline, z.BaselineAt, z.Trouble = sets, time.Now(), ""
	if z.Applied == failover.ToArmed || !failover.SameSets(sets, mine) {
		z.Applied, z.Written = failover.ToArmed, mine // low TTLs of ours are in the zone, and go in time
	}
	return r.append(failover.EventBaseline, "controller", message, r.with(z), nil)
}

// stillLow takes note that the zone has our low TTLs although it should not: a stale reading hid them.
func (r *runner) stillLow(z failover.ZoneState, sets []failover.RecordSet) error {
	z.Applied, z.AppliedAt, z.Written, z.Trouble = failover.ToArmed, time.Now(), sets, ""
	return r.append(failover.EventDrift, "controller", z.Zone+" still has our low TTLs; they return in time", r.with(z), nil)
}

// echo is for how long a provider may still show what was there before our last write.
const echo = 3 * time.Minute

// lowered tells whether a low TTL in the zone may be ours, so that it is not the original.
func lowered(z failover.ZoneState) bool {
	return z.Applied == failover.ToArmed || time.Since(z.AppliedAt) < echo
}

// trouble records why a zone is not as wanted, once for the same words, and returns the error.
func (r *runner) trouble(z failover.ZoneState, event string, err error) error {
	if was := r.entry.State.Zone(z.ZoneRef); was.Trouble == words(err) && (was.Plan == nil) == (z.Plan == nil) {
		return err
	}
	z.Trouble = words(err)
	if stored := r.append(event, "controller", z.Trouble, r.with(z), nil); stored != nil {
		return stored
	}
	return err
}

// forces tells whether an operator's word lets a zone in an unknown form be overwritten, once.
func (r *runner) forces(z failover.ZoneState) bool {
	return r.running.Overridden(failover.VetoDrift) && !z.Obeyed
}
