package controller

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Status returns the picture of every site, in order of name.
func (c *Controller) Status(context.Context) ([]failover.SiteStatus, error) {
	var list []failover.SiteStatus
	for _, r := range c.all() {
		list = append(list, r.status())
	}
	return list, nil
}

func (r *runner) status() failover.SiteStatus {
	now := time.Now()
	verdict := r.site.Policy.Judge(r.view(), now)
	r.mu.Lock()
	defer r.mu.Unlock()
	verdict.Against = r.against
	s := failover.SiteStatus{Site: r.site.Name, State: r.running, Verdict: verdict, Acting: r.acting > 0,
		Target: r.site.Policy.Target(r.running, now)}
	for _, h := range r.site.Hosts {
		s.Hosts = append(s.Hosts, h.Name)
	}
	for _, o := range r.observations {
		s.Observations = append(s.Observations, o)
	}
	slices.SortFunc(s.Observations, func(a, b failover.Observation) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Check, b.Check), cmp.Compare(a.Address, b.Address))
	})
	low := len(r.running.Zones) > 0
	for _, z := range r.running.Zones {
		s.Trouble = cmp.Or(s.Trouble, z.Trouble)
		from, lowered := z.LowFrom(r.site.TTL.Armed)
		low = low && lowered
		if from.After(s.LowFrom) {
			s.LowFrom = from
		}
	}
	s.Trouble = cmp.Or(s.Trouble, r.failure)
	if !low {
		s.LowFrom = time.Time{}
	}
	return s
}

// State returns the newest state of a site, or nil.
func (c *Controller) State(site string) *failover.State {
	r, err := c.runner(site)
	if err != nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	state := r.running.Clone()
	return &state
}

// History returns the newest n entries of a site, the oldest first.
func (c *Controller) History(_ context.Context, site string, n int) ([]failover.Entry, error) {
	if _, err := c.runner(site); err != nil {
		return nil, err
	}
	return c.opts.Journal.Tail(site, n)
}

// Plan reads the site's zones and returns what a change to the target would do now, one plan a
// zone. Nothing is changed or recorded.
func (c *Controller) Plan(ctx context.Context, site string, target failover.Target) ([]failover.Plan, error) {
	r, err := c.runner(site)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	state := r.running.Clone()
	r.mu.Unlock()
	all, err := r.readAll(ctx)
	if err != nil {
		return nil, err
	}
	var plans []failover.Plan
	for _, z := range state.Zones {
		zone, err := c.opts.Zone(z.ZoneRef)
		if err != nil {
			return nil, err
		}
		d := r.draftOf(z, zone.Abilities())
		if z.Applied != failover.ToFallback { // a switch would first take what others wrote as the baseline
			if d.Baseline, err = d.AdoptBaseline(all[z.ZoneRef], lowered(z)); err != nil {
				return nil, err
			}
		}
		plan, err := failover.MakePlan(d, target, all[z.ZoneRef])
		if err != nil {
			return nil, err
		}
		plan.Generation = state.Generation + 1
		plans = append(plans, plan)
	}
	return plans, nil
}
