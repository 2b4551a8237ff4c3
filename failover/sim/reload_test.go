package sim

import (
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// reloads are changes of the configuration while everything goes on.
func (s *schedule) reloads(refs []failover.ZoneRef) {
	for range 1 + s.rng.IntN(3) {
		name := s.sites[s.rng.IntN(len(s.sites))].Name
		at := s.some()
		switch s.rng.IntN(5) {
		case 0, 1:
			factor := []int{1, 2, 3}[s.rng.IntN(3)]
			armed, low := s.maybe(0.3), []uint32{30, 60}[s.rng.IntN(2)]
			s.at(at, func(w *World) { w.reload("limits of "+name, limits(name, factor, armed, low)) })
		case 2:
			s.at(at, func(w *World) { w.reload("without "+name, w.without(name)) })
			if s.maybe(0.7) {
				s.at(min(at+s.length(), chaos), func(w *World) { w.reload("again with "+name, w.again(name)) })
			}
		case 3:
			s.at(at, func(w *World) { w.reload("the fallback moves", moveFallback) })
		case 4:
			host := hostIn(refs[0], "new."+name+".")
			s.at(at-time.Second, func(w *World) { w.newHost(refs[0], host.Name) })
			s.at(at, func(w *World) { w.reload("a new host of "+name, addHost(name, host)) })
		}
	}
}

// limits changes what the configuration says of a site.
func limits(name string, factor int, armed bool, low uint32) func([]failover.Site, failover.Fallback) ([]failover.Site, failover.Fallback) {
	return func(sites []failover.Site, f failover.Fallback) ([]failover.Site, failover.Fallback) {
		if i := siteAt(sites, name); i >= 0 {
			p, times := &sites[i].Policy, time.Duration(factor)
			p.DownAfter, p.UpAfter, p.Dwell, p.Quiet = times*10*time.Second, times*30*time.Second, times*time.Minute, times*3*time.Minute
			p.Armed, sites[i].TTL.Armed = armed, low
		}
		return sites, f
	}
}

// without takes a site out, unless it is the only one.
func (w *World) without(name string) func([]failover.Site, failover.Fallback) ([]failover.Site, failover.Fallback) {
	return func(sites []failover.Site, f failover.Fallback) ([]failover.Site, failover.Fallback) {
		if len(sites) > 1 {
			sites = slices.DeleteFunc(sites, func(s failover.Site) bool { return s.Name == name })
		}
		return sites, f
	}
}

// again puts a site back as it was at first.
func (w *World) again(name string) func([]failover.Site, failover.Fallback) ([]failover.Site, failover.Fallback) {
	return func(sites []failover.Site, f failover.Fallback) ([]failover.Site, failover.Fallback) {
		if siteAt(sites, name) < 0 {
			sites = append(sites, w.history.Sites[siteAt(w.history.Sites, name)])
		}
		return sites, f
	}
}

// moveFallback gives the fallback another address.
func moveFallback(sites []failover.Site, f failover.Fallback) ([]failover.Site, failover.Fallback) {
	switch {
	case f.CNAME == named.CNAME:
		return sites, renamed
	case f.CNAME != "":
		return sites, named
	case f.IPv4[0] == moved4.IPv4[0]:
		return sites, fallback
	default:
		return sites, moved4
	}
}

// newHost is a human who adds a name to a zone.
func (w *World) newHost(ref failover.ZoneRef, name string) {
	w.zones[ref].edit(human, "a new name", func(sets []failover.RecordSet) []failover.RecordSet {
		if slices.ContainsFunc(sets, func(s failover.RecordSet) bool { return s.Name == name }) {
			return sets
		}
		return append(sets, set(name, "A", 300, "192.0.2.77"))
	})
}

func addHost(name string, host failover.Host) func([]failover.Site, failover.Fallback) ([]failover.Site, failover.Fallback) {
	return func(sites []failover.Site, f failover.Fallback) ([]failover.Site, failover.Fallback) {
		if i := siteAt(sites, name); i >= 0 && !slices.Contains(sites[i].Hosts, host) {
			sites[i].Hosts = append(slices.Clone(sites[i].Hosts), host)
			sites[i].Policy.Hosts = len(sites[i].Hosts)
		}
		return sites, f
	}
}
