package controller

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failover-dns/failover/failover"
)

// play runs a storyboard in a bubble of virtual time.
func play(t *testing.T, story func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		story(w)
		w.stop()
	})
}

func TestOutageAndRecovery(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(10 * time.Second)
		w.wantPhase(failover.Primary)
		w.wantZone(original)

		w.set(&w.origin, failover.Down)
		w.after(1500 * time.Millisecond)
		w.wantPhase(failover.Suspect)
		w.wantZone(armed)
		w.after(3 * time.Second)
		w.wantPhase(failover.InFallback)
		w.wantZone(switched)

		w.set(&w.origin, failover.Up)
		w.after(5 * time.Second)
		w.wantPhase(failover.Recovering)
		w.after(20 * time.Second) // up_after and dwell
		w.wantPhase(failover.Primary)
		w.wantZone(armed)
		w.after(2 * time.Minute) // quiet
		w.wantZone(original)

		for _, s := range w.zone.dump() {
			for _, r := range s.Records {
				if string(r.Opaque) != `"`+r.Value+`"` {
					w.t.Errorf("%s: the provider's own fields came back as %q", s, r.Opaque)
				}
			}
		}
		want := "start baseline phase plan applied confirmed phase plan applied confirmed phase veto phase plan applied confirmed plan applied confirmed"
		if got := strings.Join(w.events(), " "); got != want {
			w.t.Errorf("journal:\n got %s\nwant %s\n%s", got, want, w.story())
		}
	})
}

// TestVisitorsAfterTheWayBack: they are handed on for as long as they may come, and see the page at
// once when the origin fails again.
func TestVisitorsAfterTheWayBack(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		for range 2 {
			w.set(&w.origin, failover.Down)
			w.after(30 * time.Second) // the dwell, too
			w.wantZone(switched)
			w.set(&w.origin, failover.Up)
			w.after(time.Minute)
			w.wantZone(armed)
		}
		w.after(10 * time.Minute) // no TTL was longer than 5 minutes
		want := "nothing page origin page origin nothing"
		if got := strings.Join(w.shown, " "); got != want {
			w.t.Errorf("visitors got\n     %s\nwant %s\n%s", got, want, w.story())
		}
	})
}

func TestBlipOnlyArms(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(2 * time.Second)
		w.set(&w.origin, failover.Up)
		w.after(2 * time.Second)
		w.wantPhase(failover.Primary)
		w.wantZone(armed)
		w.after(2 * time.Minute)
		w.wantZone(original)
	})
}

func TestFlappingIsDamped(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.MaxFailovers = 3
		w.start()
		for range 30 {
			w.set(&w.origin, failover.Down)
			w.after(8 * time.Second)
			w.set(&w.origin, failover.Up)
			w.after(40 * time.Second)
		}
		switches := 0
		for _, p := range w.zone.writes {
			if p.Target == failover.ToFallback {
				switches++
			}
		}
		if switches != 3 {
			w.t.Errorf("%d switches, want 3, after which the way back is an operator's\n%s", switches, w.story())
		}
		w.wantZone(switched)
	})
}

func TestOwnNetworkDown(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.reference, failover.Down)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Minute)
		w.wantPhase(failover.Primary)
		w.wantZone(original)
		if !w.told("blind true") {
			w.t.Errorf("no alarm that we are blind: %v", w.alarms)
		}
		w.set(&w.reference, failover.Up)
		w.after(time.Second)
		w.wantZone(armed) // suspicion begins only now
		w.after(5 * time.Second)
		w.wantZone(switched)
	})
}

