package sim

import (
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// plantsJournal are broken promises about what is in the journal, and when.
func plantsJournal() []plant {
	return []plant{
		{"a change before its entry", "I5", "not in the journal", func(h *History) {
			i := slices.IndexFunc(h.Facts, func(f Fact) bool { return f.What == factVersion })
			v := h.Facts[i]
			h.Facts = slices.Insert(slices.Delete(h.Facts, i, i+1), 1, v)
		}},
		{"a plan without an outcome", "I5", "without an outcome", func(h *History) {
			for i := range h.Facts {
				if h.Facts[i].Entry.Event == failover.EventApplied {
					h.Facts[i].Entry.Event = failover.EventVeto
				}
			}
		}},
		{"an entry is missing", "I5", "follows", func(h *History) {
			drop(h, func(f Fact) bool { return f.What == factEntry && f.Entry.Seq == 3 })
		}},
		{"an old plan over a newer one", "I6", "was carried out after plan", func(h *History) {
			last(h, factVersion).Plan.Generation = 1
		}},
		{"two switches in a row", "I7", "two switches within", func(h *History) {
			for i := range h.Facts {
				if e := &h.Facts[i].Entry; e.Seq > 0 && e.Event == failover.EventPhase {
					e.At = h.Facts[0].At
				}
			}
		}},
		{"more switches than allowed", "I7", "allowed are", func(h *History) {
			h.Sites = slices.Clone(h.Sites)
			h.Sites[0].Policy.MaxFailovers = 1
			more := slices.Clone(h.Facts)
			for i := range more {
				more[i].Entry.At = more[i].Entry.At.Add(2 * time.Hour)
			}
			h.Facts = append(h.Facts, more...)
		}},
		{"changes all the time", "I7", "times within", func(h *History) {
			for range 100 {
				v := *last(h, factVersion)
				plan := *v.Plan
				plan.Generation++
				v.Plan = &plan
				h.Facts = append(h.Facts, v)
			}
		}},
		{"the origin was well", "I9", "while the origin was well", func(h *History) {
			drop(h, func(f Fact) bool { return f.What == factOrigin })
		}},
		{"our own network was cut", "I9", "network was cut", func(h *History) {
			h.Facts = slices.Insert(h.Facts, 1, Fact{At: h.Facts[0].At.Add(-time.Hour), What: factSees})
		}},
		{"visitors are led back to an origin that fails", "I6", "back to an origin that has failed", func(h *History) {
			i := slices.IndexFunc(h.Facts, func(f Fact) bool { return f.What == factOrigin && f.OK })
			h.Facts = slices.Delete(h.Facts, i, i+1)
		}},
	}
}
