package controller

import (
	"context"
	"fmt"
	"time"
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
		if why := leapt(now.Round(0).Sub(last.Round(0)), now.Sub(last)); why != "" {
			c.opts.Log.Warn("what was seen so far no longer counts", "why", why)
			c.forget()
		}
		last = now
		c.checkReferences()
	}
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
