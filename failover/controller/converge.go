package controller

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/failover-dns/failover/failover"
)

// zoneWork is what a runner keeps in memory about one of its zones.
type zoneWork struct {
	zone     failover.Zone
	ladder   *backoff.ExponentialBackOff
	notUntil time.Time       // after a failure: when to try again for the same target
	wanted   failover.Target // then
	failure  string          // then; empty after a success
	strange  stranger        // somebody else's records, seen and not yet believed
	readAt   time.Time       // when the zone was last read and found as expected

	confirm    context.CancelFunc // ends the asking under way, if any
	confirming uint64             // the generation that no server has answered for yet; 0: none
	begun      time.Time          // when the newest plan was recorded
	late       map[string]error   // alarms about servers that do not follow, by name
}

func (r *runner) work(ref failover.ZoneRef) *zoneWork {
	if w := r.zones[ref]; w != nil {
		return w
	}
	ladder := backoff.NewExponentialBackOff(backoff.WithInitialInterval(time.Second),
		backoff.WithMaxInterval(time.Minute), backoff.WithMaxElapsedTime(0))
	w := &zoneWork{zone: &patient{r: r, ref: ref}, ladder: ladder}
	if z := r.entry.State.Zone(ref); z != nil && z.Untouched() && len(z.Baseline) > 0 {
		w.readAt = time.Now().Add(-rand.N(r.c.opts.Refresh)) // thousands of zones are not all read at start
	}
	r.zones[ref] = w
	return w
}

// converge brings every zone of the site a step closer to the wanted form and returns the time
// until there is something to do again.
func (r *runner) converge(ctx context.Context) time.Duration {
	wait := r.c.opts.Refresh
	zones := slices.Clone(r.entry.State.Zones)
	slices.SortStableFunc(zones, func(a, b failover.ZoneState) int { // a provider that hangs comes last
		return cmp.Compare(min(1, len(r.work(a.ZoneRef).failure)), min(1, len(r.work(b.ZoneRef).failure)))
	})
	for _, z := range zones {
		w := r.work(z.ZoneRef)
		if pause := time.Until(w.notUntil); pause > 0 && w.wanted == r.target(r.running) {
			wait = min(wait, pause)
			continue
		}
		wait = min(wait, r.settle(ctx, z.ZoneRef, w))
	}
	if quiet := time.Until(r.running.TroubleAt.Add(r.site.Policy.Quiet)); quiet > 0 {
		wait = min(wait, quiet)
	}
	if lame := time.Until(r.running.LameUntil); lame > 0 {
		wait = min(wait, lame)
	}
	return max(wait, 0) + 10*time.Millisecond // past the edge, not on it
}

// settle does what one zone needs now, and returns the time until it needs something again.
func (r *runner) settle(ctx context.Context, ref failover.ZoneRef, w *zoneWork) time.Duration {
	err := r.advance(ctx, ref, w)
	if ctx.Err() != nil {
		return 0
	}
	if err == nil {
		w.ladder.Reset()
		w.notUntil, w.failure = time.Time{}, ""
		if r.tidy() {
			r.c.clear(r.site.Name, AlarmZone)
		}
		return time.Until(w.readAt.Add(r.refresh(ref)))
	}
	pause := w.ladder.NextBackOff()
	var fresh *standing
	if errors.As(err, &fresh) {
		pause = fresh.left // known to the second
	}
	var ze *failover.ZoneError
	if errors.As(err, &ze) && ze.RetryAfter > 0 {
		pause = ze.RetryAfter // the provider's word beats the ladder
	}
	w.notUntil, w.wanted, w.failure = time.Now().Add(pause), r.target(r.running), err.Error()
	r.c.raise(r.site.Name, AlarmZone, err.Error())
	return pause
}

// tidy tells whether no zone of the site is in trouble.
func (r *runner) tidy() bool {
	for _, z := range r.entry.State.Zones {
		if z.Trouble != "" {
			return false
		}
	}
	for _, w := range r.zones {
		if !w.notUntil.IsZero() {
			return false
		}
	}
	return true
}

// refresh is the time between two readings of a zone that is as it should be.
func (r *runner) refresh(ref failover.ZoneRef) time.Duration {
	if z := r.entry.State.Zone(ref); z != nil && z.Applied == failover.ToFallback {
		return min(time.Minute, r.c.opts.Refresh)
	}
	return r.c.opts.Refresh
}

// advance makes the zone what the newest entry wants, one step at a time.
func (r *runner) advance(ctx context.Context, ref failover.ZoneRef, w *zoneWork) error {
	target := r.target(r.running)
	z := *r.entry.State.Zone(ref)
	switch {
	case z.Plan != nil:
		if err := r.resolve(ctx, z, w); err != nil {
			return err
		}
		return r.advance(ctx, ref, w)
	case len(z.Baseline) == 0:
		if err := r.capture(ctx, z, w); err != nil {
			return err
		}
		return r.advance(ctx, ref, w)
	case target == failover.ToArmed && r.running.Phase == failover.Suspect && r.c.mass() != "":
		return nil // the calls that lowering would cost are needed for the switches
	case r.wants(z, w, target):
		return r.change(ctx, z, w, target)
	case time.Since(w.readAt) >= r.refresh(ref):
		return r.reread(ctx, z, w)
	default:
		return nil
	}
}

// wants tells whether the zone, as far as we know, lacks the target's form.
func (r *runner) wants(z failover.ZoneState, w *zoneWork, target failover.Target) bool {
	d := r.draft(z, w)
	form, err := d.Form(target)
	if err != nil {
		return true // let change say what is wrong
	}
	// Where TTLs cannot be lowered, origin and armed are one form and need no change; but going
	// back to the origin's form is always recorded.
	return !failover.SameSets(form, known(z)) || target != z.Applied && target != failover.ToArmed ||
		r.running.Forced && z.Trouble != "" // the zone is not as we know it, and an operator wants it so
}

// target is the form that the zones should have now.
func (r *runner) target(s failover.State) failover.Target {
	if r.leaving() {
		return failover.ToOrigin
	}
	return r.site.Policy.Target(s, time.Now())
}

// known returns the sets that the zone should hold as far as we know.
func known(z failover.ZoneState) []failover.RecordSet {
	if z.Written != nil {
		return z.Written
	}
	return z.Baseline
}

func (r *runner) draft(z failover.ZoneState, w *zoneWork) failover.Draft {
	return failover.Draft{
		Site: r.site.Name, ZoneRef: z.ZoneRef, Names: z.Names, Baseline: z.Baseline,
		Fallback: r.fallback, ArmedTTL: r.site.TTL.Armed, Abilities: w.zone.Abilities(),
		Written: z.Written, Force: r.running.Forced,
	}
}

// with returns the newest state with one zone changed.
func (r *runner) with(z failover.ZoneState) failover.State {
	s := r.running.Clone()
	*s.Zone(z.ZoneRef) = z
	return s
}

func changes(list []failover.Change) string {
	text := ""
	for i, c := range list {
		if i > 0 {
			text += "; "
		}
		switch {
		case c.Before == nil:
			text += "+ " + c.After.String()
		case c.After == nil:
			text += "- " + c.Before.String()
		default:
			text += c.Before.String() + " -> " + c.After.String()
		}
	}
	return text
}
