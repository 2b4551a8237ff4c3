package sim

import (
	"slices"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/controller"
)

// final checks a site at rest: I3, I5, I11.
func (c *checker) final(m *mind, f Final) {
	c.shown(f)
	s := c.sites[f.Status.Site]
	state := f.Status.State
	waits := c.waits(f)
	if f.Settled && waits != "" {
		c.broken("I3", "%s: people have answered everything, and it still waits: %s", s.Name, waits)
	}
	wantAway := !f.OriginUp
	if waits != "" {
		wantAway = state.Phase.Serving()
	}
	if state.Phase.Serving() != wantAway && waits == "" {
		c.broken("I3", "%s is %s, and the origin is up: %v", s.Name, state.Phase, f.OriginUp)
	}
	for _, ref := range s.Zones() {
		p := c.parts[siteZone{s.Name, ref}]
		z := state.Zone(ref)
		if z == nil {
			c.broken("I3", "%s: nothing is known of %s", s.Name, ref.Zone)
			continue
		}
		if z.Trouble != "" && !f.Settled {
			c.troubled(f, p, *z)
			continue
		}
		if z.Plan != nil {
			c.broken("I5", "%s: plan %d never got an outcome", s.Name, z.Plan.Generation)
		}
		if c.rivals() && c.anyoneWaits(s.Name) && !f.Settled {
			continue // one follows a human, the other the origin
		}
		// A wish that could not be carried out while the origin failed is not carried out on a well one.
		overtaken := f.OriginUp && !state.Latched && !c.anyOurs(failover.Select(c.zones[ref], s.Names(ref.Zone)))
		if wantAway && !overtaken {
			c.formAway(f, ref, s.Names(ref.Zone))
		} else if !p.lost {
			c.formHome(f, p, ref, s)
		}
	}
}

// troubled checks that a human is asked only where there is a reason, and told.
func (c *checker) troubled(f Final, p *part, z failover.ZoneState) {
	if !p.edited && !p.lost && !c.rivals() {
		c.broken("I3", "%s: a human is asked although nobody but us changed %s: %s", f.Status.Site, z.Zone, z.Trouble)
	}
	if !alarmed(f, f.Status.Site, controller.AlarmZone) {
		c.broken("I3", "%s: %s has trouble and no alarm: %s", f.Status.Site, z.Zone, z.Trouble)
	}
}

// formAway checks that a zone is exactly the fallback's, proxied where it was.
func (c *checker) formAway(f Final, ref failover.ZoneRef, names []string) {
	site, to := f.Status.Site, c.fallbacks[len(c.fallbacks)-1]
	got := failover.Select(c.zones[ref], names)
	for _, s := range got {
		if want := targets(s.Type, to); !slices.Equal(sorted(s.Values()), sorted(want)) {
			c.broken("I3", "%s should be at the fallback, and %s holds %s", site, ref.Zone, s)
		}
		if was := c.wasProxied(siteZone{site, ref}, s.Name); was != s.Proxied {
			c.broken("I3", "%s: %s is proxied: %v; it was: %v", site, s.Name, s.Proxied, was)
		}
	}
	for _, name := range names {
		if !addressed(got, name) {
			c.broken("I3", "%s should be at the fallback, and %s is not", site, name)
		}
	}
}

func (c *checker) wasProxied(key siteZone, name string) bool {
	for _, s := range c.parts[key].truth {
		if s.Name == name && s.Proxied {
			return true
		}
	}
	return false
}

// formHome checks that a zone is exactly the origin's, with low TTLs where they are wanted.
func (c *checker) formHome(f Final, p *part, ref failover.ZoneRef, s failover.Site) {
	state := f.Status.State
	armed := s.Policy.Armed || state.Armed
	lenient := state.Phase != failover.Primary || c.rivals() // held, say: low TTLs are right, and so are the others
	var want []failover.RecordSet
	for _, set := range p.truth {
		if armed {
			set.TTL = c.lowTTL(s.Name, set)
		}
		want = append(want, set)
	}
	got := failover.Select(c.zones[ref], s.Names(ref.Zone))
	for _, change := range failover.Diff(want, got) {
		if change.Before == nil && p.either[change.Key()] {
			continue
		}
		if lenient && change.Before != nil && change.After != nil && change.Before.SameValues(*change.After) {
			continue
		}
		c.broken("I3", "%s should be as it was, and %s differs: %s", s.Name, ref.Zone, change)
	}
	if failover.SameSets(want, got) {
		for _, key := range exactDiff(failover.SortSets(want), got) {
			if !p.fields[key] {
				c.broken("I3", "%s: %s came back with other fields of the provider's", s.Name, key)
			}
		}
	}
}

// anyoneWaits tells whether any of the controllers waits for a human.
func (c *checker) anyoneWaits(site string) bool {
	for _, m := range c.minds {
		if s := m.entries[site].State; s.Held || s.Latched || len(s.Vetoes) > 0 {
			return true
		}
	}
	return false
}

// waits tells for which decision of a human a site waits, visibly.
func (c *checker) waits(f Final) string {
	state := f.Status.State
	switch {
	case state.Held:
		return "held"
	case state.Latched && state.Phase.Serving():
		return "latched"
	}
	for _, v := range state.Vetoes {
		if v.Rule != failover.VetoDwell {
			if !alarmed(f, f.Status.Site, controller.AlarmVeto) {
				c.broken("I3", "%s: %s, and no alarm", f.Status.Site, v.Rule)
			}
			return v.Rule
		}
	}
	return ""
}

func alarmed(f Final, site, name string) bool {
	return slices.ContainsFunc(f.Alarms, func(a controller.Alarm) bool { return a.Site == site && a.Name == name })
}
