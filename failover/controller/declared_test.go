package controller

import (
	"slices"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// declares lets the configuration declare the site's records, in order of name and type.
func (w *world) declares(sets ...failover.RecordSet) {
	for i := range sets {
		for k := range sets[i].Records {
			sets[i].Records[k].Opaque = nil
		}
	}
	w.site.Records = sets
}

func away(proxied bool) func([]failover.RecordSet) []failover.RecordSet {
	return func(sets []failover.RecordSet) []failover.RecordSet {
		others := slices.DeleteFunc(sets, func(s failover.RecordSet) bool { return failover.Managed(s.Type) })
		ours := set("www.example.org.", "A", 30, "198.51.100.7")
		if proxied {
			ours.TTL, ours.Proxied = 1, true
		}
		return append(others, ours)
	}
}

// A controller that lost everything but its configuration finds its zone failed over.
func TestBlankControllerWithDeclaredRecords(t *testing.T) {
	play(t, func(w *world) {
		w.declares(set("www.example.org.", "A", 300, "192.0.2.1", "192.0.2.2"), set("www.example.org.", "AAAA", 300, "2001:db8::1"))
		w.zone.edit(away(false))
		w.set(&w.origin, failover.Down)
		w.start()
		w.after(time.Minute)
		w.wantPhase(failover.InFallback)
		w.wantZone(switched)
		if got := w.shown[len(w.shown)-1]; got != "page" {
			w.t.Errorf("visitors get %s", got)
		}
		w.set(&w.origin, failover.Up)
		w.after(5 * time.Minute)
		w.wantPhase(failover.Primary)
		w.wantZone(original)
		for _, p := range w.zone.writes {
			if p.Target == failover.ToFallback {
				w.t.Errorf("written although it pointed at the fallback: %v", p.Changes())
			}
		}
	})
}

func TestBlankControllerFindsARecoveredOrigin(t *testing.T) {
	play(t, func(w *world) {
		w.declares(set("www.example.org.", "A", 1, "192.0.2.1"))
		w.zone.edit(away(true))
		w.start()
		w.after(5 * time.Second)
		if w.phase() == failover.Primary || w.zone.dump()[2].Values()[0] == "192.0.2.1" {
			w.t.Error("it went back on a look or two")
		}
		w.after(2 * time.Minute)
		w.wantPhase(failover.Primary)
		sets := failover.Select(w.zone.dump(), []string{"www.example.org."})
		if len(sets) != 1 || !sets[0].Proxied || sets[0].TTL != 1 || sets[0].Values()[0] != "192.0.2.1" {
			w.t.Errorf("the zone holds %v, want the declared address, proxied as the name was", sets)
		}
	})
}

// Without a declaration, or with one that lacks a name, nothing is guessed.
func TestBlankControllerWithoutDeclarationWaitsForAHuman(t *testing.T) {
	for _, declared := range [][]failover.RecordSet{nil, {set("www.example.org.", "HTTPS", 300, "1 .")}} {
		play(t, func(w *world) {
			w.declares(declared...)
			w.zone.edit(away(false))
			w.start()
			w.after(10 * time.Minute)
			w.wantZone(switched)
			if !w.told("zone true") || len(w.zone.writes) != 0 {
				w.t.Errorf("alarms %v, writes %v", w.alarms, w.zone.writes)
			}
		})
	}
}

func TestDeclarationThatIsOutOfDateIsAnAlarm(t *testing.T) {
	play(t, func(w *world) {
		w.tune = func(o *Options) { o.Refresh = time.Minute }
		w.declares(set("www.example.org.", "A", 300, "192.0.2.1"))
		w.start()
		w.after(5 * time.Second)
		if !w.told("records true") {
			w.t.Fatalf("alarms: %v", w.alarms)
		}
		w.wantZone(original) // what DNS holds counts
		w.zone.edit(func([]failover.RecordSet) []failover.RecordSet {
			return []failover.RecordSet{set("www.example.org.", "A", 300, "192.0.2.1")}
		})
		w.after(5 * time.Minute)
		if !w.told("records false") {
			w.t.Errorf("alarms: %v\n%s", w.alarms, w.story())
		}
	})
}
