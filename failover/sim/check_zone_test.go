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

// overwritten notes a foreign change that nobody had seen when it was overwritten.
func (c *checker) overwritten(f Fact, p *part, before []failover.RecordSet) {
	for _, s := range failover.Select(before, f.Plan.Names) {
		if b := find(f.Plan.Before, s.Key()); b != nil && b.Equal(s) && !exact(*b, s) && f.At.Sub(p.editedAt) < stalest {
			p.fields[s.Key()] = true // the plan was made from a look from before somebody's edit
		}
		if slices.ContainsFunc(f.Sets, func(n failover.RecordSet) bool { return n.Equal(s) }) {
			continue
		}
		if want, mine := p.truth[s.Key()]; mine && want.Equal(s) && !slices.ContainsFunc(f.Plan.Before, s.Equal) && (f.Blind || f.Late || p.editedAt.After(f.Called)) {
			p.lost = true // no plan could have known
		}
	}
}

// stalest is how far behind a look may be, and a little more.
const stalest = 2*time.Minute + 20*time.Second

// chosen lets an operator's force decide what is right: what stood in the zone is in the journal's
// plan, and the baseline counts. Where nobody edits, it decides nothing.
func (c *checker) chosen(p *part, entry failover.Entry, plan failover.Plan) {
	if c.rivals() {
		return
	}
	p.truth = map[string]failover.RecordSet{}
	for _, s := range entry.State.Zone(plan.ZoneRef).Baseline {
		p.truth[s.Key()] = s
	}
}

// edited takes in what other people did. Who leaves a TTL as it is does not mean ours to stay.
func (c *checker) edited(f Fact, before []failover.RecordSet) {
	for key, p := range c.parts {
		if key.ref != f.Zone {
			continue
		}
		names := c.sites[key.site].Names(f.Zone.Zone)
		old, now := failover.Select(before, names), failover.Select(f.Sets, names)
		changed := exactDiff(old, now)
		if len(changed) == 0 {
			continue
		}
		p.edited, p.editedAt = true, f.At
		if p.away {
			for _, k := range changed {
				p.fields[k] = true
			}
			continue
		}
		for _, k := range changed {
			was, is := find(old, k), find(now, k)
			delete(p.either, k)
			if is == nil {
				delete(p.truth, k)
				p.either[k] = c.wouldDelete(key, k)
				continue
			}
			if mine, known := p.truth[k]; known && was != nil && was.TTL == is.TTL {
				is.TTL = mine.TTL
			}
			p.truth[k] = *is
		}
	}
}

// wouldDelete tells whether a plan whose outcome is not known yet deletes the set of a key.
func (c *checker) wouldDelete(of siteZone, key string) bool {
	for _, m := range c.minds {
		state := m.entries[of.site].State
		if z := state.Zone(of.ref); z != nil && z.Plan != nil && find(z.Plan.Before, key) != nil && find(z.Plan.After, key) == nil {
			return true
		}
	}
	return false
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

// originals checks that what has to come back can be found, in the journal or in the zone: I1.
func (c *checker) originals() {
	for key, p := range c.parts {
		for _, want := range p.truth {
			if !p.lost && !c.kept(key, want) {
				c.broken("I1", "%s: %s (%s) is neither in the journal nor in the zone", key.site, want.Key(), want)
			}
		}
		for _, m := range c.minds {
			state := m.entries[key.site].State
			if z := state.Zone(key.ref); z != nil {
				for _, s := range z.Baseline {
					if c.ours(s) {
						c.broken("I1", "%s: the fallback's own address is taken for an original: %s", key.site, s)
					}
				}
			}
		}
	}
}

// kept tells whether a set can be found. While its TTL is low, the journal has what it was, and the zone
// the provider's own fields that somebody gave it meanwhile.
func (c *checker) kept(key siteZone, want failover.RecordSet) bool {
	p := c.parts[key]
	anyFields := p.fields[want.Key()] || slices.ContainsFunc(c.zones[key.ref], func(s failover.RecordSet) bool {
		return s.SameValues(want) && slices.Equal(opaque(s), opaque(want))
	})
	same := func(s failover.RecordSet) bool {
		return c.same(key.site, s, want) || anyFields && s.Equal(want)
	}
	for _, m := range c.minds {
		state := m.entries[key.site].State
		if z := state.Zone(key.ref); z != nil && slices.ContainsFunc(z.Baseline, same) {
			return true
		}
	}
	return slices.ContainsFunc(c.zones[key.ref], same)
}

// same tells whether a set is exactly what has to come back. Where two controllers do not know of
// each other, one may take the low TTL of the other for the original.
func (c *checker) same(site string, s, want failover.RecordSet) bool {
	if c.rivals() && s.TTL == c.lowTTL(site, want) {
		s.TTL = want.TTL
	}
	return exact(s, want)
}
