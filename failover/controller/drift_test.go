package controller

import (
	"slices"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Somebody puts the site elsewhere in the middle of an outage: what the switch took away is not his, and
// not forgotten.
func TestWhatTheSwitchTookAwayIsNotForgotten(t *testing.T) {
	elsewhere := func(sets []failover.RecordSet) []failover.RecordSet {
		others := slices.DeleteFunc(sets, func(s failover.RecordSet) bool { return failover.Managed(s.Type) })
		return append(others, set("www.example.org.", "A", 300, "203.0.113.10"))
	}
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantZone(switched)
		w.zone.edit(elsewhere)
		w.set(&w.origin, failover.Up)
		w.after(20 * time.Minute)
		w.wantZone("300 A 203.0.113.10")
		entry, err := w.journal.Last("www")
		if err != nil {
			w.t.Fatal(err)
		}
		if z := entry.State.Zones[0]; len(z.Baseline) != 2 || z.Trouble == "" || !w.told("zone true") {
			w.t.Fatalf("baseline %v, trouble %q", z.Baseline, z.Trouble)
		}
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Adopt, Reason: "it moved", By: "test"}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.after(20 * time.Minute)
		w.wantZone("300 A 203.0.113.10")
		if entry, _ = w.journal.Last("www"); len(entry.State.Zones[0].Baseline) != 1 || entry.State.Zones[0].Trouble != "" {
			w.t.Errorf("after adopt: %+v", entry.State.Zones[0])
		}
	})
}

// A human's record beside half of the name at the fallback: visitors who come get the page.
func TestHalfOfANamePointsHere(t *testing.T) {
	play(t, func(w *world) {
		w.tune = func(o *Options) { o.Refresh = 10 * time.Second }
		w.start()
		w.after(5 * time.Second)
		w.zone.edit(func([]failover.RecordSet) []failover.RecordSet {
			return []failover.RecordSet{set("www.example.org.", "A", 60, "198.51.100.7"), set("www.example.org.", "AAAA", 900, "2001:db8::99")}
		})
		w.after(time.Minute)
		if got := w.shown[len(w.shown)-1]; got == "nothing" {
			w.t.Error("visitors who are sent here get nothing")
		}
		w.wantZone("60 A 198.51.100.7; 900 AAAA 2001:db8::99")
		if !w.told("zone true") || len(w.zone.writes) != 0 {
			w.t.Errorf("alarms %v, writes %d", w.alarms, len(w.zone.writes))
		}
	})
}
