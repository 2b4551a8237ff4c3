package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// plant is a promise broken on purpose in the record of a run that kept them all.
type plant struct {
	name      string
	invariant string
	words     string // of the complaint
	change    func(h *History)
}

func plants() []plant {
	return []plant{
		{"the journal forgets the baseline", "I1", "neither in the journal nor in the zone", func(h *History) {
			eachZone(h, func(z *failover.ZoneState) { z.Baseline = nil })
		}},
		{"our own address becomes the baseline", "I1", "taken for an original", func(h *History) {
			eachZone(h, func(z *failover.ZoneState) {
				z.Baseline = []failover.RecordSet{set(z.Names[0], "A", 30, "198.51.100.7")}
			})
		}},
		{"the fallback is not ready", "I2", "does not serve it", func(h *History) {
			h.Facts = slices.Insert(h.Facts, 1, Fact{At: h.Facts[1].At, What: factReady, Host: "site0.example.org."})
		}},
		{"the page comes too late", "I2", "no page for it", func(h *History) {
			drop(h, func(f Fact) bool { return f.What == factPublish && f.OK })
		}},
		{"half of a pair does not come back", "I3", "should be as it was", func(h *History) {
			v := last(h, factVersion)
			v.Sets = without(v.Sets, "site0.example.org. AAAA")
		}},
		{"the provider's own fields do not come back", "I3", "other fields", func(h *History) {
			v := last(h, factVersion)
			v.Sets = failover.CloneSets(v.Sets)
			for i := range v.Sets {
				if v.Sets[i].Key() == "site0.example.org. A" {
					v.Sets[i].Records[0].Opaque = nil
				}
			}
		}},
		{"it stays at the fallback", "I3", "and the origin is up", func(h *History) {
			last(h, factFinal).Final.Status.State.Phase = failover.InFallback
		}},
		{"trouble without an alarm", "I3", "no alarm", func(h *History) {
			for i := range h.Facts {
				if f := h.Facts[i].Final; f != nil && !f.Settled {
					f.Status.State.Zones = slices.Clone(f.Status.State.Zones)
					f.Status.State.Zones[0].Trouble = "something"
				}
			}
		}},
		{"somebody's MX is changed", "I4", "does not govern", func(h *History) {
			v := last(h, factVersion)
			v.Sets = without(v.Sets, "example.org. MX")
		}},
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
		{"an empty name", "I8", "no address", func(h *History) {
			v := last(h, factVersion)
			v.Sets = without(v.Sets, "www.site0.example.org. A")
		}},
		{"the origin was well", "I9", "while the origin was well", func(h *History) {
			drop(h, func(f Fact) bool { return f.What == factOrigin })
		}},
		{"our own network was cut", "I9", "network was cut", func(h *History) {
			h.Facts = slices.Insert(h.Facts, 1, Fact{At: h.Facts[0].At.Add(-time.Hour), What: factSees})
		}},
		{"a provider's word is ignored", "I10", "before it was allowed to", func(h *History) {
			h.Facts = append(h.Facts, Fact{At: last(h, factFinal).At, What: factAnswer, Site: "site0", Zone: zoneA, Kind: failover.KindRateLimited, RetryAfter: time.Hour})
			for i := range 7 {
				h.Facts = append(h.Facts, Fact{At: last(h, factFinal).At.Add(time.Duration(10+i) * time.Minute), What: factCall, Site: "site0", Zone: zoneA})
			}
		}},
		{"the page goes with visitors still coming", "I12", "visitors still coming", func(h *History) {
			v := last(h, factVersion)
			for i := range h.Facts {
				f := h.Facts[i]
				if f.Plan != nil && f.Plan.Target != failover.ToFallback && i > 0 && v.Plan.Generation-f.Plan.Generation == 1 {
					h.Facts = slices.Insert(h.Facts, i+1, Fact{At: f.At, What: factPublish, Site: "site0"})
					return
				}
			}
		}},
		{"the page goes in the middle of the outage", "I12", "points at the fallback", func(h *History) {
			i := slices.IndexFunc(h.Facts, func(f Fact) bool { return f.Plan != nil && f.Plan.Target == failover.ToFallback })
			h.Facts = slices.Insert(h.Facts, i+1, Fact{At: h.Facts[i].At, What: factPublish, Site: "site0"})
		}},
	}
}

// TestPlanted shows that the checker can fail.
func TestPlanted(t *testing.T) {
	s := standard(guarded)
	clean := func() *History {
		return play(t, s, s.outage)
	}
	report(t, clean(), "go test ./failover/sim -run TestPlanted")
	covered := map[string]bool{}
	for _, p := range plants() {
		covered[p.invariant] = true
		t.Run(p.name, func(t *testing.T) {
			h := clean()
			p.change(h)
			for _, v := range Check(h) {
				if v.Invariant == p.invariant && strings.Contains(v.What, p.words) {
					return
				}
			}
			t.Errorf("the checker did not notice a broken %s; it says %v", p.invariant, Check(h))
		})
	}
	for _, want := range []string{"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I12"} {
		if !covered[want] {
			t.Errorf("no violation of %s is planted", want)
		}
	}
}

func eachZone(h *History, change func(z *failover.ZoneState)) {
	for i := range h.Facts {
		h.Facts[i].Entry.State.Zones = slices.Clone(h.Facts[i].Entry.State.Zones)
		for k := range h.Facts[i].Entry.State.Zones {
			change(&h.Facts[i].Entry.State.Zones[k])
		}
	}
}

func drop(h *History, which func(Fact) bool) { h.Facts = slices.DeleteFunc(h.Facts, which) }

// last returns the newest fact of a kind; its plan is its own.
func last(h *History, what string) *Fact {
	for i := len(h.Facts) - 1; ; i-- {
		if f := &h.Facts[i]; f.What == what {
			if f.Plan != nil {
				plan := *f.Plan
				f.Plan = &plan
			}
			return f
		}
	}
}

func without(sets []failover.RecordSet, key string) []failover.RecordSet {
	return slices.DeleteFunc(failover.CloneSets(sets), func(s failover.RecordSet) bool { return s.Key() == key })
}

// TestReplay plays seeds twice: it must be the same story, or a seed would be worth nothing. What
// happens at the same instant may change places.
func TestReplay(t *testing.T) {
	for seed := uint64(1); seed <= 10; seed++ {
		var stories [2][]string
		for i := range stories {
			s := draw(seed, rich)
			stories[i] = strings.Split(play(t, s, s.run).story(), "\n")
			slices.Sort(stories[i])
		}
		a, b := stories[0], stories[1]
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Errorf("seed %d: line %d differs:\n%s\n%s", seed, i, a[i], b[i])
				break
			}
		}
	}
}
