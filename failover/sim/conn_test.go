package sim

import (
	"context"
	"errors"
	"time"

	"github.com/failover-dns/failover/failover"
)

// conn is the provider as one process sees it.
type conn struct {
	*provider
	life *life
}

func (c conn) Abilities() failover.Abilities {
	return failover.Abilities{Atomic: c.mode != steps, MinTTL: 1, Proxied: c.proxied}
}

// canary stands for every secret: it may come up in nothing that the controller leaves behind.
const canary = "canary-7f3a9c"

// refusal is an error as the real clients make them: its text is clean, and what it carries is not.
type refusal struct {
	Text  string
	Token string
}

func (r *refusal) Error() string { return r.Text }

func (c conn) fail(op string, kind failover.ErrorKind, err error) *failover.ZoneError {
	return &failover.ZoneError{Kind: kind, Zone: c.ref.Zone, Op: op, Err: err}
}

// refuse is a failure that the provider's server speaks of.
func (c conn) refuse(op string, kind failover.ErrorKind, text string) *failover.ZoneError {
	err := c.fail(op, kind, &refusal{Text: text, Token: canary})
	err.Hint = "look at the provider's state page"
	return err
}

// enter is the way of every call to the API and the faults on it.
func (c conn) enter(ctx context.Context, op, site string) error {
	if c.life.dead.Load() {
		return c.fail(op, failover.KindUnavailable, errDead)
	}
	aside := place(c.life.m.name + site + c.ref.Zone)
	if !c.w.seesNow() {
		if err := pause(ctx, 3*time.Second+aside); err != nil {
			return c.fail(op, failover.KindUnavailable, err)
		}
		return c.fail(op, failover.KindUnavailable, errors.New("no route to host"))
	}
	c.w.history.add(Fact{What: factCall, Who: c.life.m.name, Zone: c.ref, Site: site, Op: op})
	c.mu.Lock()
	faults := c.faults
	if c.coin(op+"front", faults.front) {
		c.mu.Unlock()
		return c.refuse(op, failover.KindUnavailable, "502 from the front")
	}
	if c.coin(op+"limited", faults.limited) && time.Now().After(c.blocked) {
		c.blocked = time.Now().Add(faults.retryAfter)
	}
	blocked := time.Until(c.blocked)
	c.mu.Unlock()
	if blocked > 0 {
		err := c.refuse(op, failover.KindRateLimited, "429")
		err.RetryAfter = blocked
		return err
	}
	delay := 50*time.Millisecond + aside
	if c.coin(op+"slow", faults.slow) {
		delay = upTo(c.dice(op+"slowness"), 20*time.Second)
	}
	if err := pause(ctx, delay); err != nil {
		return c.fail(op, failover.KindUnavailable, err)
	}
	if c.coin(op+"unavailable", faults.unavailable) {
		return c.refuse(op, failover.KindUnavailable, "502")
	}
	if c.life.dead.Load() {
		return c.fail(op, failover.KindUnavailable, errDead)
	}
	return nil
}

// recorded notes the answer to a call.
func (c conn) recorded(op, site string, call func() error) error {
	who := c.life.m.name
	err := call()
	var ze *failover.ZoneError
	f := Fact{What: factAnswer, Who: who, Zone: c.ref, Site: site, Op: op, Kind: failover.KindOf(err)}
	if errors.As(err, &ze) {
		f.RetryAfter = ze.RetryAfter
	}
	c.w.history.add(f)
	return err
}

func (c conn) Read(ctx context.Context, names []string) (sets []failover.RecordSet, err error) {
	site := c.w.siteOf(names)
	err = c.recorded("read", site, func() error {
		if err := c.enter(ctx, "read", site); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		sets, _ = c.view("read", names)
		return nil
	})
	if err == nil && c.life.point("read") != nil {
		err = c.fail("read", failover.KindUnavailable, errDead)
	}
	return sets, err
}

// Replace looks, compares, writes and looks again, as the contract wants it.
func (c conn) Replace(ctx context.Context, plan failover.Plan) error {
	called := time.Now()
	return c.recorded("replace", plan.Site, func() error {
		if err := c.enter(ctx, "replace", plan.Site); err != nil {
			return err
		}
		c.mu.Lock()
		sets, stale := c.view("look", plan.Names)
		faults := c.faults
		c.mu.Unlock()
		current := failover.Select(sets, plan.Names)
		if failover.SameSets(current, plan.After) {
			return nil
		}
		if !failover.SameSets(current, plan.Before) {
			return c.refuse("replace", failover.KindDrift, "not as before")
		}
		f := Fact{Who: c.life.m.name, Site: plan.Site, Author: us, Plan: &plan, Called: called, Blind: stale}
		if err := c.life.point("replace.before"); err != nil {
			return c.fail("replace", failover.KindUnavailable, err)
		}
		f.Late = ctx.Err() != nil // it was stalled, nobody waits any more, and it goes on
		switch {
		case c.coin("hang", faults.hang):
			<-ctx.Done()
			return c.fail("replace", failover.KindLost, ctx.Err())
		case c.coin("late", faults.late):
			return c.later(ctx, f)
		}
		return c.write(ctx, f, faults)
	})
}
