package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/failover-dns/failover/failover"
)

// runner decides and acts for one site.
type runner struct {
	c        *Controller
	site     failover.Site
	fallback failover.Fallback
	shared   []failover.Veto // objects where origin and fallback share a network

	cancel   context.CancelFunc // set by launch
	stopped  chan struct{}
	wake     chan struct{} // something to decide about; holds at most one
	commands chan *command

	mu           sync.Mutex // guards what others read
	observations map[failover.ObservationKey]failover.Observation
	entry        failover.Entry  // the newest; Seq 0 before start
	running      failover.State  // entry.State with running evidence
	acting       int             // how many changes are under way
	failure      string          // of the step that failed last, if none succeeded since
	against      []failover.Veto // what stood against a switch at the last look
	blank        bool            // what was seen no longer counts: the evidence starts anew

	// Only the runner's own goroutine uses these.
	zones     map[failover.ZoneRef]*zoneWork
	published published
	listener  *command // hears every entry while a command is carried out
	side      sync.WaitGroup
	sideDone  chan func() // what a side task found, handed to the loop
	life      context.Context
	forced    uint64    // the newest forced command
	looking   bool      // a look at our own server is under way
	retiring  *command  // by which the site leaves the configuration; may be called off
	behind    bool      // the journal holds an entry that we do not know
	blindAt   time.Time // when too few references last answered
	fitted    uint64    // the entry whose zones are known to be those of the site
}

// published is what the fallback was last told.
type published struct {
	done    bool
	serving bool
	out     bool // the origin does not serve; while it does, visitors who still come are handed on to it
	since   time.Time
}

func newRunner(c *Controller, site failover.Site, fallback failover.Fallback) *runner {
	return &runner{
		c: c, site: site, fallback: fallback, shared: neighbours(site, fallback),
		stopped:      make(chan struct{}),
		wake:         make(chan struct{}, 1),
		commands:     make(chan *command),
		sideDone:     make(chan func()),
		observations: map[failover.ObservationKey]failover.Observation{},
		zones:        map[failover.ZoneRef]*zoneWork{},
	}
}

// observe takes in one observation and wakes the loop.
func (r *runner) observe(o failover.Observation) {
	r.mu.Lock()
	if old, known := r.observations[o.Key()]; !known || !o.At.Before(old.At) {
		r.observations[o.Key()] = o
	}
	r.mu.Unlock()
	r.poke()
}

func (r *runner) poke() {
	select {
	case r.wake <- struct{}{}:
	default: // awake already
	}
}

// run is the loop of one site. It returns when ctx has ended and nothing is under way.
func (r *runner) run(ctx context.Context) {
	r.life = ctx
	defer r.side.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		case found := <-r.sideDone:
			found()
		case cmd := <-r.commands:
			r.command(cmd)
		}
		if ctx.Err() != nil {
			return // select may have picked another case
		}
		if r.started() && !r.leaving() {
			r.decide(ctx)
		}
		timer.Reset(r.turn(ctx))
	}
}

// turn does what is due and returns the time until something else is.
func (r *runner) turn(ctx context.Context) time.Duration {
	r.c.turned.Store(time.Now().UnixNano())
	if !r.started() {
		if err := r.start(); err != nil {
			r.c.raise(r.site.Name, AlarmJournal, err.Error())
			return time.Minute
		}
	}
	if r.fitted != r.entry.Seq { // zones change with an entry, not with a look
		if fitted := r.fit(r.running); !fitted.SameDecision(r.running) {
			if err := r.append(failover.EventStart, "controller", "the configuration of the site changed", fitted, nil); err != nil {
				return time.Minute
			}
		}
		r.fitted = r.entry.Seq
	}
	r.show()
	wait := r.converge(ctx)
	r.show() // a change may have begun or ended the serving
	r.settled()
	return wait
}

func (r *runner) started() bool { return r.entry.Seq > 0 && !r.behind }

