package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/failover-dns/failover/failover"
)

// Set replaces the sites, and what is known of the fallback, whole or not at all. A site that is
// failed over cannot be removed, nor its hosts changed: its records would never come back. A site
// whose TTLs are low is first brought back to its own. Sites that did not change go on undisturbed.
func (c *Controller) Set(ctx context.Context, sites []failover.Site, fallback failover.Fallback) error {
	wanted := make(map[string]failover.Site, len(sites))
	for _, s := range sites {
		wanted[s.Name] = s
	}
	anew := !reflect.DeepEqual(fallback, c.fallback)
	var leave, replace []*runner
	for _, r := range c.all() {
		site, stays := wanted[r.site.Name]
		switch {
		case !stays || !reflect.DeepEqual(site.Hosts, r.site.Hosts):
			leave = append(leave, r)
		case anew || !reflect.DeepEqual(site, r.site):
			replace = append(replace, r)
		}
	}
	if err := c.retire(ctx, leave); err != nil {
		return err
	}
	gone := append(leave, replace...)
	for _, r := range gone {
		r.stop()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range gone {
		delete(c.runners, r.site.Name)
		if _, stays := wanted[r.site.Name]; !stays {
			for key := range c.alarms {
				if key[0] == r.site.Name {
					delete(c.alarms, key)
				}
			}
		}
	}
	c.fallback = fallback
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if c.runners[name] != nil {
			continue
		}
		c.runners[name] = newRunner(c, wanted[name], fallback)
		if c.ctx != nil {
			c.launch(c.runners[name])
		}
	}
	return nil
}

// stop ends a runner and waits for it.
func (r *runner) stop() {
	if r.cancel != nil { // else it was never launched
		r.cancel()
		<-r.stopped
	}
}

// retire readies runners to leave: nothing of ours may stay behind in their zones.
func (c *Controller) retire(ctx context.Context, leave []*runner) error {
	for _, r := range leave {
		if r.away() {
			return fmt.Errorf("site %s is failed over, so it cannot be removed nor its hosts changed; try: failover restore %s",
				r.site.Name, r.site.Name)
		}
	}
	var errs []error
	for _, r := range leave {
		if r.cancel == nil || r.untouched() {
			continue
		}
		if err := r.ask(ctx, &command{retire: true}); err != nil {
			errs = append(errs, fmt.Errorf("site %s cannot leave before its TTLs are its own again: %w", r.site.Name, err))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	for _, r := range leave {
		if r.cancel != nil {
			errs = append(errs, r.ask(ctx, &command{stay: true}))
		}
	}
	return errors.Join(errs...)
}

// away tells whether any zone of the site points at the fallback, or may.
func (r *runner) away() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running.Phase.Serving() || slices.ContainsFunc(r.running.Zones, func(z failover.ZoneState) bool {
		return z.Applied == failover.ToFallback || z.Plan != nil
	})
}

func (r *runner) untouched() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !slices.ContainsFunc(r.running.Zones, func(z failover.ZoneState) bool { return !z.Untouched() })
}

// Orphans raises an alarm for every site that the journal knows as failed over and that is not
// configured: nobody would ever restore it.
func (c *Controller) Orphans() error {
	sites, err := c.opts.Journal.Sites()
	if err != nil {
		return err
	}
	for _, site := range sites {
		if _, err := c.runner(site); err == nil {
			continue
		}
		entry, err := c.opts.Journal.Last(site)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(entry.State.Zones, func(z failover.ZoneState) bool { return !z.Untouched() }) {
			c.raise(site, AlarmOrphan, "the journal says that this site is failed over or armed, and it is not configured; "+
				"put it back into the configuration and restore it")
		}
	}
	return nil
}
