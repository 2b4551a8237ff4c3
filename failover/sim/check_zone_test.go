package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/failover-dns/failover/failover"
)

// version checks one change of a zone: I1, I2, I4, I5, I6, I7, I8.
func (c *checker) version(f Fact) {
	before := c.zones[f.Zone]
	c.zones[f.Zone] = f.Sets
	defer c.whereTo(f)
	if f.Author != us {
		c.edited(f, before)
		return
	}
	plan := *f.Plan
	p := c.parts[siteZone{f.Site, f.Zone}]
	if p == nil {
		if !f.Late {
			c.broken("I4", "%s is not configured, and plan %d changed its zone", f.Site, plan.Generation)
		}
		return
	}
	c.extent(f, before)
	c.recorded(f, p)
	fresh := plan.Generation > p.accepted[f.Who] // not another record of the same change
	p.accepted[f.Who] = max(p.accepted[f.Who], plan.Generation)
	c.overwritten(f, p, before)
	if entry := c.minds[f.Who].plans[f.Site][plan.Generation]; len(entry.State.Overrides) > 0 {
		c.chosen(p, entry, plan)
	}
	if plan.Target == failover.ToFallback {
		c.pointed(f, plan)
	}
	p.away = plan.Target == failover.ToFallback
	clear(p.aside)
	if fresh {
		p.writes = append(p.writes, f.At)
		c.rate(f.Site, f.Zone, p)
	}
}

// whereTo notes where visitors are sent now.
func (c *checker) whereTo(f Fact) {
	for key, p := range c.parts {
		if key.ref != f.Zone {
			continue
		}
		points := c.anyOurs(failover.Select(f.Sets, c.sites[key.site].Names(f.Zone.Zone)))
		switch {
		case points && !p.points:
			p.server = f.Who
		case !points && p.points:
			p.lame = f.At
		}
		p.points = points
	}
}

// extent checks what a change of ours touches and what it leaves: I4, I8.
func (c *checker) extent(f Fact, before []failover.RecordSet) {
	for _, change := range exactDiff(before, f.Sets) {
		name, rrtype, _ := strings.Cut(change, " ")
		if !failover.Managed(rrtype) || !slices.Contains(f.Plan.Names, name) {
			c.broken("I4", "%s: %s was changed, which plan %d does not govern", f.Site, change, f.Plan.Generation)
		}
	}
	for _, name := range f.Plan.Names {
		if !addressed(f.Sets, name) && addressed(before, name) {
			c.broken("I8", "%s has no address after plan %d", name, f.Plan.Generation)
		}
	}
}

// recorded checks that a change was in the journal before, and that it is no older than the last: I5, I6.
func (c *checker) recorded(f Fact, p *part) {
	m, plan := c.minds[f.Who], f.Plan
	entry, known := m.plans[f.Site][plan.Generation]
	switch {
	case !known:
		c.broken("I5", "%s: plan %d is not in the journal", f.Site, plan.Generation)
	case !f.Late && m.entries[f.Site].State.Generation < plan.Generation:
		c.broken("I5", "%s: plan %d was carried out before its entry", f.Site, plan.Generation)
	case entry.State.Zone(f.Zone) == nil || entry.State.Zone(f.Zone).Plan == nil || !failover.SameSets(entry.State.Zone(f.Zone).Plan.After, plan.After):
		c.broken("I5", "%s: plan %d in the journal is another one", f.Site, plan.Generation)
	}
	if plan.Generation < p.accepted[f.Who] && !f.Late {
		c.broken("I6", "%s: plan %d was carried out after plan %d", f.Site, plan.Generation, p.accepted[f.Who])
	}
}

// pointed checks our own server at the instant a name is pointed at it: I2.
func (c *checker) pointed(f Fact, plan failover.Plan) {
	m := c.minds[f.Who]
	if e := m.plans[f.Site][plan.Generation]; len(e.State.Overrides) > 0 {
		return
	}
	for _, name := range plan.Names {
		if c.unready[name] && c.readyUntil[name].Before(f.Called) {
			c.broken("I2", "%s was pointed at a fallback that does not serve it", name)
		}
	}
	if m.alive && !f.Late && !c.published(f.Site) {
		c.broken("I2", "%s was pointed at a fallback that has no page for it", f.Site)
	}
}

// rate checks that a name does not change all the time: I7. At most four changes (armed, away,
// armed, origin) belong to one outage, and outages are a dwell or a quiet time apart; an operator's
// word may add two.
func (c *checker) rate(site string, ref failover.ZoneRef, p *part) {
	const window = 10 * time.Minute
	policy := c.sites[site].Policy
	limit := (8 + 4*int(window/min(policy.Dwell, policy.Quiet))) * len(c.minds)
	for len(p.writes) > 0 && c.now.Sub(p.writes[0]) > window {
		p.writes = p.writes[1:]
	}
	if len(p.writes) > limit {
		c.broken("I7", "%s in %s changed %d times within %v", site, ref.Zone, len(p.writes), window)
	}
}
