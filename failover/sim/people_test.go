package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// people and their programs edit the zone.
func (s *schedule) people(refs []failover.ZoneRef) {
	for i := range 1 + s.rng.IntN(4) {
		site := s.sites[s.rng.IntN(len(s.sites))]
		host := site.Hosts[s.rng.IntN(len(site.Hosts))]
		ref := failover.ZoneRef{Provider: host.Provider, Zone: host.Zone}
		kind, begin := s.rng.IntN(5), s.some()
		if kind == 4 { // terraform apply every minute
			for k := range 1 + s.rng.IntN(6) {
				s.at(min(begin+time.Duration(k)*time.Minute, chaos), func(w *World) { w.reapply(ref, host.Name) })
			}
			continue
		}
		s.at(begin, func(w *World) { w.byHand(ref, host.Name, kind, i) })
	}
}

// byHand is one edit of a human.
func (w *World) byHand(ref failover.ZoneRef, host string, kind, nth int) {
	value := fmt.Sprintf("203.0.113.%d", 10+nth)
	w.zones[ref].edit(human, "", func(sets []failover.RecordSet) []failover.RecordSet {
		at := func(rrtype string) int {
			return slices.IndexFunc(sets, func(s failover.RecordSet) bool { return s.Name == host && s.Type == rrtype })
		}
		switch i, k := at("A"), at("AAAA"); {
		case kind == 0 && i >= 0: // a third value
			sets[i] = set(host, "A", 300, value)
		case kind == 1 && i >= 0: // TTL alone
			sets[i].TTL = 900
		case kind == 2 && k >= 0 && i >= 0: // delete
			sets = slices.Delete(sets, k, k+1)
		case kind == 3 && k < 0: // a new AAAA
			sets = append(sets, set(host, "AAAA", 300, fmt.Sprintf("2001:db8::ff%d", nth)))
		}
		return sets
	})
}

// reapply is Terraform's work: the host is as it was first.
func (w *World) reapply(ref failover.ZoneRef, host string) {
	w.zones[ref].edit(terraform, "", func(sets []failover.RecordSet) []failover.RecordSet {
		sets = slices.DeleteFunc(sets, func(s failover.RecordSet) bool { return s.Name == host && failover.Managed(s.Type) })
		return append(sets, failover.Select(w.history.Seed[ref], []string{host})...)
	})
}

// operators do what they think is right.
func (s *schedule) operators() {
	for range 1 + s.rng.IntN(4) {
		site := s.sites[s.rng.IntN(len(s.sites))].Name
		word := failover.Command{By: "operator", Reason: "drawn", Force: s.maybe(0.3),
			Action: []failover.Action{failover.Trigger, failover.Restore, failover.Hold, failover.Release}[s.rng.IntN(4)]}
		s.at(s.some(), func(w *World) { w.command(w.machines[0], site, word) })
	}
}
