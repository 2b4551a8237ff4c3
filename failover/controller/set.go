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

// Ready readies the controller for a Set of these sites. A site that is failed over can neither
// be removed nor get other hosts: its records would never come back. A site whose TTLs are low is
// brought back to its own first. After an error nothing has changed.
func (c *Controller) Ready(ctx context.Context, sites []failover.Site) error {
	wanted := byName(sites)
	var leave []*runner
	for _, r := range c.all() {
		if site, stays := wanted[r.site.Name]; !stays || !reflect.DeepEqual(site.Hosts, r.site.Hosts) {
			leave = append(leave, r)
		}
	}
	return c.retire(ctx, leave)
}

// Set replaces the sites and where the fallback is. Sites that did not change go on undisturbed.
func (c *Controller) Set(sites []failover.Site, fallback failover.Fallback) {
	wanted := byName(sites)
	anew := !reflect.DeepEqual(fallback, c.fallback)
	var gone []*runner
	seen := map[string][]failover.Observation{} // of our own server, by site
	for _, r := range c.all() {
		if site, stays := wanted[r.site.Name]; anew || !stays || !reflect.DeepEqual(site, r.site) {
			r.stop()
			gone = append(gone, r)
			if !anew && reflect.DeepEqual(site.Hosts, r.site.Hosts) {
				seen[r.site.Name] = r.ownLooks()
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range gone {
		delete(c.runners, r.site.Name)
		delete(c.herd, r.site.Name)
		delete(c.blind, r.site.Name)
		if _, stays := wanted[r.site.Name]; !stays {
			maps.DeleteFunc(c.alarms, func(key [2]string, _ Alarm) bool { return key[0] == r.site.Name })
		}
	}
	c.fallback = fallback
	for name, site := range wanted {
		if c.runners[name] != nil {
			continue
		}
		c.runners[name] = newRunner(c, site, fallback)
		for _, o := range seen[name] {
			c.runners[name].observe(o)
		}
		if c.ctx != nil {
			c.launch(c.runners[name])
		}
	}
}

// ownLooks returns the newest looks at our own server.
func (r *runner) ownLooks() []failover.Observation {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []failover.Observation
	for key, o := range r.observations {
		if key.Role == failover.RoleFallback {
			list = append(list, o)
		}
	}
	return list
}

func byName(sites []failover.Site) map[string]failover.Site {
	m := make(map[string]failover.Site, len(sites))
	for _, s := range sites {
		m[s.Name] = s
	}
	return m
}

// stop ends a runner and waits for it.
func (r *runner) stop() {
	if cancel := r.launched(); cancel != nil {
		cancel()
		<-r.stopped
	}
}

// launched returns what ends the runner, or nil if it was never launched.
func (r *runner) launched() context.CancelFunc {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.cancel
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
	asked := map[*runner]*command{}
	for _, r := range leave {
		if r.launched() == nil {
			continue
		}
		asked[r] = &command{retire: true}
		if err := r.ask(ctx, asked[r]); err != nil {
			errs = append(errs, fmt.Errorf("site %s cannot leave before its TTLs are its own again: %w", r.site.Name, err))
		}
	}
	if len(errs) > 0 { // whatever became of ctx and of what was asked, automation goes on
		for r, cmd := range asked {
			cmd.off.Store(true)
			r.poke()
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
