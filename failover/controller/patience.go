package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover"
)

// patience is how long a reading may take before a decision that is due cuts it short.
const patience = 3 * time.Second

// patient is a zone whose calls keep the loop's eyes open: what is seen while the provider takes
// its time counts, or an outage of the provider would make every run of failure or health begin
// anew. It is opened when it is first needed, and again after that failed.
type patient struct {
	r    *runner
	ref  failover.ZoneRef
	zone failover.Zone // nil: not open
}

func (p *patient) open() error {
	if p.zone != nil {
		return nil
	}
	zone, err := p.r.c.opts.Zone(p.ref)
	if err != nil {
		return fmt.Errorf("zone %s: %w", p.ref.Zone, err)
	}
	p.zone = zone
	return nil
}

// Abilities are none while the zone is not open.
func (p *patient) Abilities() failover.Abilities {
	if p.open() != nil {
		return failover.Abilities{}
	}
	return p.zone.Abilities()
}

// Read ends early, as unavailable, when a decision is due and the provider does not answer.
func (p *patient) Read(ctx context.Context, names []string) (sets []failover.RecordSet, err error) {
	if err := p.open(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun, cut := time.Now(), false
	p.r.await(func() { sets, err = p.zone.Read(ctx, names) }, func() {
		if time.Since(begun) > patience {
			cut = true
			cancel()
		}
	})
	if cut && err != nil {
		err = &failover.ZoneError{Kind: failover.KindUnavailable, Zone: p.ref.Zone, Op: "read",
			Err: fmt.Errorf("no answer for %v, and something else is to be decided", time.Since(begun).Round(time.Second))}
	}
	return sets, err
}

// Replace is never cut short.
func (p *patient) Replace(ctx context.Context, plan failover.Plan) (err error) {
	if err := p.open(); err != nil {
		return err
	}
	p.r.await(func() { err = p.zone.Replace(ctx, plan) }, func() {})
	return err
}

// await runs a call and takes in evidence until it returns; due is told whenever a decision waits
// for the end of the call.
func (r *runner) await(call func(), due func()) {
	done, woken := make(chan struct{}), false
	r.side.Go(func() {
		defer close(done)
		call()
	})
	for {
		select {
		case <-done:
			if woken {
				r.poke() // for the loop
			}
			return
		case <-r.wake:
			woken = true
			if r.started() && !r.leaving() && r.keepEvidence() {
				due()
			}
		}
	}
}

// keepEvidence judges what was seen and keeps what is known of runs of failure and health. It
// tells whether a decision follows, which is left to the loop.
func (r *runner) keepEvidence() (due bool) {
	next, due := r.judge()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running.FailingSince, r.running.HealthySince, r.running.EvidenceAt = next.FailingSince, next.HealthySince, next.EvidenceAt
	r.running.Cause, r.running.Detail = next.Cause, next.Detail
	return due
}
