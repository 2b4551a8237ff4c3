package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// change is the step that reads the zone, and our own server where it is to serve, and goes on to
// plan and apply.
func (r *runner) change(ctx context.Context, w *zoneWork, target failover.Target, z failover.ZoneState) {
	r.act(ctx, w, target, z.Names, func(current []failover.RecordSet) error {
		if r.target(r.running) != target {
			return nil // decided otherwise meanwhile
		}
		z, err := r.takeNew(*r.entry.State.Zone(w.ref), w, current)
		if err != nil {
			return err
		}
		plan, err := failover.MakePlan(r.draft(z, w), target, current)
		if err != nil {
			return r.trouble(z, failover.EventDrift, err)
		}
		return r.apply(ctx, w, z, plan)
	})
}

// act reads the zone and, where the fallback is to serve, looks at our own server at that moment;
// then goes on in the loop if all is well. Switches to the fallback pass the gate.
func (r *runner) act(ctx context.Context, w *zoneWork, target failover.Target, names []string, then func([]failover.RecordSet) error) {
	demanding := target == failover.ToFallback && !r.running.Overridden(failover.VetoFallback)
	r.setActing(true)
	r.step(r.urgent(ctx, w, target), w, target, func(ctx context.Context) func() error {
		var current []failover.RecordSet
		var seen []failover.Observation
		err := r.gated(ctx, w, target, func() (err error) {
			if current, err = w.zone.Read(ctx, names); err == nil && demanding {
				seen = r.c.opts.Look(ctx, r.site)
			}
			return err
		})
		return func() error {
			r.setActing(false)
			if err == nil && demanding {
				err = r.serves(w, seen)
			}
			if err != nil {
				return err
			}
			return then(current)
		}
	})
}

// urgent lets calls that move visitors, either way, use the share of a provider's budget that is
// kept for them; lowering TTLs may wait.
func (r *runner) urgent(ctx context.Context, w *zoneWork, target failover.Target) context.Context {
	if target == failover.ToFallback || r.entry.State.Zone(w.ref).Applied == failover.ToFallback {
		return failover.Urgent(ctx)
	}
	return ctx
}

// gated calls f, and where the target is the fallback only when it is the site's turn.
func (r *runner) gated(ctx context.Context, w *zoneWork, target failover.Target, f func() error) error {
	if target != failover.ToFallback {
		return f()
	}
	g := r.c.gate(w.ref.Provider)
	if err := g.enter(ctx, r.site.Priority); err != nil {
		return err
	}
	defer g.leave()
	return f()
}

// serves judges what was seen of our own server at the moment of the switch.
func (r *runner) serves(w *zoneWork, seen []failover.Observation) error {
	z := *r.entry.State.Zone(w.ref)
	if !r.published.out {
		return r.trouble(z, failover.EventFailed, fmt.Errorf("not switched: %s: the page is not published", failover.VetoFallback))
	}
	hosts := map[string]bool{}
	for _, o := range seen {
		r.observe(o)
		hosts[o.Check] = true
		if o.Health != failover.Up {
			return r.trouble(z, failover.EventFailed, fmt.Errorf("not switched: %s: %s: %s; try: failover trigger --override fallback-not-ready to switch all the same",
				failover.VetoFallback, o.Check, o.Detail))
		}
	}
	if len(hosts) < len(r.site.Hosts) {
		return r.trouble(z, failover.EventFailed, fmt.Errorf("not switched: %s: our own server was looked at for %d of %d hosts",
			failover.VetoFallback, len(hosts), len(r.site.Hosts)))
	}
	return nil
}

// apply records the plan and begins to apply it.
func (r *runner) apply(ctx context.Context, w *zoneWork, z failover.ZoneState, plan failover.Plan) error {
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
	r.replace(ctx, w, plan)
	return nil
}

// replace is the step that applies the plan in the journal. It runs once for an attempt; before
// another one the zone is read.
func (r *runner) replace(ctx context.Context, w *zoneWork, plan failover.Plan) {
	r.setActing(true)
	r.step(r.urgent(ctx, w, plan.Target), w, plan.Target, func(ctx context.Context) func() error {
		start := time.Now()
		err := r.gated(ctx, w, plan.Target, func() error { return w.zone.Replace(ctx, plan) })
		took := time.Since(start)
		return func() error {
			r.setActing(false)
			return r.outcome(w, plan, took, err)
		}
	})
	w.cut = nil // a change is seen to its end
}

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
		if w.zone.Abilities().Atomic { // else it may be half done, which is found out next
			z.Plan = nil
		}
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
	z.Applied, z.AppliedAt, z.Written = plan.Target, time.Now(), plan.After
	if plan.Target == failover.ToOrigin {
		z.Written = nil
	}
	if plan.Target != failover.ToFallback {
		z.Reasserted = 0
	}
	w.readAt, w.strange, w.insisted = time.Now(), stranger{}, false
	obeyed := w.obeyed
	w.obeyed = r.forced
	s := r.with(z)
	if old == failover.ToFallback && z.Applied != failover.ToFallback {
		s.LameUntil = z.AppliedAt.Add(stragglers(z.Baseline))
	}
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

