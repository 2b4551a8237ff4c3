package controller

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/failover-dns/failover/failover"
)

// command is an operator's word on its way through a runner.
type command struct {
	ctx    context.Context
	word   failover.Command
	retire bool        // instead of word: bring the zones back to the origin's form for good
	off    atomic.Bool // the retirement is called off
	report func(failover.Entry)
	// current is what each zone holds, read for a word that needs it.
	current map[failover.ZoneRef][]failover.RecordSet
	done    chan error // holds one
	asked   bool       // recorded; now it is carried out
}

// Command carries out an operator's word and returns when the authoritative servers follow, or
// when it cannot be done now. report hears every journal entry on the way; it must not block. When
// ctx ends first the change goes on by itself.
func (c *Controller) Command(ctx context.Context, site string, word failover.Command, report func(failover.Entry)) error {
	r, err := c.runner(site)
	if err != nil {
		return err
	}
	cmd := &command{word: word, report: report}
	switch word.Action { // what has to be asked of others first must not hold up the loop
	case failover.Trigger:
		for _, o := range c.opts.Look(ctx, r.site) {
			r.observe(o)
		}
	case failover.Adopt:
		if cmd.current, err = r.readAll(ctx); err != nil {
			return err
		}
	}
	return r.ask(ctx, cmd)
}

func (r *runner) ask(ctx context.Context, cmd *command) error {
	cmd.ctx, cmd.done = ctx, make(chan error, 1)
	select {
	case r.commands <- cmd:
	case <-ctx.Done():
		return fmt.Errorf("site %s: the controller is busy: %w", r.site.Name, ctx.Err())
	case <-r.stopped:
		return fmt.Errorf("site %s: the controller stops", r.site.Name)
	}
	select {
	case err := <-cmd.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("site %s: not finished yet, and going on: %w", r.site.Name, ctx.Err())
	case <-r.stopped:
		return fmt.Errorf("site %s: the controller stops", r.site.Name)
	}
}

// command records an operator's word. The turn that follows carries it out.
func (r *runner) command(cmd *command) {
	r.finish(fmt.Errorf("site %s: another command came", r.site.Name))
	r.listener = cmd
	if !r.started() {
		if err := r.start(); err != nil {
			r.finish(err)
			return
		}
	}
	for _, w := range r.zones {
		w.notUntil, w.failure = time.Time{}, "" // a human does not wait for the ladder
	}
	if cmd.retire {
		r.retiring, cmd.asked = cmd, true
		return
	}
	if cmd.word.Action == failover.Adopt {
		if err := r.giveUpPlans(cmd); err != nil {
			r.finish(err)
			return
		}
	}
	now := time.Now()
	next, err := r.site.Policy.Command(r.running, cmd.word, r.verdict(now), now)
	if err != nil {
		r.finish(err)
		return
	}
	if cmd.word.Action == failover.Adopt {
		if next, err = r.adoptAll(next, cmd.current); err != nil {
			r.finish(err)
			return
		}
	}
	message := string(cmd.word.Action)
	if cmd.word.Force {
		message += " --force"
	}
	for _, rule := range cmd.word.Override {
		message += " --override " + rule
	}
	if cmd.word.Reason != "" {
		message += ": " + cmd.word.Reason
	}
	if err := r.append(failover.EventCommand, cmd.word.By, message, next, nil); err != nil {
		r.finish(err)
		return
	}
	cmd.asked = true
	if cmd.word.Action == failover.Trigger || cmd.word.Action == failover.Restore {
		for _, w := range r.zones {
			w.readAt, w.insisted = time.Time{}, true // whatever we believe of the zone, it is looked at
		}
	}
	if len(next.Overrides) > 0 {
		r.forced = r.entry.Seq
	}
}

// settled ends the command under way once its change is made, or cannot be made now.
func (r *runner) settled() {
	if r.listener == nil || !r.listener.asked {
		return
	}
	if r.listener.ctx.Err() != nil {
		r.finish(r.listener.ctx.Err())
		return
	}
	if word := r.listener.word.Action; word == failover.Hold || word == failover.Release {
		r.finish(nil)
		return
	}
	for _, w := range r.zones {
		if w.busy {
			return
		}
	}
	if trouble := r.firstTrouble(); trouble != "" {
		r.finish(fmt.Errorf("not done yet, and tried again: %s", trouble))
		return
	}
	if r.anyWants(r.running) {
		return
	}
	for _, w := range r.zones {
		if w.confirming != 0 {
			return
		}
	}
	r.finish(nil)
}

// told tells the command under way what the authoritative servers answered.
func (r *runner) told(err error) {
	if r.listener != nil && err != nil {
		r.finish(err)
	}
}

func (r *runner) finish(err error) {
	if r.listener != nil {
		r.listener.done <- err
		r.listener = nil
		for _, w := range r.zones {
			w.insisted = false
		}
	}
}

func (r *runner) firstTrouble() string {
	for _, z := range r.running.Zones {
		if z.Trouble != "" {
			return z.Trouble
		}
	}
	for _, w := range r.zones {
		if w.failure != "" {
			return w.failure
		}
	}
	return ""
}
