package controller

import (
	"context"
	"errors"
	"time"

	"github.com/failover-dns/failover/failover"
)

// A server that does not follow in time is asked again after pauses that grow from the first to
// the last of these, each time for a moment only.
const (
	firstPause = 30 * time.Second
	lastPause  = 10 * time.Minute
	moment     = 10 * time.Second
)

// chase is the asking that follows a change of a zone: the authoritative servers, then the panel.
type chase struct {
	w     *zoneWork
	plan  failover.Plan
	begun time.Time // when the plan was recorded
	// elder is until when resolvers may hold what the zone held before plan.Before.
	elder time.Time
}

// follow asks beside the loop who follows a change, until all do or a newer plan comes. Only the
// first word of the authoritative servers is waited for by a command.
func (r *runner) follow(ctx context.Context, w *zoneWork, plan failover.Plan, elder time.Time) {
	if r.c.opts.Confirm == nil {
		return
	}
	c := &chase{w: w, plan: plan, begun: w.begun, elder: elder}
	if c.begun.IsZero() { // it was begun before a restart
		c.begun = time.Now()
	}
	if w.confirm != nil {
		w.confirm() // the journal was taken up anew
	}
	ctx, w.confirm = context.WithCancel(ctx)
	w.confirming = plan.Generation
	r.pursue(ctx, c, r.c.opts.Confirm, r.c.opts.ConfirmFor, func(answers []failover.Confirmation, err error) bool {
		return r.confirmed(ctx, c, answers, err)
	})
}

// resume goes on asking about changes that were made before a restart.
func (r *runner) resume() {
	for _, z := range r.entry.State.Zones {
		if z.Following != nil && z.Plan == nil {
			w := r.work(z)
			w.begun = z.AppliedAt
			r.follow(r.life, w, *z.Following, time.Time{})
		}
	}
}

// unfollow ends the asking about a zone, and the alarms that came of it.
func (r *runner) unfollow(w *zoneWork) {
	if w.confirm != nil {
		w.confirm()
	}
	w.confirm, w.confirming = nil, 0
	r.complain(w, AlarmLagging, nil)
	r.complain(w, AlarmResolver, nil)
}

// pursue asks, for limit at first (0: as long as ask itself likes), until heard, which runs in the
// loop, says that this was all.
func (r *runner) pursue(ctx context.Context, c *chase, ask failover.Confirm, limit time.Duration, heard func([]failover.Confirmation, error) bool) {
	var sofar []failover.Confirmation
	var attempt func(pause, limit time.Duration)
	attempt = func(pause, limit time.Duration) {
		r.aside(ctx, func() func() {
			answers, err := askAfter(ctx, pause, limit, ask, c.plan)
			return func() {
				switch {
				case ctx.Err() != nil: // a newer plan came
					return
				case !r.stands(c.plan): // nobody will ever answer it
					r.unfollow(c.w)
					return
				}
				sofar = c.merge(sofar, answers)
				if !heard(sofar, err) {
					attempt(min(max(2*pause, firstPause), lastPause), moment)
				}
			}
		})
	}
	attempt(0, limit)
}

func askAfter(ctx context.Context, pause, limit time.Duration, ask failover.Confirm, plan failover.Plan) ([]failover.Confirmation, error) {
	if pause > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	return ask(ctx, plan)
}

// stands tells whether the zone, as far as we know, still is as the plan left it.
func (r *runner) stands(plan failover.Plan) bool {
	z := r.entry.State.Zone(plan.ZoneRef)
	return z != nil && failover.SameSets(known(*z), plan.After)
}

// merge returns the newest answers. A server that followed earlier and still does keeps the time
// of its first right answer.
func (c *chase) merge(earlier, now []failover.Confirmation) []failover.Confirmation {
	type key struct{ server, address string }
	first := map[key]time.Time{}
	for _, e := range earlier {
		if e.OK {
			first[key{e.Server, e.Address}] = e.At
		}
	}
	for i, n := range now {
		if at, found := first[key{n.Server, n.Address}]; found && n.OK {
			now[i].At = at
		}
		now[i].After = max(0, now[i].At.Sub(c.begun))
	}
	return now
}

// confirmed records what the authoritative servers answer, and goes on to the panel once all that
// can be reached follow.
func (r *runner) confirmed(ctx context.Context, c *chase, answers []failover.Confirmation, err error) (done bool) {
	waited := c.w.confirming != 0
	c.w.confirming = 0
	if err != nil {
		err = laggards(c.plan, answers, err)
		r.complain(c.w, AlarmLagging, err)
	} else {
		r.complain(c.w, AlarmLagging, nil)
		s := r.running.Clone()
		s.Zone(c.w.ref).Following = nil
		err = r.append(failover.EventConfirmed, "controller", c.confirmation(answers), s, answers)
	}
	if waited {
		r.told(err)
	}
	if err == nil {
		r.askPanel(ctx, c)
	}
	return err == nil
}

// askPanel asks the resolvers once the authoritative servers follow. Nobody waits for them.
func (r *runner) askPanel(ctx context.Context, c *chase) {
	if r.c.opts.Panel == nil {
		r.unfollow(c.w)
		return
	}
	told := false
	r.pursue(ctx, c, r.c.opts.Panel, 0, func(answers []failover.Confirmation, err error) bool {
		if len(answers) == 0 {
			if err != nil {
				r.c.opts.Log.Error("the panel of resolvers cannot be asked", "site", r.site.Name, "err", err)
			}
			r.unfollow(c.w)
			return true
		}
		message := c.propagation(answers)
		if !told || err == nil {
			stored := r.append(failover.EventPropagated, "controller", message, r.running.Clone(), answers)
			told = stored == nil
			err = errors.Join(err, stored)
		}
		if err != nil {
			r.complain(c.w, AlarmResolver, errors.New(message))
			return false
		}
		r.unfollow(c.w)
		return true
	})
}

// complain says what is amiss about one zone, or with nil that nothing is any more. The site has
// one alarm of the name, which lasts while any of its zones has something to say.
func (r *runner) complain(w *zoneWork, name string, err error) {
	if w.late == nil {
		w.late = map[string]error{}
	}
	w.late[name] = err
	for _, z := range r.running.Zones {
		if o := r.zones[z.ZoneRef]; o != nil && o.late[name] != nil {
			r.c.raise(r.site.Name, name, o.late[name].Error())
			return
		}
	}
	r.c.clear(r.site.Name, name)
}