// stragglers is how long visitors may still come to the fallback after the way back: the longest
// TTL the names ever had, and no less than browsers keep an address for.
func stragglers(baseline []failover.RecordSet) time.Duration {
	longest := 5 * time.Minute
	for _, s := range baseline {
		longest = max(longest, time.Duration(s.TTL)*time.Second)
	}
	return min(longest, 24*time.Hour)
}

// resolve is the step that finds out what became of a plan whose outcome is not in the journal,
// and tries it again where it was not applied and is still wanted.
func (r *runner) resolve(ctx context.Context, w *zoneWork, target failover.Target, z failover.ZoneState) {
	r.act(ctx, w, target, z.Names, func(current []failover.RecordSet) error {
		z := *r.entry.State.Zone(w.ref)
		if z.Plan == nil {
			return nil
		}
		plan, sets := *z.Plan, failover.Select(current, z.Names)
		switch {
		case failover.SameSets(sets, plan.After):
			return r.applied(w, z, 0)
		case failover.SameSets(sets, plan.Before) && plan.Target == target && r.target(r.running) == target:
			r.replace(ctx, w, plan)
			return nil
		case failover.SameSets(sets, plan.Before):
			return r.abandon(z, fmt.Sprintf("plan %d was not applied, and %s is wanted now", plan.Generation, r.target(r.running)))
		case !w.zone.Abilities().Atomic && half(plan, sets):
			return r.halfway(z, plan, sets)
		case r.running.Overridden(failover.VetoDrift):
			return r.abandon(z, fmt.Sprintf("plan %d: the zone is neither before nor after it; the operator's force goes on", plan.Generation))
		default:
			return r.foreign(z, w, plan, sets)
		}
	})
}

// abandon takes a plan off the journal that is not in the zone.
func (r *runner) abandon(z failover.ZoneState, message string) error {
	toFallback := z.Plan.Target == failover.ToFallback
	z.Plan, z.Trouble, z.AppliedAt = nil, "", time.Now() // a look may be stale: part of the plan may be there
	s := r.with(z)
	if until := time.Now().Add(echo); toFallback && s.LameUntil.Before(until) {
		s.LameUntil = until // the provider may still carry it out, late
	}
	return r.append(failover.EventFailed, "controller", message, s, nil)
}

// half tells whether every set is as before the plan or as after it: a provider that changes one set
// after the other stopped on the way.
func half(plan failover.Plan, sets []failover.RecordSet) bool {
	left := failover.Diff(plan.After, sets)
	for _, done := range failover.Diff(plan.Before, sets) {
		if slices.ContainsFunc(left, func(c failover.Change) bool { return c.Key() == done.Key() }) {
			return false
		}
	}
	return true
}

// halfway takes a half-done change for the form that the zone has; what is wanted follows from there.
func (r *runner) halfway(z failover.ZoneState, plan failover.Plan, sets []failover.RecordSet) error {
	switch {
	case plan.Target == failover.ToFallback:
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
	case d.PointsAtFallback(sets):
		return r.trouble(z, failover.EventDrift, fmt.Errorf("%w: %s is neither as before plan %d nor as after it: %s; "+
			"put it back by hand, or: failover trigger/restore --override drift", failover.ErrDrift, z.Zone, plan.Generation,
			changes(failover.Diff(plan.After, sets))))
	case plan.Target != failover.ToFallback && z.Applied != failover.ToArmed: // low TTLs there may be ours
		z.Applied, z.AppliedAt, z.Written = failover.ToArmed, time.Now(), plan.After
	}
	return r.abandon(z, fmt.Sprintf("plan %d ended by somebody else's change of %s: %s", plan.Generation, z.Zone, changes(failover.Diff(plan.Before, sets))))
}

func (r *runner) setActing(acting bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if acting {
		r.acting++
	} else {
		r.acting--
	}
}
