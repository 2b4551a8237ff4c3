package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover"
)

const (
	clockTick = time.Second
	// leap is how far wall clock and monotonic clock may part between two ticks, and how late a
	// tick may be, before what was seen until then no longer counts.
	leap = 5 * time.Second
)

// watchClock looks for what would make old observations look fresh or new ones old: a clock that
// was set, a machine that slept, a process that was stopped. After either, every run of failure
// or health starts anew.
func (c *Controller) watchClock(ctx context.Context) {
	tick := time.NewTicker(clockTick)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		wall, monotonic := now.Round(0).Sub(last.Round(0)), now.Sub(last)
		if why := leapt(wall, monotonic); why != "" {
			c.opts.Log.Warn("what was seen so far no longer counts", "why", why)
			c.noteLeap(wall - monotonic)
			c.forget()
		}
		last = now
		c.checkClock()
		c.checkReferences()
	}
}

// distrust is for how long a clock that leapt is not trusted where time is the only evidence.
const distrust = 24 * time.Hour

// clock is what is known of the wall clock. c.mu guards it.
type clock struct {
	off  time.Duration // how far it was set, all in all
	last time.Time     // when it was set last
}

// noteLeap takes note that the clock was set.
func (c *Controller) noteLeap(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.clock.last).Abs() > distrust {
		c.clock.off = 0 // it has been right since
	}
	c.clock.off += by
	c.clock.last = time.Now()
}

// noteStart takes note that the journal was written ahead of what the clock says at the start.
func (c *Controller) noteStart(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock.last.IsZero() {
		c.clock = clock{off: -ahead, last: time.Now()}
	}
}

// clockOff returns how far the clock was set of late, or 0: also when it was put right again.
func (c *Controller) clockOff() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock.off.Abs() <= leap || time.Since(c.clock.last).Abs() > distrust {
		return 0
	}
	return c.clock.off
}

// checkClock raises an alarm while the clock is not to be trusted.
func (c *Controller) checkClock() {
	if off := c.clockOff(); off.Abs() >= time.Minute { // less is a pause, as for a snapshot
		c.raise("", AlarmClock, fmt.Sprintf("this machine's clock was set by %v, or the machine slept: until that is a day ago, "+
			"no site is switched for a certificate that would be valid by the clock as it was", off.Round(time.Second)))
	} else {
		c.clear("", AlarmClock)
	}
}

// byClock objects to a switch whose only reason is the time in the origin's certificate, while our own
// clock may be what is wrong.
func (r *runner) byClock(v failover.Verdict) []failover.Veto {
	off := r.c.clockOff()
	if v.Health != failover.Down || off == 0 {
		return nil
	}
	view := r.view()
	for _, o := range view {
		if o.Role != failover.RoleOrigin || o.Health != failover.Down || !r.site.Policy.Sees(view, o.Address, time.Now()) {
			continue
		}
		if o.Cause != failover.CauseTLSExpired || !o.Expiry.After(time.Now().Add(-off)) {
			return nil // it fails by any clock
		}
	}
	return []failover.Veto{{Rule: failover.VetoClock, Message: fmt.Sprintf("this machine's clock was set by %v, and the time in its certificate "+
		"is all that is wrong with the origin; try: failover trigger, if the clock is right now", off.Round(time.Second))}}
}

// leapt says what was wrong with the time between two ticks, by the wall clock and by the
// monotonic one; "" if nothing was.
func leapt(wall, monotonic time.Duration) string {
	switch apart := wall - monotonic; {
	case apart.Abs() > leap:
		return fmt.Sprintf("the clock was set, or the machine slept: it jumped by %v", apart.Round(time.Second))
	case monotonic > clockTick+leap:
		return fmt.Sprintf("this process did not run for %v", monotonic.Round(time.Second))
	default:
		return ""
	}
}

// forget drops all observations; each runner starts its evidence anew with the next.
func (c *Controller) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.references)
	for _, r := range c.runners {
		r.mu.Lock()
		clear(r.observations)
		r.blank = true
		r.mu.Unlock()
	}
}
