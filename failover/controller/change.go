package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover"
)

// change is the step that reads the zone, and our own server where it is to serve, and goes on to
// plan and apply.
func (r *runner) change(ctx context.Context, w *zoneWork, target failover.Target, z failover.ZoneState) {
	r.act(ctx, w, target, z.Names, func(current []failover.RecordSet) error {
		return r.plan(ctx, w, target, current)
	})
}

// plan goes on from a reading of the zone to a plan, and begins to apply it.
func (r *runner) plan(ctx context.Context, w *zoneWork, target failover.Target, current []failover.RecordSet) error {
	if r.target(r.running) != target {
		return nil // decided otherwise meanwhile
	}
	z, err := r.takeNew(*r.entry.State.Zone(w.ref), w, current)
	if err != nil {
		return err
	}
	if r.spare(z, target) {
		return nil // it was another's write that was found
	}
	r.foresee(z, w, z.Baseline, current)
	plan, err := failover.MakePlan(r.draft(z, w), target, current)
	if err != nil {
		return r.trouble(z, failover.EventDrift, err)
	}
	return r.apply(ctx, w, z, plan)
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
			if current, err = r.readZone(ctx, w, names); err == nil && demanding {
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

// urgent lets calls that move visitors, either way, or that a switch waits for, use the share of a
// provider's budget that is kept for them; lowering TTLs may wait.
func (r *runner) urgent(ctx context.Context, w *zoneWork, target failover.Target) context.Context {
	if target == failover.ToFallback || r.entry.State.Zone(w.ref).Applied == failover.ToFallback || r.waitsFor(w) {
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
	if plan.Target == failover.ToArmed {
		z.Lows = z.Lowers(r.draft(z, w).LowTTL())
	}
	if plan.Target == failover.ToFallback {
		z.Taken = z.Takes(plan.After)
		z.Fallbacks = failover.Remember(z.Fallbacks, r.draft(z, w).Pointers(plan.After))
	}
	z.Plan, z.Following = &plan, nil
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

func (r *runner) setActing(acting bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if acting {
		r.acting++
	} else {
		r.acting--
	}
}