func TestFallbackNotReady(t *testing.T) {
	play(t, func(w *world) {
		w.set(&w.ours, failover.Down)
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(time.Minute)
		w.wantPhase(failover.Suspect)
		w.wantZone(armed)
		if !w.told("veto true") {
			w.t.Errorf("a refused switch was not said: %v", w.alarms)
		}
		err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Trigger, By: "test"}, nil)
		if !errors.Is(err, failover.ErrRefused) {
			w.t.Errorf("trigger: %v, want ErrRefused", err)
		}
		err = w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Trigger, By: "test", Force: true}, nil)
		if err != nil {
			w.t.Errorf("trigger --force: %v", err)
		}
		w.wantZone(switched)
	})
}

func TestProviderDownInTheMiddle(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.zone.mu.Lock()
		w.zone.writeErr = &failover.ZoneError{Kind: failover.KindUnavailable, Zone: "example.org.", Op: "replace", Err: errors.New("503")}
		w.zone.mu.Unlock()
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Minute)
		w.wantPhase(failover.InFallback)
		w.wantZone(original)
		w.zone.mu.Lock()
		w.zone.writeErr = nil
		w.zone.mu.Unlock()
		w.after(2 * time.Minute)
		w.wantZone(switched)
		if n := len(w.zone.writes); n != 1 {
			w.t.Errorf("%d changes after the provider came back, want the one that is wanted", n)
		}
	})
}

func TestAnswerLost(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.zone.mu.Lock()
		w.zone.lost = true
		w.zone.mu.Unlock()
		w.set(&w.origin, failover.Down)
		w.after(20 * time.Second)
		w.wantZone(switched)
		w.set(&w.origin, failover.Up)
		w.after(5 * time.Minute)
		w.wantZone(original)
		if !slices.Contains(w.events(), failover.EventUnknown) {
			w.t.Errorf("the unknown outcome is not in the journal\n%s", w.story())
		}
	})
}

// TestRestart stops the controller after every journal entry in turn, and starts another.
func TestRestart(t *testing.T) {
	for stop := 1; stop <= 14; stop++ {
		play(t, func(w *world) {
			w.start()
			w.after(5 * time.Second)
			w.set(&w.origin, failover.Down)
			for len(w.events()) < stop {
				w.after(100 * time.Millisecond)
				if w.phase() == failover.InFallback {
					w.set(&w.origin, failover.Up)
				}
			}
			w.stop()
			w.set(&w.origin, failover.Down)
			w.start()
			w.after(time.Minute)
			w.wantZone(switched)
			w.set(&w.origin, failover.Up)
			w.after(10 * time.Minute)
			w.wantZone(original)
		})
	}
}

func TestRestartWithPlanUnderWay(t *testing.T) {
	for _, applied := range []bool{false, true} {
		play(t, func(w *world) {
			w.start()
			w.after(5 * time.Second)
			w.zone.mu.Lock()
			w.zone.gate = make(chan struct{})
			w.zone.mu.Unlock()
			w.set(&w.origin, failover.Down)
			w.after(10 * time.Second) // stuck in the call
			w.stop()
			w.zone.gate = nil
			if applied {
				entry, _ := w.journal.Last("www")
				if err := w.zone.Replace(w.t.Context(), *entry.State.Zones[0].Plan); err != nil {
					w.t.Fatal(err)
				}
			}
			w.start()
			w.after(time.Minute)
			w.wantZone(switched)
			w.set(&w.origin, failover.Up)
			w.after(10 * time.Minute)
			w.wantZone(original)
		})
	}
}

func TestTriggerLatches(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		var heard []string
		word := failover.Command{Action: failover.Trigger, Reason: "drill", By: "operator uid 0"}
		if err := w.c.Command(w.t.Context(), "www", word, func(e failover.Entry) { heard = append(heard, e.Event) }); err != nil {
			w.t.Fatal(err)
		}
		w.wantZone(switched)
		if got := strings.Join(heard, " "); got != "command plan applied confirmed" {
			w.t.Errorf("reported: %s", got)
		}
		w.after(time.Hour)
		w.wantZone(switched) // the origin has been well all the time
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Restore, By: "test"}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.wantZone(armed)
		w.after(2 * time.Minute)
		w.wantZone(original)
	})
}