// leaving tells whether the site is about to leave the configuration, so that nothing is decided.
func (r *runner) leaving() bool { return r.retiring != nil && !r.retiring.off.Load() }

// start takes up the newest journal entry, or makes the first.
func (r *runner) start() error {
	entry, err := r.c.opts.Journal.Last(r.site.Name)
	switch {
	case errors.Is(err, failover.ErrNoEntry):
		state := failover.State{Phase: failover.Primary, Since: time.Now()}
		return r.append(failover.EventStart, "controller", "first seen", r.fit(state), nil)
	case err != nil:
		return fmt.Errorf("no change is made to this site: %w", err)
	}
	entry.State = entry.State.Clone()
	for i, z := range entry.State.Zones {
		entry.State.Zones[i] = z.Recall()
	}
	r.mu.Lock()
	r.entry, r.running = entry, entry.State
	r.mu.Unlock()
	if ahead := time.Until(entry.At); ahead > time.Minute {
		r.c.noteStart(ahead)
	}
	r.behind, r.forced = false, 0
	if len(entry.State.Overrides) > 0 {
		r.forced = entry.Seq // it may not have been carried out everywhere
	}
	for _, z := range entry.State.Zones {
		if z.Obeyed {
			r.work(z).obeyed = r.forced
		}
	}
	r.c.clear(r.site.Name, AlarmJournal)
	r.resume()
	return nil
}

// fit gives the state one entry per zone of the configured site. A zone that we touched keeps its
// names until it is as it was; see [Controller.Set].
func (r *runner) fit(s failover.State) failover.State {
	s = s.Clone()
	var zones []failover.ZoneState
	for _, ref := range r.site.Zones() {
		names := r.site.Names(ref.Zone)
		old := s.Zone(ref)
		if old != nil && (slices.Equal(old.Names, names) || !old.Untouched()) {
			zones = append(zones, *old)
		} else {
			fresh := failover.ZoneState{ZoneRef: ref, Names: names, Applied: failover.ToOrigin}
			if old != nil {
				fresh = old.Renamed(names)
			}
			zones = append(zones, fresh)
		}
	}
	for _, old := range s.Zones {
		if !old.Untouched() && !slices.ContainsFunc(zones, func(z failover.ZoneState) bool { return z.ZoneRef == old.ZoneRef }) {
			zones = append(zones, old)
		}
	}
	s.Zones = zones
	return s
}

// append records a new state; only then it is the state.
func (r *runner) append(event, by, message string, s failover.State, confirmations []failover.Confirmation) error {
	s = r.lame(s)
	entry := failover.Entry{Seq: r.entry.Seq + 1, Site: r.site.Name, At: time.Now(), Event: event, By: by,
		Message: message, State: s, Confirmations: confirmations}
	if err := r.c.opts.Journal.Append(entry); err != nil {
		r.behind = errors.Is(err, failover.ErrConflict) // such as an entry that was stored although the disk said no
		r.c.raise(r.site.Name, AlarmJournal, "nothing is changed until the journal can be written: "+err.Error())
		return err
	}
	r.c.clear(r.site.Name, AlarmJournal)
	r.mu.Lock()
	r.entry, r.running = entry, s
	r.mu.Unlock()
	r.c.opts.Log.Info("journal", "site", entry.Site, "seq", entry.Seq, "event", entry.Event, "phase", s.Phase,
		"generation", s.Generation, "by", entry.By, "message", entry.Message)
	if r.c.opts.Record != nil {
		r.c.opts.Record(entry)
	}
	if r.listener != nil && r.listener.report != nil {
		r.listener.report(entry)
	}
	return nil
}

// aside runs a task beside the loop; what it returns runs in the loop.
func (r *runner) aside(ctx context.Context, task func() func()) {
	r.side.Go(func() {
		found := task()
		select {
		case r.sideDone <- found:
		case <-ctx.Done():
		}
	})
}
