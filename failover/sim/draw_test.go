package sim

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Where a fallback may be.
var (
	dual    = failover.Fallback{IPv4: fallback.IPv4, IPv6: []netip.Addr{netip.MustParseAddr("2001:db8:f::7")}}
	moved4  = failover.Fallback{IPv4: []netip.Addr{netip.MustParseAddr("198.51.100.8")}}
	named   = failover.Fallback{CNAME: "fallback.example.com."}
	renamed = failover.Fallback{CNAME: "fallback2.example.com."}
)

// enrich adds what the second version of drawing knows.
func (s *schedule) enrich(refs []failover.ZoneRef) {
	s.seldom = true
	for i := range s.sites {
		s.sites[i].Policy.Fresh = 30 * time.Second // two looks and a bit, as the configuration has it
	}
	s.fallback = []failover.Fallback{fallback, fallback, fallback, dual, named}[s.rng.IntN(5)]
	if s.any(steps) && s.fallback.CNAME != "" { // an A cannot become a CNAME set by set
		s.fallback = dual
	}
	s.special(refs)
	s.habits()
	switch {
	case s.maybe(0.2) && !s.edited: // what a human edits right after one controller, the other undoes
		s.rivals(refs)
	case s.maybe(0.4):
		s.reloads(refs)
	}
	if s.maybe(0.4) {
		s.words()
	}
	if s.maybe(0.3) && s.others == 0 { // no controller can know that a comment is newer than its rival's TTL
		s.comments()
	}
	s.bolt = s.maybe(0.04)
	if s.maybe(0.1) {
		s.squeeze(refs[0])
	}
}

// squeeze is some minutes in which the provider asks to be left alone for long, then fails in another way,
// and the origin flaps: what is wanted changes while nobody may ask for it.
func (s *schedule) squeeze(ref failover.ZoneRef) {
	begin, site := s.some(), s.sites[s.rng.IntN(len(s.sites))].Name
	at := func(d time.Duration, do func(w *World)) { s.at(min(begin+d, chaos), do) }
	at(0, func(w *World) { w.setFaults(ref, trouble{limited: 1, retryAfter: 10 * time.Minute}) })
	at(10*time.Second, func(w *World) { w.setOrigin(site, math.Inf(1)) })
	at(30*time.Second, func(w *World) { w.setFaults(ref, trouble{front: 1}) })
	at(40*time.Second, func(w *World) { w.setOrigin(site, 0.03) })
	at(100*time.Second+upTo(s.rng, time.Minute), func(w *World) { w.setFaults(ref, trouble{}) })
	at(5*time.Minute, func(w *World) { w.setOrigin(site, 0) })
}

// any tells whether a zone's provider works in this way.
func (s *schedule) any(mode string) bool {
	for _, m := range s.modes {
		if m == mode {
			return true
		}
	}
	return false
}

// special draws hosts with records of other kinds than A and AAAA.
func (s *schedule) special(refs []failover.ZoneRef) {
	for _, ref := range refs {
		s.proxied[ref] = s.maybe(0.3)
	}
	if first := &s.sites[0]; s.fallback.CNAME == "" && s.maybe(0.15) {
		first.Hosts = append(first.Hosts, hostIn(refs[0], ""))
		first.Policy.Hosts++
	}
	for _, site := range s.sites {
		for _, h := range site.Hosts {
			ref := failover.ZoneRef{Provider: h.Provider, Zone: h.Zone}
			for _, d := range []struct {
				kind string
				can  bool
				p    float64
			}{{withCNAME, s.modes[ref] != steps && h.Name != h.Zone, 0.15}, {withHTTPS, true, 0.2}, {withSVCB, true, 0.1},
				{withProxy, s.proxied[ref], 0.5}, {withComment, true, 0.3}} {
				if s.maybe(d.p) && d.can {
					s.kinds[h.Name] = append(s.kinds[h.Name], d.kind)
				}
			}
		}
	}
}

