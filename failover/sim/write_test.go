package sim

import (
	"context"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// later lets the write happen when nobody waits for it any more.
func (c conn) later(ctx context.Context, f Fact) error {
	<-ctx.Done()
	delay := upTo(c.dice("lateness"), time.Minute)
	c.inFlight.Go(func() {
		time.Sleep(delay)
		c.mu.Lock()
		defer c.mu.Unlock()
		f.Late = true
		if c.mode == guarded && !failover.SameSets(failover.Select(c.sets, f.Plan.Names), f.Plan.Before) {
			return
		}
		if next := moved(c.sets, *f.Plan, nil); lonely(next) {
			c.commit(next, f)
		}
	})
	return c.fail("replace", failover.KindLost, ctx.Err())
}

// write makes the change, and looks whether it is there.
func (c conn) write(ctx context.Context, f Fact, faults trouble) error {
	if err := c.apply(ctx, f, faults); err != nil {
		return err
	}
	if err := c.life.point("replace.after"); err != nil {
		return c.fail("replace", failover.KindLost, err)
	}
	if c.coin("lost", faults.lost) {
		return c.refuse("replace", failover.KindLost, "connection closed")
	}
	for _, wait := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond} {
		if err := pause(ctx, wait); err != nil {
			return c.fail("replace", failover.KindLost, err)
		}
		c.mu.Lock()
		sets, _ := c.view("confirm", f.Plan.Names)
		c.mu.Unlock()
		if failover.SameSets(failover.Select(sets, f.Plan.Names), f.Plan.After) {
			return nil
		}
	}
	return c.refuse("replace", failover.KindLost, "accepted, but the zone does not hold it")
}

func (c conn) apply(ctx context.Context, f Fact, faults trouble) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mode == steps {
		return c.stepwise(ctx, f, faults)
	}
	if c.mode == guarded && !failover.SameSets(failover.Select(c.sets, f.Plan.Names), f.Plan.Before) {
		return c.refuse("replace", failover.KindDrift, "a prerequisite does not hold")
	}
	next := moved(c.sets, *f.Plan, nil)
	if !lonely(next) {
		return c.refuse("replace", failover.KindRejected, "a CNAME cannot stand beside other data")
	}
	c.commit(next, f)
	return nil
}

// stepwise changes one set after the other; what goes goes last. c.mu is held, but not between steps.
func (c conn) stepwise(ctx context.Context, f Fact, faults trouble) error {
	list := f.Plan.Changes()
	slices.SortStableFunc(list, func(a, b failover.Change) int {
		switch {
		case a.After == nil && b.After != nil:
			return 1
		case a.After != nil && b.After == nil:
			return -1
		}
		return 0
	})
	for i, change := range list {
		if i > 0 {
			if err := c.between(ctx, faults); err != nil {
				return err
			}
		}
		c.commit(moved(c.sets, *f.Plan, &change), f)
	}
	return nil
}

// between is what may happen between two steps; c.mu is held before and after.
func (c conn) between(ctx context.Context, faults trouble) error {
	c.mu.Unlock()
	defer c.mu.Lock()
	err := pause(ctx, 200*time.Millisecond)
	if err == nil {
		err = c.life.point("replace.half")
	}
	if err != nil {
		return c.fail("replace", failover.KindLost, err)
	}
	if c.coin("half", faults.half) {
		return c.refuse("replace", failover.KindLost, "502 in the middle")
	}
	return nil
}

// moved returns the zone after a plan, or after one change of it.
func moved(sets []failover.RecordSet, plan failover.Plan, only *failover.Change) []failover.RecordSet {
	list := plan.Changes()
	if only != nil {
		list = []failover.Change{*only}
	}
	next := failover.CloneSets(sets)
	for _, change := range list {
		key := change.Key()
		next = slices.DeleteFunc(next, func(s failover.RecordSet) bool { return s.Key() == key })
		if change.After != nil {
			next = append(next, change.After.Clone())
		}
	}
	return failover.SortSets(next)
}