func TestHoldAndRelease(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Hold, Reason: "maintenance", By: "test"}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Minute)
		w.wantPhase(failover.Suspect)
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Release, By: "test"}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.after(5 * time.Second)
		w.wantZone(switched)
	})
}

func TestManualRecovery(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.ManualRecovery = true
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.set(&w.origin, failover.Up)
		w.after(time.Hour)
		w.wantZone(switched)
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Restore, By: "test"}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.wantZone(armed)
	})
}

func TestForcedRestoreHolds(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		word := failover.Command{Action: failover.Restore, By: "test"}
		if err := w.c.Command(w.t.Context(), "www", word, nil); !errors.Is(err, failover.ErrRefused) {
			w.t.Fatalf("restore to a dead origin: %v, want ErrRefused", err)
		}
		word.Force = true
		if err := w.c.Command(w.t.Context(), "www", word, nil); err != nil {
			w.t.Fatal(err)
		}
		w.after(time.Hour)
		if got := w.www(); got == switched {
			w.t.Errorf("automation undid what a human forced\n%s", w.story())
		}
	})
}

func TestChangeByOthersBeforeTheOutageComesBack(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			sets[1] = set("www.example.org.", "A", 600, "192.0.2.99")
			return sets
		})
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantZone("600 A 192.0.2.99; 300 AAAA 2001:db8::1") // too fresh to be believed
		if !w.told("zone true") {
			w.t.Errorf("a switch that waits was not said: %v", w.alarms)
		}
		w.after(30 * time.Second)
		w.wantZone(switched)
		w.set(&w.origin, failover.Up)
		w.after(10 * time.Minute)
		w.wantZone("600 A 192.0.2.99; 300 AAAA 2001:db8::1")
	})
}

func TestChangeByOthersDuringTheOutageIsDrift(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			return append(sets, set("www.example.org.", "AAAA", 300, "2001:db8::bad"))
		})
		w.set(&w.origin, failover.Up)
		w.after(10 * time.Minute)
		w.wantZone("30 A 198.51.100.7; 300 AAAA 2001:db8::bad") // never overwritten silently
		if !w.told("zone true") {
			w.t.Errorf("drift was not said: %v", w.alarms)
		}
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Restore, By: "test", Force: true}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.after(2 * time.Minute)
		w.wantZone(original)
	})
}

func TestOwnAddressIsNeverABaseline(t *testing.T) {
	play(t, func(w *world) {
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			return []failover.RecordSet{set("www.example.org.", "A", 30, "198.51.100.7")}
		})
		w.start()
		w.after(time.Minute)
		entry, err := w.journal.Last("www")
		if err != nil || len(entry.State.Zones[0].Baseline) != 0 {
			w.t.Fatalf("the fallback's own address was taken for an original: %+v, %v", entry.State.Zones[0].Baseline, err)
		}
		if !w.told("zone true") {
			w.t.Errorf("nothing was said: %v", w.alarms)
		}
	})
}

func TestNoJournalNoChange(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.journal.mu.Lock()
		w.journal.err = errors.New("no space left on device")
		w.journal.mu.Unlock()
		w.set(&w.origin, failover.Down)
		w.after(5 * time.Minute)
		w.wantZone(original)
		w.journal.mu.Lock()
		w.journal.err = nil
		w.journal.mu.Unlock()
		w.after(time.Minute)
		w.wantZone(switched)
	})
}

func TestSiteThatIsAwayCannotLeave(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		if err := w.c.Ready(w.t.Context(), nil); err == nil || !strings.Contains(err.Error(), "failed over") {
			w.t.Fatalf("removing a failed-over site: %v", err)
		}
		w.set(&w.origin, failover.Up)
		w.after(40 * time.Second)
		w.wantZone(armed)
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
		defer cancel()
		if err := w.c.Ready(ctx, nil); err != nil {
			w.t.Fatalf("removing an armed site: %v", err)
		}
		w.wantZone(original)
	})
}