// habits draws what the configuration says of a site beside its limits.
func (s *schedule) habits() {
	for i := range s.sites {
		s.sites[i].Policy.Armed = s.maybe(0.15)
		switch {
		case s.maybe(0.15):
			s.sites[i].Overwrite.Hold = true
		case s.maybe(0.3):
			s.sites[i].Overwrite.Grace = 30*time.Second + upTo(s.rng, 90*time.Second)
		}
	}
}

// words are those of an operator that leave the switch itself to automation.
func (s *schedule) words() {
	for range 1 + s.rng.IntN(5) {
		site := s.sites[s.rng.IntN(len(s.sites))].Name
		word := failover.Command{By: "operator", Reason: "drawn",
			Action: []failover.Action{failover.Arm, failover.Disarm, failover.Adopt}[s.rng.IntN(3)]}
		s.at(s.some(), func(w *World) { w.command(w.machines[0], site, word) })
	}
}

// commentsAreKept lets people edit comments also while something of ours is in the zone, or on its way.
const commentsAreKept = true

// comments are edits that change no more than the provider's own fields.
func (s *schedule) comments() {
	for i := range 1 + s.rng.IntN(2) {
		site := s.sites[s.rng.IntN(len(s.sites))]
		host := site.Hosts[s.rng.IntN(len(site.Hosts))]
		s.at(s.some(), func(w *World) { w.comment(site.Name, host, fmt.Sprintf("note %d", i)) })
	}
}

func (w *World) comment(site string, host failover.Host, text string) {
	ref := failover.ZoneRef{Provider: host.Provider, Zone: host.Zone}
	if !commentsAreKept && !w.untouched(site) {
		return
	}
	w.zones[ref].edit(human, "comment", func(sets []failover.RecordSet) []failover.RecordSet {
		for k, s := range sets {
			if s.Name == host.Name && failover.Managed(s.Type) {
				sets[k] = commented(s, text)
			}
		}
		return sets
	})
}

// untouched tells whether nothing of ours is in the zones of a site, or on its way.
func (w *World) untouched(site string) bool {
	l := w.machines[0].running()
	if l == nil {
		return false
	}
	state := l.c.State(site)
	return state != nil && !slices.ContainsFunc(state.Zones, func(z failover.ZoneState) bool { return !z.Untouched() })
}

// rivals lets a second machine run a controller of its own for the same sites, and now and then lets
// one of the two stand still in the middle of something.
func (s *schedule) rivals(refs []failover.ZoneRef) {
	s.others = 1
	points := []string{"replace.before", "replace.before", "replace.after", "read", "append.before plan", "append.after plan", "append.before phase"}
	if s.any(steps) { // a late write of some sets of several is more than anybody can put right
		points = points[2:]
	}
	for range s.rng.IntN(5) {
		which, point, length := s.rng.IntN(2), points[s.rng.IntN(len(points))], min(s.length(), longestStall)
		s.at(s.some(), func(w *World) { w.setStall(w.machines[which], point, length) })
	}
	for range s.rng.IntN(3) {
		hard := s.maybe(0.7)
		s.at(s.some(), func(w *World) {
			if l := w.machines[1].running(); l != nil && hard {
				l.kill("at random")
			} else if l != nil {
				l.stop()
			}
		})
	}
	for _, ref := range refs { // calls that come late, where a provider guards them
		if s.modes[ref] == guarded && s.maybe(0.5) {
			begin := s.some()
			s.at(begin, func(w *World) { w.setFaults(ref, trouble{late: 0.5}) })
			s.at(min(begin+s.length(), chaos), func(w *World) { w.setFaults(ref, trouble{}) })
		}
	}
}

// longestStall is for how long nothing may go on in the middle of something.
const longestStall = 2 * time.Minute

// siteAt returns the place of a site in a list, or -1.
func siteAt(sites []failover.Site, name string) int {
	return slices.IndexFunc(sites, func(s failover.Site) bool { return s.Name == name })
}
