package controller

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/failover-dns/failover/failover"
)

// zoneWork is what a runner keeps in memory about one of its zones. One step at a time is under
// way for a zone: a provider that hangs holds up neither the loop nor the site's other zones.
type zoneWork struct {
	ref  failover.ZoneRef
	zone failover.Zone   // nil until it could be opened
	busy bool            // a step is under way beside the loop
	cut  func()          // ends that step if it only reads; else nil
	on   failover.Target // what that step is for
	from time.Time       // when it began
	// patience is how long the next reading may take that is in the way; see the constant.
	patience time.Duration

	ladder     *backoff.ExponentialBackOff
	notUntil   time.Time       // after a failure: when to try again
	told       time.Time       // until when the provider asked to be left alone
	pausedFor  failover.Target // what was wanted then; another wish does not wait
	failure    string          // the failure
	heard      call            // that its provider answered; see [runner.heard]
	undeclared string          // how the declared records differ from the baseline
	unable     string          // why no switch of the zone is possible, as of the last reading
	doubted    time.Time       // when we began to follow the zone, maybe with an older copy of the journal, or gave a plan up that a stale look may have hidden
	strange    stranger        // somebody else's records, seen and not yet believed
	readAt     time.Time       // when the zone was last read and found as expected
	insisted   bool            // an operator's word is being carried out: what is fresh need not stand first
	obeyed     uint64          // the newest forced command that was carried out here

	confirm    context.CancelFunc // ends the asking under way, if any
	confirming uint64             // the generation that no server has answered for yet; 0: none
	begun      time.Time          // when the newest plan was recorded
	late       map[string]error   // alarms about servers that do not follow, by name
}

func (r *runner) work(z failover.ZoneState) *zoneWork {
	if w := r.zones[z.ZoneRef]; w != nil {
		return w
	}
	w := &zoneWork{ref: z.ZoneRef, doubted: time.Now(), patience: patience, ladder: backoff.NewExponentialBackOff(backoff.WithInitialInterval(time.Second),
		backoff.WithMaxInterval(time.Minute), backoff.WithMaxElapsedTime(0))}
	if z.Untouched() && z.Known() {
		w.readAt = time.Now().Add(-spread(r.site.Name+z.Zone, r.c.opts.Refresh)) // thousands of zones are not all read at start
	}
	r.zones[z.ZoneRef] = w
	return w
}

// spread gives each name its own place in a round.
func spread(name string, round time.Duration) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return time.Duration(h.Sum64() % uint64(round))
}

// converge begins for every idle zone of the site what brings it closer to the wanted form, and
// returns the time until there is something to do again.
func (r *runner) converge(ctx context.Context) time.Duration {
	wait := r.c.opts.Refresh
	target := r.target(r.running)
	for _, z := range r.entry.State.Zones {
		w := r.work(z)
		if w.busy && w.cut != nil && (w.on != target || r.waitsFor(w)) && time.Since(w.from) > w.patience {
			w.cut()
			w.patience *= 2 // it may be slow, not stuck
		}
		pause := time.Until(w.notUntil)
		if !w.busy && (pause <= 0 || w.pausedFor != target) {
			r.advance(ctx, w, target)
			pause = time.Until(w.notUntil)
		}
		if !w.busy { // else its end wakes the loop
			wait = min(wait, max(pause, time.Until(w.readAt.Add(r.refresh(z.ZoneRef)))))
		}
	}
	for _, edge := range []time.Time{r.running.TroubleAt.Add(r.site.Policy.Quiet), r.running.LameUntil} {
		if left := time.Until(edge); left > 0 {
			wait = min(wait, left)
		}
	}
	if wait <= 0 {
		wait = time.Second // what is due is not done now, to save calls; not to be asked again at once
	}
	return wait + time.Millisecond // past the edge, not on it
}

// advance begins the next step that the newest entry asks for.
func (r *runner) advance(ctx context.Context, w *zoneWork, target failover.Target) {
	if w.zone == nil {
		zone, err := r.c.opts.Zone(w.ref)
		if err != nil {
			r.rest(w, target, err)
			return
		}
		w.zone = zone
	}
	z := *r.entry.State.Zone(w.ref)
	switch {
	case z.Plan != nil:
		r.resolve(ctx, w, target, z)
	case !z.Known():
		r.capture(ctx, w, target, z)
	case r.wants(z, w, target) && !r.spare(z, target):
		r.change(ctx, w, target, z)
	case time.Since(w.readAt) >= r.refresh(w.ref) || r.mustAsk(w):
		r.reread(ctx, w, target, z)
	}
}

// patience is how long a reading may take at first after something else is wanted than what it was
// for, or while a switch waits for it.
const patience = 2 * time.Second

// step makes one call beside the loop. What call returns runs in the loop, and may begin the next
// step; its error, or the call's, lets the zone rest.
func (r *runner) step(ctx context.Context, w *zoneWork, target failover.Target, call func(context.Context) func() error) {
	calling, cut := context.WithCancel(ctx)
	w.busy, w.cut, w.on, w.from = true, cut, target, time.Now()
	r.aside(ctx, func() func() {
		then := call(calling)
		short := calling.Err() != nil
		cut()
		return func() {
			w.busy = false
			err := then()
			switch {
			case w.busy: // with the next step
			case short && err != nil:
				r.poke() // for what is wanted now
			default:
				r.rest(w, target, err)
			}
		}
	})
}

// read is the step of reading a zone.
func (r *runner) read(ctx context.Context, w *zoneWork, target failover.Target, names []string, then func(current []failover.RecordSet) error) {
	if r.running.Phase == failover.Suspect {
		ctx = failover.Urgent(ctx) // a switch may hang on it
	}
	r.step(ctx, w, target, func(ctx context.Context) func() error {
		current, err := r.readZone(ctx, w, names)
		return func() error {
			if err != nil {
				return err
			}
			return then(current)
		}
	})
}

// readZone reads a zone and notes whether its provider can be reached.
func (r *runner) readZone(ctx context.Context, w *zoneWork, names []string) ([]failover.RecordSet, error) {
	begun := time.Now()
	current, err := w.zone.Read(ctx, names)
	r.c.hear(w.ref.Provider, begun, err)
	return current, err
}

// refresh is the time between two readings of a zone that is as it should be. It is short while the
// zone points at the fallback, or may do so though a lagging reading said otherwise.
func (r *runner) refresh(ref failover.ZoneRef) time.Duration {
	late := time.Now().Before(r.entry.State.LameUntil)
	switch z := r.entry.State.Zone(ref); {
	case z != nil && z.Hearsay: // which may hold up a switch
		return min(10*time.Second, r.c.opts.Refresh)
	case z != nil && z.Applied == failover.ToFallback, late:
		return min(time.Minute, r.c.opts.Refresh)
	}
	return r.c.opts.Refresh
}