func TestFallbackMovesDuringOutage(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		moved := failover.Fallback{CNAME: "backup.example.net."}
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet { // a CNAME stands alone
			return slices.DeleteFunc(sets, func(s failover.RecordSet) bool { return s.Type == "TXT" })
		})
		w.c.Set([]failover.Site{w.site}, moved)
		w.after(10 * time.Second)
		w.wantZone("30 CNAME backup.example.net.")
		w.set(&w.origin, failover.Up)
		w.after(5 * time.Minute)
		w.wantZone(original)
	})
}

func TestArmAndDisarm(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		low := func() time.Time {
			list, err := w.c.Status(w.t.Context())
			if err != nil || len(list) != 1 {
				w.t.Fatal(list, err)
			}
			return list[0].LowFrom
		}
		if from := low(); !from.IsZero() {
			w.t.Errorf("TTLs are called low from %v on", from)
		}
		begun := time.Now()
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Arm, By: "test"}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.wantZone(armed)
		if from := low(); !from.Equal(begun.Add(300 * time.Second)) { // the old TTL
			w.t.Errorf("ready from %v on, want %v", from, begun.Add(300*time.Second))
		}
		w.after(time.Hour)
		w.wantZone(armed)
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Disarm, By: "test"}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.wantZone(original)
	})
}

func TestLockedRecordIsSaidBeforeTheOutage(t *testing.T) {
	play(t, func(w *world) {
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			sets[1].Locked = true
			return sets
		})
		w.start()
		w.after(5 * time.Second)
		if !w.told("unable true") {
			w.t.Errorf("nothing was said: %v", w.alarms)
		}
	})
}

// terraform writes the origin's records back, as a routine run does.
func (w *world) terraform() {
	w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
		sets = slices.DeleteFunc(sets, func(s failover.RecordSet) bool { return s.Name == "www.example.org." && failover.Managed(s.Type) })
		return append(sets, set("www.example.org.", "A", 300, "192.0.2.1", "192.0.2.2"), set("www.example.org.", "AAAA", 300, "2001:db8::1"))
	})
}

func TestOverwrittenByTerraformIsPutRightAfterAGrace(t *testing.T) {
	play(t, func(w *world) {
		w.site.Overwrite.Grace = 2 * time.Minute
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.terraform()
		w.after(90 * time.Second) // found within a minute, and within its grace
		w.wantZone(original)
		if !w.told("zone true") {
			w.t.Errorf("not said: %v", w.alarms)
		}
		w.after(2 * time.Minute)
		w.wantZone(switched)
		if alarms := w.c.Alarms(); len(alarms) != 0 {
			w.t.Errorf("alarms are left: %v", alarms)
		}
		w.set(&w.origin, failover.Up)
		w.after(5 * time.Minute)
		w.wantZone(original)
	})
}

func TestAFightIsGivenUp(t *testing.T) {
	play(t, func(w *world) {
		w.site.Overwrite.Grace = time.Minute
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		writes := len(w.zone.writes)
		for range 10 {
			w.terraform()
			w.after(5 * time.Minute)
		}
		if n := len(w.zone.writes) - writes; n != rounds {
			w.t.Errorf("put right %d times, want %d\n%s", n, rounds, w.story())
		}
		alarms := w.c.Alarms()
		if len(alarms) != 1 || !strings.Contains(alarms[0].Message, "goes on undoing") {
			w.t.Errorf("alarms: %v", alarms)
		}
	})
}

func TestOverwrittenAndHeldByTheSite(t *testing.T) {
	play(t, func(w *world) {
		w.site.Overwrite = failover.Overwrite{Hold: true}
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.terraform()
		w.after(time.Hour)
		w.wantZone(original)
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Trigger, By: "test", Force: true}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.wantZone(switched)
	})
}

