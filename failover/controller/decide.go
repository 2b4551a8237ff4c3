package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// view returns all observations that bear on the site.
func (r *runner) view() []failover.Observation {
	list := r.c.seen()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.AppendSeq(list, maps.Values(r.observations))
}

// decide judges what was seen and records a new decision.
func (r *runner) decide(ctx context.Context) {
	next, due := r.judge()
	if !due {
		r.mu.Lock()
		r.running = next
		r.mu.Unlock()
		return
	}
	event, message := describe(r.entry.State, next)
	if err := r.append(event, "controller", message, next, nil); err != nil {
		return
	}
	if next.Phase == failover.Suspect {
		if r.c.opts.Suspect != nil {
			r.c.opts.Suspect()
		}
		r.look(ctx) // so that our own server's state is fresh when the switch is due
	}
}

// judge returns the state that follows from what was seen, and whether that is a new decision.
func (r *runner) judge() (next failover.State, due bool) {
	now := time.Now()
	r.startAnew()
	verdict := r.c.doubt(r.site.Name, r.verdict(now))
	r.note(verdict)
	next = r.site.Policy.Follow(r.running, verdict, now)
	return next, !next.SameDecision(r.entry.State)
}

// startAnew drops running evidence after what was seen no longer counts.
func (r *runner) startAnew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.blank {
		r.blank = false
		r.running.FailingSince, r.running.HealthySince, r.running.EvidenceAt = time.Time{}, time.Time{}, time.Time{}
	}
}

// describe puts a decision into words.
func describe(old, next failover.State) (event, message string) {
	if old.Phase == next.Phase {
		if len(next.Vetoes) > 0 {
			return failover.EventVeto, "not switched: " + next.Vetoes[0].Message
		}
		return failover.EventVeto, "nothing stands against a switch any more"
	}
	message = fmt.Sprintf("%s -> %s", old.Phase, next.Phase)
	switch {
	case next.Phase == failover.Suspect || next.Phase == failover.InFallback:
		message += fmt.Sprintf(": %s: %s", next.Cause, next.Detail)
	case old.Phase == failover.Recovering:
		message += fmt.Sprintf(": the origin has been well since %s", next.HealthySince.UTC().Format(time.RFC3339))
	default:
		message += ": the origin answers"
	}
	return failover.EventPhase, message
}
