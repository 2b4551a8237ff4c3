package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover"
)

// change plans, records, applies and confirms one change of a zone.
func (r *runner) change(ctx context.Context, z failover.ZoneState, w *zoneWork, target failover.Target) error {
	if target == failover.ToFallback {
		ctx = failover.Urgent(ctx) // lowering TTLs may wait, and so may the way back
		if err := r.c.gate.enter(ctx, r.site.Priority); err != nil {
			return err
		}
		defer r.c.gate.leave()
	}
	r.setActing(true)
	defer r.setActing(false)
	current, err := w.zone.Read(ctx, z.Names)
	if err != nil {
		return err
	}
	if z, err = r.takeNew(z, w, current); err != nil {
		return err
	}
	plan, err := failover.MakePlan(r.draft(z, w), target, current)
	if err != nil {
		return r.trouble(z, failover.EventDrift, err)
	}
	if target == failover.ToFallback && !r.running.Forced {
		if err := r.serves(ctx); err != nil {
			return r.trouble(z, failover.EventFailed, err)
		}
	}
	return r.apply(ctx, z, w, plan)
}

// takeNew makes other people's changes the baseline before a switch, while the origin serves: what
// Terraform or a human wrote is what has to come back. A change that is too fresh stops the switch.
func (r *runner) takeNew(z failover.ZoneState, w *zoneWork, current []failover.RecordSet) (failover.ZoneState, error) {
	sets := failover.Select(current, z.Names)
	if z.Applied == failover.ToFallback || r.running.Forced || failover.SameSets(sets, known(z)) {
		return z, nil
	}
	if _, known := r.draft(z, w).Recognise(sets); known {
		return z, nil
	}
	if err := r.believe(z, w, current); err != nil {
		return z, r.trouble(z, failover.EventDrift, err)
	}
	return *r.entry.State.Zone(z.ZoneRef), nil
}

// serves looks at our own server once more, at the moment of the switch.
func (r *runner) serves(ctx context.Context) error {
	if !r.published.out {
		return fmt.Errorf("not switched: %s: the page is not published", failover.VetoFallback)
	}
	for _, o := range r.c.opts.Look(ctx, r.site) {
		r.observe(o)
		if o.Health != failover.Up {
			return fmt.Errorf("not switched: %s: %s: %s; try: failover trigger --force to switch all the same",
				failover.VetoFallback, o.Check, o.Detail)
		}
	}
	return nil
}

// apply records the plan, applies it and records the outcome.
func (r *runner) apply(ctx context.Context, z failover.ZoneState, w *zoneWork, plan failover.Plan) error {
	r.unfollow(w)
	s := r.with(z)
	s.Generation++
	plan.Generation = s.Generation
	z.Plan = &plan
	*s.Zone(z.ZoneRef) = z
	message := fmt.Sprintf("plan %d: %s to %s: %s", plan.Generation, plan.Zone, plan.Target, changes(plan.Changes()))
	if plan.Empty() {
		message = fmt.Sprintf("plan %d: %s has the form %s already", plan.Generation, plan.Zone, plan.Target)
	}
	if err := r.append(failover.EventPlan, "controller", message, s, nil); err != nil {
		return err
	}
	w.begun = r.entry.At
	start := time.Now()
	err := w.zone.Replace(ctx, plan)
	switch kind := failover.KindOf(err); {
	case err == nil:
		return r.applied(ctx, z, w, time.Since(start))
	case ctx.Err() != nil, kind == failover.KindLost, kind == "" && !errors.Is(err, failover.ErrDrift):
		return r.lost(z, err)
	case errors.Is(err, failover.ErrDrift):
		z.Plan = nil
		return r.trouble(z, failover.EventDrift, err)
	default:
		return r.failed(z, err)
	}
}

// applied records that the zone was read back in the plan's form.
func (r *runner) applied(ctx context.Context, z failover.ZoneState, w *zoneWork, took time.Duration) error {
	plan, old := *z.Plan, z.Applied
	var elder time.Time
	if old == failover.ToArmed { // a moment ago, maybe: the TTLs of before still count
		elder = z.AppliedAt.Add(staleFor(z.Baseline, plan.After))
	}
	z.Plan, z.Trouble = nil, ""
	z.Applied, z.AppliedAt, z.Written = plan.Target, time.Now(), plan.After
	if plan.Target == failover.ToOrigin {
		z.Written = nil
	}
	if plan.Target != failover.ToFallback {
		z.Reasserted = 0
	}
	w.readAt = time.Now()
	s := r.with(z)
	if old == failover.ToFallback && z.Applied != failover.ToFallback {
		s.LameUntil = z.AppliedAt.Add(stragglers(z.Baseline))
	}
	s.Forced = s.Forced && r.anyWants(s)
	message := fmt.Sprintf("plan %d: %s has the form %s, read back after %v", plan.Generation, plan.Zone, plan.Target, took.Round(time.Millisecond))
	if err := r.append(failover.EventApplied, "controller", message, s, nil); err != nil {
		return err
	}
	r.follow(ctx, w, plan, elder)
	return nil
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

// anyWants tells whether any zone of the state still lacks the wanted form.
func (r *runner) anyWants(s failover.State) bool {
	target := r.target(s)
	for _, z := range s.Zones {
		if w := r.zones[z.ZoneRef]; z.Plan != nil || len(z.Baseline) == 0 || w == nil || r.wants(z, w, target) {
			return true
		}
	}
	return false
}

// lost records that nobody knows whether the plan was applied; the next turn reads back.
func (r *runner) lost(z failover.ZoneState, err error) error {
	z.Trouble = err.Error()
	if stored := r.append(failover.EventUnknown, "controller", z.Trouble, r.with(z), nil); stored != nil {
		return stored
	}
	return err
}

// failed records that the plan was not applied.
func (r *runner) failed(z failover.ZoneState, err error) error {
	z.Plan, z.Trouble = nil, err.Error()
	if stored := r.append(failover.EventFailed, "controller", z.Trouble, r.with(z), nil); stored != nil {
		return stored
	}
	return err
}

// resolve finds out what became of a plan whose outcome is not in the journal.
func (r *runner) resolve(ctx context.Context, z failover.ZoneState, w *zoneWork) error {
	ctx = failover.Urgent(ctx)
	current, err := w.zone.Read(ctx, z.Names)
	if err != nil {
		return err
	}
	sets := failover.Select(current, z.Names)
	switch {
	case failover.SameSets(sets, z.Plan.After):
		return r.applied(ctx, z, w, 0)
	case failover.SameSets(sets, z.Plan.Before):
		message := fmt.Sprintf("plan %d was not applied", z.Plan.Generation)
		z.Plan, z.Trouble = nil, ""
		return r.append(failover.EventFailed, "controller", message, r.with(z), nil)
	case r.running.Forced:
		message := fmt.Sprintf("plan %d: the zone is neither before nor after it; the operator's force goes on", z.Plan.Generation)
		z.Plan, z.Trouble = nil, ""
		return r.append(failover.EventDrift, "controller", message, r.with(z), nil)
	default:
		return r.trouble(z, failover.EventDrift, fmt.Errorf("%w: %s is neither as before plan %d nor as after it: %s; "+
			"put it back by hand, or: failover trigger/restore --force", failover.ErrDrift, z.Zone, z.Plan.Generation,
			changes(failover.Diff(z.Plan.After, sets))))
	}
}

func (r *runner) setActing(acting bool) {
	r.mu.Lock()
	r.acting = acting
	r.mu.Unlock()
}
