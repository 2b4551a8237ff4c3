package sim

import (
	"slices"

	"github.com/failover-dns/failover/failover"
)

// configured takes in a configuration. What leaves it must be as it was before we came; what is new
// has to come back as it is now.
func (c *checker) configured(sites []failover.Site, f failover.Fallback) {
	c.fallbacks = append(c.fallbacks, f)
	old := c.sites
	c.sites = map[string]failover.Site{}
	for _, s := range sites {
		c.sites[s.Name], c.lows[s.TTL.Armed] = s, true
		if _, known := old[s.Name]; !known {
			c.arrived(s.Name)
		}
	}
	for _, site := range old {
		for _, ref := range site.Zones() {
			c.left(site, ref)
		}
	}
	for _, s := range sites {
		for _, ref := range s.Zones() {
			c.joined(s, ref)
		}
	}
}

func (c *checker) arrived(site string) {
	if _, known := c.isUp[site]; !known {
		c.isUp[site] = true
	}
	for _, m := range c.minds {
		if m.plans[site] == nil {
			m.plans[site], m.open[site] = map[uint64]failover.Entry{}, map[uint64]bool{}
		}
	}
}

// left checks the names of a site that are not managed any more.
func (c *checker) left(was failover.Site, ref failover.ZoneRef) {
	key := siteZone{was.Name, ref}
	p, names := c.parts[key], c.sites[was.Name].Names(ref.Zone)
	gone := slices.DeleteFunc(was.Names(ref.Zone), func(name string) bool { return slices.Contains(names, name) })
	now := failover.Select(c.zones[ref], gone)
	for _, s := range now {
		if c.ours(s) {
			c.broken("I1", "%s: %s is not managed any more, and points at the fallback", was.Name, s.Name)
		}
	}
	var want []failover.RecordSet
	for k, s := range p.truth {
		if slices.Contains(gone, s.Name) {
			want = append(want, s)
			delete(p.truth, k)
		}
	}
	if changes := failover.Diff(want, now); len(changes) > 0 && !p.lost && !p.edited {
		c.broken("I3", "%s: %s is not managed any more, and is not as it was: %s", was.Name, ref.Zone, changes[0])
	}
	if len(names) == 0 {
		delete(c.parts, key)
	}
}

// joined takes what stands at new names for what has to come back.
func (c *checker) joined(s failover.Site, ref failover.ZoneRef) {
	key := siteZone{s.Name, ref}
	p := c.parts[key]
	known := []string{}
	if p == nil {
		p = &part{truth: map[string]failover.RecordSet{}, either: map[string]bool{}, aside: map[string]bool{}, fields: map[string]bool{}, accepted: map[string]uint64{}}
		c.parts[key] = p
	} else {
		for _, set := range p.truth {
			known = append(known, set.Name)
		}
	}
	for _, set := range failover.Select(c.zones[ref], s.Names(ref.Zone)) {
		if !slices.Contains(known, set.Name) {
			p.truth[set.Key()] = set
		}
	}
}

// ours tells whether a set holds an address, or the name, of a fallback of ours.
func (c *checker) ours(s failover.RecordSet) bool {
	return slices.ContainsFunc(c.fallbacks, func(f failover.Fallback) bool { return pointsAt(s, f) })
}

func pointsAt(s failover.RecordSet, f failover.Fallback) bool {
	return slices.ContainsFunc(s.Records, func(r failover.Record) bool { return slices.Contains(targets(s.Type, f), r.Value) })
}

// targets are the values that a set of a type has where it points at the fallback.
func targets(rrtype string, f failover.Fallback) (values []string) {
	switch rrtype {
	case failover.TypeA:
		for _, a := range f.IPv4 {
			values = append(values, a.String())
		}
	case failover.TypeAAAA:
		for _, a := range f.IPv6 {
			values = append(values, a.String())
		}
	case failover.TypeCNAME:
		if f.CNAME != "" {
			values = append(values, f.CNAME)
		}
	}
	return values
}
