package sim

import (
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

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
				p.fields[k], p.aside[k] = true, true
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

// stalePlan notes sets that a plan deletes and that a human deleted a moment before it was made: a half of
// the plan looks the same.
func (c *checker) stalePlan(site string, e failover.Entry) {
	for _, z := range e.State.Zones {
		p := c.parts[siteZone{site, z.ZoneRef}]
		if p == nil || z.Plan == nil || z.Plan.Generation != e.State.Generation || c.now.Sub(p.editedAt) > stalest {
			continue
		}
		for _, s := range z.Plan.Before {
			if _, wanted := p.truth[s.Key()]; !wanted && find(z.Plan.After, s.Key()) == nil && find(c.zones[z.ZoneRef], s.Key()) == nil {
				p.either[s.Key()] = true
			}
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

// ledHome takes in that others led the name away from the fallback: what they wrote is right from then on.
func (c *checker) ledHome(site string, e failover.Entry) {
	if c.rivals() || e.Event != failover.EventApplied && e.Event != failover.EventBaseline {
		return
	}
	for _, z := range e.State.Zones {
		p := c.parts[siteZone{site, z.ZoneRef}]
		if p == nil || !p.away || z.Plan != nil || z.Applied == failover.ToFallback {
			continue
		}
		p.away = false
		for key := range p.aside {
			c.take(p, z, key)
		}
		clear(p.aside)
	}
}

// adopted lets an operator's word decide what is right: the zone as it stands, but for low TTLs of ours.
func (c *checker) adopted(site string, e failover.Entry) {
	for _, z := range e.State.Zones {
		p := c.parts[siteZone{site, z.ZoneRef}]
		sets := failover.Select(c.zones[z.ZoneRef], z.Names)
		if p == nil || c.anyOurs(sets) { // a look from before our own write; the zone is as it was
			continue
		}
		p.away = false
		for key := range p.truth {
			c.take(p, z, key)
		}
		for _, s := range sets {
			c.take(p, z, s.Key())
		}
	}
}

// take lets a set be right as it stands in the zone, but for a low TTL of ours.
func (c *checker) take(p *part, z failover.ZoneState, key string) {
	s := find(failover.Select(c.zones[z.ZoneRef], z.Names), key)
	if s == nil {
		delete(p.truth, key)
		return
	}
	if c.ours(*s) {
		return
	}
	was, known := p.truth[key]
	if b := find(z.Baseline, key); !known && b != nil { // deleted, and put back by us at the same moment
		was, known = *b, true
	}
	if known && !s.Proxied && s.TTL < was.TTL && c.lows[s.TTL] {
		s.TTL = was.TTL
	}
	p.truth[key] = *s
}
