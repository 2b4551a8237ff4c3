package sim

import (
	"slices"
	"strings"
	"testing"

	"github.com/failover-dns/failover/failover"
)

// plant is a promise broken on purpose in the record of a run that kept them all.
type plant struct {
	name      string
	invariant string
	words     string // of the complaint
	change    func(h *History)
}

// TestPlanted shows that the checker can fail.
func TestPlanted(t *testing.T) {
	s := standard(guarded)
	clean := func() *History { return play(t, s, s.outage) }
	report(t, clean(), "go test ./failover/sim -run TestPlanted")
	covered := map[string]bool{}
	for _, p := range slices.Concat(plantsZone(), plantsJournal(), plantsWorld()) {
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
	for _, want := range []string{"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12"} {
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

// leave takes the site out of the configuration while its zone holds a set other than its own.
func leave(h *History, holds failover.RecordSet) {
	v := *last(h, factVersion)
	v.Sets = append(without(v.Sets, holds.Key()), holds)
	h.Facts = append(h.Facts, v, Fact{At: v.At, What: factReload})
}

// atFallback ends the record in the middle of the outage, with a site at rest.
func atFallback(h *History) {
	i := slices.IndexFunc(h.Facts, func(f Fact) bool { return f.What == factOrigin && f.OK })
	final := *last(h, factFinal)
	f := *final.Final
	for k := i; k > 0; k-- {
		if e := h.Facts[k].Entry; e.Seq > 0 {
			f.Status.State = e.State
			break
		}
	}
	f.OriginUp, final.Final = false, &f
	h.Facts = append(h.Facts[:i:i], final)
}