func TestAdoptDuringAnOutage(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		adopt := failover.Command{Action: failover.Adopt, By: "test"}
		if err := w.c.Command(w.t.Context(), "www", adopt, nil); !errors.Is(err, failover.ErrRefused) {
			w.t.Fatalf("our own address was adopted: %v", err)
		}
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet { // the new origin
			sets = slices.DeleteFunc(sets, func(s failover.RecordSet) bool { return s.Name == "www.example.org." && failover.Managed(s.Type) })
			return append(sets, set("www.example.org.", "A", 120, "203.0.113.50"))
		})
		w.after(2 * time.Minute)
		w.wantZone("120 A 203.0.113.50") // drift is not overwritten
		w.set(&w.origin, failover.Up)
		w.after(2 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", adopt, nil); err != nil {
			w.t.Fatal(err)
		}
		w.wantPhase(failover.Primary)
		w.after(10 * time.Minute)
		w.wantZone("120 A 203.0.113.50")
		w.set(&w.origin, failover.Down)
		w.after(30 * time.Second)
		w.wantZone(switched)
		w.set(&w.origin, failover.Up)
		w.after(10 * time.Minute)
		w.wantZone("120 A 203.0.113.50")
	})
}

func TestReferencesAreAskedAtSuspicion(t *testing.T) {
	play(t, func(w *world) {
		asked := 0
		w.tune = func(o *Options) { o.Suspect = func() { asked++ } }
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.stop()
		if asked != 1 {
			w.t.Errorf("references were asked %d times, want once", asked)
		}
		w.start() // play stops it
	})
}

func TestAHostThatWasNotLookedAtIsNotSwitched(t *testing.T) {
	play(t, func(w *world) {
		w.tune = func(o *Options) {
			o.Look = func(context.Context, failover.Site) []failover.Observation { return nil }
		}
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(20 * time.Second)
		w.wantZone(armed)
		if !w.told("zone true") {
			w.t.Errorf("not said: %v", w.alarms)
		}
	})
}

func TestStatusShowsWhyAZoneCannotBeRead(t *testing.T) {
	play(t, func(w *world) {
		w.zone.readErr = &failover.ZoneError{Kind: failover.KindUnauthorized, Zone: "example.org.", Op: "read", Err: errors.New("the key is wrong")}
		w.start()
		w.after(5 * time.Second)
		trouble := func() string {
			list, err := w.c.Status(w.t.Context())
			if err != nil {
				w.t.Fatal(err)
			}
			return list[0].Trouble
		}
		if !strings.Contains(trouble(), "the key is wrong") {
			w.t.Errorf("status says %q", trouble())
		}
		w.zone.mu.Lock()
		w.zone.readErr = nil
		w.zone.mu.Unlock()
		w.after(10 * time.Minute)
		if trouble() != "" {
			w.t.Errorf("status still says %q", trouble())
		}
	})
}

func TestTriggerAgainPutsTheZoneRight(t *testing.T) {
	play(t, func(w *world) {
		w.site.Overwrite.Grace = time.Hour
		w.start()
		w.after(5 * time.Second)
		trigger := failover.Command{Action: failover.Trigger, By: "test"}
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err != nil {
			w.t.Fatal(err)
		}
		w.terraform()
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err != nil {
			w.t.Fatal(err)
		}
		w.wantZone(switched)
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			return append(sets, set("www.example.org.", "AAAA", 300, "2001:db8::bad"))
		})
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err == nil || !strings.Contains(err.Error(), "2001:db8::bad") {
			w.t.Errorf("a zone in drift was called done: %v", err)
		}
	})
}

func TestTriggerDoesNotWaitForAFreshChange(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			sets[1] = set("www.example.org.", "A", 600, "192.0.2.99")
			return sets
		})
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Trigger, By: "test"}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.wantZone(switched)
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Restore, By: "test"}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.after(10 * time.Minute)
		w.wantZone("600 A 192.0.2.99; 300 AAAA 2001:db8::1")
	})
}
