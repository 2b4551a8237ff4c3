package controller

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/failover-dns/failover/failover"
)

// resolve is the step that finds out what became of a plan whose outcome is not in the journal,
// and tries it again where it was not applied and is still wanted.
func (r *runner) resolve(ctx context.Context, w *zoneWork, target failover.Target, z failover.ZoneState) {
	r.act(ctx, w, target, z.Names, func(current []failover.RecordSet) error {
		z := *r.entry.State.Zone(w.ref)
		if z.Plan == nil {
			return nil
		}
		plan, sets := *z.Plan, failover.Select(current, z.Names)
		wanted := plan.Target == target && r.target(r.running) == target && !r.spare(z, target)
		switch {
		case failover.SameSets(sets, plan.After):
			return r.applied(w, z, 0)
		case failover.SameSets(sets, plan.Before) && wanted && same(plan.Before, sets):
			r.replace(ctx, w, plan)
			return nil
		case failover.SameSets(sets, plan.Before) && wanted: // at once, so that the pauses go on growing
			if err := r.abandon(z, fmt.Sprintf("plan %d was not applied, and is made anew with the provider's own fields of now", plan.Generation)); err != nil {
				return err
			}
			return r.plan(ctx, w, target, current)
		case failover.SameSets(sets, plan.Before):
			return r.abandon(z, fmt.Sprintf("plan %d was not applied, and %s is not to be made now", plan.Generation, plan.Target))
		case plan.Half(sets) || z.Applied == failover.ToFallback && plan.Half(r.draft(z, w).Undeleted(plan, sets)):
			return r.halfway(z, w, plan, sets)
		case r.forces(z):
			return r.abandon(z, fmt.Sprintf("plan %d: the zone is neither before nor after it; the operator's force goes on", plan.Generation))
		default:
			return r.foreign(z, w, plan, sets)
		}
	})
}

// abandon takes a plan off the journal that is not in the zone.
func (r *runner) abandon(z failover.ZoneState, message string) error {
	toFallback := z.Plan.Target == failover.ToFallback
	r.work(z).doubted = time.Now()
	z.Plan, z.Trouble, z.AppliedAt = nil, "", time.Now() // a look may be stale: part of the plan may be there
	s := r.with(z)
	if until := time.Now().Add(stragglers(z.Baseline)); toFallback && s.LameUntil.Before(until) {
		s.LameUntil = until // visitors may have been led here, and the provider may still carry it out, late
	}
	return r.append(failover.EventFailed, "controller", message, s, nil)
}

// same tells whether the provider's own fields are those that the plan was made from.
func same(before, now []failover.RecordSet) bool {
	return reflect.DeepEqual(before, failover.Refresh(before, now))
}

// halfway takes a half-done change for the form that the zone has; what is wanted follows from there.
func (r *runner) halfway(z failover.ZoneState, w *zoneWork, plan failover.Plan, sets []failover.RecordSet) error {
	switch {
	case plan.Target == failover.ToFallback, r.draft(z, w).PointsAtFallback(sets):
		z.Applied = failover.ToFallback
	case z.Applied == failover.ToOrigin:
		z.Applied = failover.ToArmed
	}
	z.AppliedAt, z.Written = time.Now(), sets
	return r.abandon(z, fmt.Sprintf("plan %d was applied in part: %s", plan.Generation, changes(failover.Diff(plan.Before, sets))))
}

// foreign deals with a zone that is neither as before a plan nor as after it: somebody else wrote.
// Where nothing in the zone points at the fallback, it is known where visitors go, and the rest is
// the other's business.
func (r *runner) foreign(z failover.ZoneState, w *zoneWork, plan failover.Plan, sets []failover.RecordSet) error {
	d := r.draft(z, w)
	switch form, _ := d.Recognise(sets); {
	case form == failover.ToFallback:
		z.Plan = nil // stale looks made it: nothing of it is in the zone
		return r.late(z, w, sets)
	case d.Mixed(sets):
		return r.halfway(z, w, plan, sets)
	case d.PointsAtFallback(sets):
		return r.trouble(z, failover.EventDrift, fmt.Errorf("%w: %s is neither as before plan %d nor as after it: %s; "+
			"put it back by hand, or: failover trigger/restore --override drift", failover.ErrDrift, z.Zone, plan.Generation,
			changes(failover.Diff(plan.After, sets))))
	case plan.Target != failover.ToFallback && z.Applied != failover.ToArmed: // low TTLs there may be ours
		z.Applied, z.AppliedAt, z.Written = failover.ToArmed, time.Now(), plan.After
	}
	return r.abandon(z, fmt.Sprintf("plan %d ended by somebody else's change of %s: %s", plan.Generation, z.Zone, changes(failover.Diff(plan.Before, sets))))
}
