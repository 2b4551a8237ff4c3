package sim

import (
	"strings"
	"time"

	"github.com/failover-dns/failover/failover"
)

// entry checks what the journal says: I5, I6, I7, I9, I11.
func (c *checker) entry(f Fact) {
	m := c.minds[f.Who]
	e, old := f.Entry, m.entries[f.Site]
	m.entries[f.Site] = e
	c.clean("the journal", f.Text)
	if e.Seq != old.Seq+1 {
		c.broken("I5", "%s: entry %d follows %d", f.Site, e.Seq, old.Seq)
	}
	if e.State.Generation < old.State.Generation {
		c.broken("I6", "%s: generation %d follows %d", f.Site, e.State.Generation, old.State.Generation)
	}
	c.outcomes(m, f.Site, e)
	if e.State.Phase != old.State.Phase {
		m.wished(f.Site)
	}
	if e.Event == failover.EventPlan {
		c.stalePlan(f.Site, e)
		c.planned(f.Site, e, old)
	}
	c.ledHome(f.Site, e)
	if e.Event == failover.EventCommand && strings.HasPrefix(e.Message, string(failover.Adopt)) {
		c.adopted(f.Site, e)
	}
	site, configured := c.sites[f.Site]
	if was, is := old.State.Phase.Serving(), e.State.Phase.Serving(); old.Seq > 0 && was != is && e.Event != failover.EventCommand && configured {
		c.transition(m, site, e, is)
	}
}

// outcomes checks that every plan is new, and that it gets an outcome before the next of its zone.
func (c *checker) outcomes(m *mind, site string, e failover.Entry) {
	if e.Event == failover.EventPlan {
		if _, known := m.plans[site][e.State.Generation]; known {
			c.broken("I5", "%s: generation %d is used twice", site, e.State.Generation)
		}
		m.plans[site][e.State.Generation] = e
		m.open[site][e.State.Generation] = true
	}
	pending := map[uint64]bool{}
	for _, z := range e.State.Zones {
		if z.Plan != nil {
			pending[z.Plan.Generation] = true
		}
	}
	for gen := range m.open[site] {
		if pending[gen] {
			continue
		}
		delete(m.open[site], gen)
		switch e.Event {
		case failover.EventApplied, failover.EventFailed, failover.EventDrift, failover.EventUnknown:
		default:
			c.broken("I5", "%s: plan %d ends in an entry %q, without an outcome", site, gen, e.Event)
		}
	}
}

// transition checks a switch that automation decided.
func (c *checker) transition(m *mind, s failover.Site, e failover.Entry, away bool) {
	if last := m.switched[s.Name]; !last.IsZero() && e.At.Sub(last) < s.Policy.Dwell {
		c.broken("I7", "%s: two switches within %v", s.Name, e.At.Sub(last))
	}
	m.switched[s.Name] = e.At
	if !away {
		return
	}
	recent := 1
	for _, t := range m.failovers[s.Name] {
		if e.At.Sub(t) < 24*time.Hour {
			recent++
		}
	}
	m.failovers[s.Name] = append(m.failovers[s.Name], e.At)
	if limit := s.Policy.MaxFailovers; limit > 0 && recent > limit {
		c.broken("I7", "%s: %d switches in 24 h, allowed are %d", s.Name, recent, limit)
	}
	if window := s.Policy.DownAfter + s.Policy.Fresh; c.isUp[s.Name] && e.At.Sub(c.notUp[s.Name]) > window {
		c.broken("I9", "%s: switched while the origin was well", s.Name)
	}
	if !c.sees && e.At.Sub(c.seesSince) > s.Policy.Fresh {
		c.broken("I9", "%s: switched while our own network was cut", s.Name)
	}
}

// planned checks that no plan leads visitors back to an origin that its own maker sees failing: I6. It
// is what a controller would do that takes another's switch for a late write.
func (c *checker) planned(site string, e, old failover.Entry) {
	since, down := c.downSince[site]
	if !down || !c.sees || e.At.Sub(since) < 4*tick || e.At.Sub(c.seesSince) < 4*tick || len(e.State.Overrides) > 0 || e.State.Held {
		return
	}
	for _, z := range e.State.Zones {
		was := old.State.Zone(z.ZoneRef)
		if z.Plan == nil || z.Plan.Generation != e.State.Generation || z.Plan.Target == failover.ToFallback || was == nil {
			continue
		}
		for _, set := range z.Plan.Before {
			if c.ours(set) && wayBackIsGuarded {
				c.broken("I6", "%s: plan %d moves %s back to an origin that has failed for %v", site, z.Plan.Generation, set.Name, e.At.Sub(since))
			}
		}
	}
}

// wayBackIsGuarded lets planned decide.
const wayBackIsGuarded = true

// lowTTL is what we bring the TTL of a set to.
func (c *checker) lowTTL(site string, s failover.RecordSet) uint32 {
	if s.Proxied {
		return s.TTL
	}
	return min(s.TTL, c.sites[site].TTL.Armed)
}

func (c *checker) anyOurs(sets []failover.RecordSet) bool {
	for _, s := range sets {
		if c.ours(s) {
			return true
		}
	}
	return false
}
