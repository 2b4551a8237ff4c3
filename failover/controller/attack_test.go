package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// reading is a zone whose reads pass through a function first.
type reading struct {
	*fakeZone
	read func(ctx context.Context, n int) error
	n    int
}

func (z *reading) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	z.mu.Lock()
	z.n++
	n := z.n
	z.mu.Unlock()
	if err := z.read(ctx, n); err != nil {
		return nil, err
	}
	return z.fakeZone.Read(ctx, names)
}

// by lets the controller use another zone.
func (w *world) by(zone failover.Zone) {
	w.tune = func(o *Options) {
		o.Zone = func(failover.ZoneRef) (failover.Zone, error) { return zone, nil }
	}
}

// flicker is a zone that shows the fallback's form at every other reading.
type flicker struct {
	*fakeZone
	stale bool
	n     int
}

func (z *flicker) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	time.Sleep(10 * time.Millisecond)
	z.mu.Lock()
	if z.stale {
		z.n++
	}
	n := z.n
	z.mu.Unlock()
	if n%2 == 1 {
		return []failover.RecordSet{set("www.example.org.", "A", 30, "198.51.100.7")}, nil
	}
	return z.fakeZone.Read(ctx, names)
}

// What was seen of the origin while we were blind does not count once the references answer again:
// the origin is looked at once more, also where the provider could be reached all the time.
func TestLooksThatWereMadeBlindDoNotDecide(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.DownAfter, w.site.Policy.Fresh = 5*time.Second, 20*time.Second
		w.start()
		w.after(5500 * time.Millisecond)
		w.set(&w.origin, failover.Down) // our network is gone; what was seen of the references is still fresh
		w.after(time.Second)
		w.set(&w.reference, failover.Down)
		w.after(10 * time.Second)
		w.set(&w.reference, failover.Up) // it comes back, and a reference is the first to be looked at
		w.set(&w.origin, failover.Up)
		w.c.Observe(failover.Observation{Role: failover.RoleReference, Check: "tcp", Address: "203.0.113.1:443", At: time.Now(), Health: failover.Up})
		w.c.Observe(w.look())
		w.after(10 * time.Second)
		w.wantPhase(failover.Primary)
		if strings.Contains(w.story(), "-> fallback") {
			t.Errorf("it was switched for what was seen in the dark:\n%s", w.story())
		}
	})
}

// A call to the provider that was begun in the dark and answered in the light says nothing of the looks between.
func TestProviderThatAnswersLate(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.DownAfter = 3 * time.Second
		open := make(chan struct{})
		w.by(&reading{fakeZone: w.zone, read: func(ctx context.Context, n int) error {
			if n < 2 {
				return nil
			}
			select {
			case <-open:
				return nil
			case <-time.After(6500 * time.Millisecond):
				return nil
			}
		}})
		w.start()
		w.after(5500 * time.Millisecond)
		w.set(&w.origin, failover.Down)
		w.after(6 * time.Second)
		w.wantPhase(failover.Suspect)
		w.set(&w.origin, failover.Up)
		w.c.Observe(w.look())
		close(open)
		w.after(10 * time.Second)
		if strings.Contains(w.story(), "-> fallback") {
			t.Errorf("switched:\n%s", w.story())
		}
	})
}

// A zone that somebody is changing, and of which no switch is possible, is not read without a pause.
func TestUnableZoneIsReadWithPauses(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.Armed = true
		zone := &reading{fakeZone: w.zone, read: func(ctx context.Context, n int) error {
			if n > 1000 {
				<-ctx.Done()
			}
			time.Sleep(10 * time.Millisecond)
			return nil
		}}
		w.tune = func(o *Options) {
			o.Refresh = 5 * time.Minute
			o.Zone = func(failover.ZoneRef) (failover.Zone, error) { return zone, nil }
		}
		w.start()
		w.after(5 * time.Second)
		w.wantZone(armed)
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			sets = failover.CloneSets(sets)
			for i := range sets {
				sets[i].Locked = true
			}
			return sets
		})
		w.after(6 * time.Minute)
		zone.mu.Lock()
		zone.n = 0
		zone.mu.Unlock()
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			return slices.DeleteFunc(failover.CloneSets(sets), func(s failover.RecordSet) bool { return s.Type == "AAAA" })
		})
		w.set(&w.origin, failover.Down)
		w.after(20 * time.Second)
		zone.mu.Lock()
		defer zone.mu.Unlock()
		if zone.n > 20 {
			t.Errorf("read %d times in 20 s", zone.n)
		}
	})
}

// What is wrong with a reading may have other words each time: the journal says once that the provider is not seen.
func TestReasonsThatChangeDoNotFillTheJournal(t *testing.T) {
	play(t, func(w *world) {
		broken := false
		zone := &reading{fakeZone: w.zone, read: func(_ context.Context, n int) error {
			if broken {
				return &failover.ZoneError{Kind: failover.KindUnavailable, Op: "read", Zone: "example.org.", Err: fmt.Errorf("read from port %d: reset", 40000+n)}
			}
			return nil
		}}
		w.by(zone)
		w.start()
		w.after(5 * time.Second)
		broken = true
		w.set(&w.origin, failover.Down)
		w.after(time.Hour)
		w.wantVeto(failover.VetoUnseen)
		if n := len(w.events()); n > 10 {
			t.Errorf("%d entries:\n%s", n, w.story())
		}
	})
}

func TestSizeOfAMassFailureIsNotNews(t *testing.T) {
	c := New(Options{})
	for i := range 10 {
		c.runners[fmt.Sprint(i)] = newRunner(c, failover.Site{Name: fmt.Sprint(i)}, backup)
	}
	doubts := map[string]bool{}
	for i := range 10 {
		if d := c.doubt(fmt.Sprint(i), failover.Verdict{Health: failover.Down}).Doubt; d != "" {
			doubts[d] = true
		}
	}
	if len(doubts) != 1 {
		t.Errorf("each of these is an entry and an alarm at every site: %v", doubts)
	}
}

// A clock that was put right a year ago says nothing about a machine that sleeps for a moment today.
func TestClockThatWasSetLongAgo(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.c.noteLeap(365 * 24 * time.Hour) // at boot
		w.c.mu.Lock()
		w.c.clock.last = time.Now().Add(-distrust - time.Hour)
		w.c.mu.Unlock()
		w.c.noteLeap(6 * time.Second)
		w.mu.Lock()
		w.origin, w.cause, w.expiry = failover.Down, failover.CauseTLSExpired, time.Now().Add(-time.Hour)
		w.mu.Unlock()
		w.after(15 * time.Second)
		w.wantPhase(failover.InFallback)
	})
}

// An address that cannot be seen from here does not vote on the clock either.
func TestClockRuleWhereAFamilyIsNotSeen(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.Addresses, w.site.Policy.Quorum6 = 2, 1
		w.start()
		w.after(5 * time.Second)
		w.c.noteLeap(30 * 24 * time.Hour)
		w.mu.Lock()
		w.origin, w.cause, w.expiry = failover.Down, failover.CauseTLSExpired, time.Now().Add(-24*time.Hour)
		w.mu.Unlock()
		for range 15 {
			w.c.Observe(failover.Observation{Role: failover.RoleReference, Check: "six", Address: "[2001:db8:f::1]:443", At: time.Now(), Health: failover.Down})
			w.c.Observe(failover.Observation{Site: "www", Role: failover.RoleOrigin, Check: "front", Address: "[2001:db8::1]:443",
				At: time.Now(), Health: failover.Down, Cause: failover.CauseUnreachable})
			w.after(time.Second)
		}
		w.wantPhase(failover.Suspect)
		w.wantVeto(failover.VetoClock)
	})
}

// Low TTLs that somebody gives the records himself are his.
func TestLowTTLsOfSomebodyElseAreHis(t *testing.T) {
	play(t, func(w *world) {
		w.tune = func(o *Options) { o.Refresh = 10 * time.Second }
		w.start()
		w.after(time.Hour)
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			sets = failover.CloneSets(sets)
			for i := range sets {
				if failover.Managed(sets[i].Type) {
					sets[i].TTL = 30
				}
			}
			return sets
		})
		w.after(5 * time.Minute)
		w.wantZone(armed)
		if len(w.zone.writes) != 0 {
			t.Errorf("somebody's TTLs were overwritten:\n%s", w.story())
		}
	})
}

// A fallback that the zone was found to point at, though nobody here switched it, is remembered as one.
func TestFallbackOfAnotherIsNoOriginalAfterItMoved(t *testing.T) {
	play(t, func(w *world) {
		w.tune = func(o *Options) { o.Refresh = 10 * time.Second }
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.set(&w.ours, failover.Down)
		w.after(10 * time.Second)
		w.zone.edit(func([]failover.RecordSet) []failover.RecordSet {
			return []failover.RecordSet{set("www.example.org.", "A", 30, "198.51.100.7")}
		})
		w.after(time.Minute)
		moved := backup
		moved.IPv4 = backup.IPv4[:0:0]
		moved.IPv4 = append(moved.IPv4, backup.IPv4[0].Next())
		w.c.Set([]failover.Site{w.site}, moved)
		w.after(time.Second)
		err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Adopt, By: "test"}, nil)
		if !errors.Is(err, failover.ErrRefused) {
			t.Errorf("adopt: %v\n%s", err, w.story())
		}
	})
}

// The same for a journal that an earlier version wrote, which did not keep them.
func TestFallbackOfAnEarlierVersionIsNoOriginal(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantZone(switched)
		w.stop()
		w.journal.mu.Lock()
		list := w.journal.entries["www"]
		list[len(list)-1].State.Zones[0].Fallbacks = nil
		w.journal.mu.Unlock()
		w.start()
		w.after(time.Second)
		w.damage(nil, gone)
		moved := backup
		moved.IPv4 = append(moved.IPv4[:0:0], backup.IPv4[0].Next())
		w.c.Set([]failover.Site{w.site}, moved)
		w.after(time.Second)
		err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Adopt, By: "test"}, nil)
		if !errors.Is(err, failover.ErrRefused) {
			t.Errorf("adopt: %v\n%s", err, w.story())
		}
	})
}

// What an operator's word set aside is not set aside when automation decides again.
func TestOverridesEndWhereAutomationDecides(t *testing.T) {
	play(t, func(w *world) {
		second := failover.ZoneRef{Provider: "other", Zone: "example.net."}
		other := &fakeZone{sets: []failover.RecordSet{set("www.example.net.", "A", 300, "192.0.2.1")}}
		w.site.Hosts = append(w.site.Hosts, failover.Host{Name: "www.example.net.", Zone: second.Zone, Provider: second.Provider})
		w.tune = func(o *Options) {
			o.Zone = func(ref failover.ZoneRef) (failover.Zone, error) {
				if ref == second {
					return other, nil
				}
				return w.zone, nil
			}
		}
		w.start()
		w.after(5 * time.Second)
		trigger := failover.Command{Action: failover.Trigger, By: "test"}
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err != nil {
			t.Fatal(err)
		}
		other.mu.Lock()
		other.readErr, other.writeErr = gone, gone
		other.mu.Unlock()
		w.after(time.Minute)
		_ = w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Restore, By: "test", Force: true}, nil)
		w.after(30 * time.Second)
		w.wantZone(armed)
		w.set(&w.origin, failover.Down)
		w.after(20 * time.Second)
		w.wantPhase(failover.InFallback)
		if s := w.c.State("www"); len(s.Overrides) > 0 {
			t.Errorf("%v are still set aside:\n%s", s.Overrides, w.story())
		}
	})
}

// A provider that shows an old version of the zone at every other reading is asked, and written of, with pauses.
func TestReadingsThatContradictEachOther(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.DownAfter = time.Hour
		zone := &flicker{fakeZone: w.zone}
		w.by(zone)
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Minute)
		known := len(w.events())
		zone.mu.Lock()
		zone.stale = true
		zone.mu.Unlock()
		w.after(20 * time.Minute)
		zone.mu.Lock()
		defer zone.mu.Unlock()
		if n := len(w.events()) - known; n < 2 || n > 120 || zone.n > 120 {
			t.Errorf("%d entries and %d readings in 20 min", n, zone.n)
		}
	})
}

// An operator's haste does not make an echo of our own write an original.
func TestHasteDoesNotBelieveAnEcho(t *testing.T) {
	play(t, func(w *world) {
		stale := false
		w.by(&partial{fakeZone: w.zone, on: &stale})
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.set(&w.origin, failover.Up)
		w.after(40 * time.Second)
		w.wantZone(armed)
		stale = true
		_ = w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Trigger, By: "test"}, nil)
		w.after(10 * time.Second)
		stale = false
		for _, z := range w.c.State("www").Zones {
			if len(z.Baseline) != 2 {
				t.Errorf("the baseline is %v\n%s", z.Baseline, w.story())
			}
		}
		w.after(5 * time.Minute)
		w.wantZone(switched)
	})
}

// partial is a zone that shows A records alone while on.
type partial struct {
	*fakeZone
	on *bool
}

func (z *partial) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	sets, err := z.fakeZone.Read(ctx, names)
	if *z.on {
		sets = slices.DeleteFunc(sets, func(s failover.RecordSet) bool { return s.Type == "AAAA" })
	}
	return sets, err
}

// What cannot be switched is known before the switch also right after a restart.
func TestUnableIsKnownRightAfterARestart(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.DownAfter = 10 * time.Second
		w.start()
		w.after(5 * time.Second)
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			sets = failover.CloneSets(sets)
			for i := range sets {
				sets[i].Locked = true
			}
			return sets
		})
		w.stop()
		w.start()
		w.set(&w.origin, failover.Down)
		w.after(time.Minute)
		w.wantPhase(failover.Suspect)
		w.wantVeto(failover.VetoUnable)
	})
}

// A restart in the middle of asking who follows does not ask twice.
func TestFollowOnceAfterConflicts(t *testing.T) {
	play(t, func(w *world) {
		var asked atomic.Int32
		slow := errors.New("ns1 does not follow")
		w.confirm = func(context.Context, failover.Plan) ([]failover.Confirmation, error) {
			asked.Add(1)
			return []failover.Confirmation{{Server: "ns1.example.org.", At: time.Now()}}, slow
		}
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantZone(switched)
		for range 3 { // somebody else writes into the journal: it is taken up anew
			w.journal.mu.Lock()
			list := w.journal.entries["www"]
			last := list[len(list)-1]
			last.Seq++
			w.journal.entries["www"] = append(list, last)
			w.journal.mu.Unlock()
			_ = w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Hold, By: "test"}, nil)
			w.after(2 * time.Minute)
		}
		asked.Store(0)
		w.after(time.Hour)
		if n := asked.Load(); n < 1 || n > 10 {
			t.Errorf("asked %d times in an hour", n)
		}
	})
}

// A human who deletes a set of ours lately...
func TestRestoredBackupOfAnArmedSite(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.journal.mu.Lock()
		before := slices.Clone(w.journal.entries["www"])
		w.journal.mu.Unlock()
		w.set(&w.origin, failover.Down)
		w.after(2 * time.Second)
		w.stop()
		w.wantZone(armed)
		w.journal.mu.Lock()
		w.journal.entries["www"] = before
		w.journal.mu.Unlock()
		w.set(&w.origin, failover.Up)
		w.start()
		w.after(2 * time.Hour)
		w.wantZone(original)
	})
}

// A provider whose own fields are others at each reading, and which takes no change, is asked ever less often.
func TestFieldsThatChangeAtEachReading(t *testing.T) {
	play(t, func(w *world) {
		zone := &restless{fakeZone: w.zone}
		w.by(zone)
		w.start()
		w.after(5 * time.Second)
		w.damage(nil, gone)
		w.set(&w.origin, failover.Down)
		w.after(time.Hour)
		zone.mu.Lock()
		n := zone.n
		zone.mu.Unlock()
		if entries := len(w.events()); entries > 300 || n > 300 {
			t.Errorf("%d entries and %d readings in an hour", entries, n)
		}
	})
}

// restless is a zone whose records have other fields of the provider at each reading.
type restless struct {
	*fakeZone
	n int
}

func (z *restless) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	sets, err := z.fakeZone.Read(ctx, names)
	z.mu.Lock()
	defer z.mu.Unlock()
	z.n++
	for i := range sets {
		for k := range sets[i].Records {
			sets[i].Records[k].Opaque = fmt.Appendf(nil, `"%d"`, z.n)
		}
	}
	return sets, err
}

// What was forced once is not forced again by a restart, where a part of it cannot be done.
func TestRestartDoesNotForceAgain(t *testing.T) {
	play(t, func(w *world) {
		second := failover.ZoneRef{Provider: "other", Zone: "example.net."}
		other := &fakeZone{sets: []failover.RecordSet{set("www.example.net.", "A", 300, "192.0.2.1")}}
		other.sets[0].Locked = true
		w.site.Hosts = append(w.site.Hosts, failover.Host{Name: "www.example.net.", Zone: second.Zone, Provider: second.Provider})
		w.tune = func(o *Options) {
			o.Zone = func(ref failover.ZoneRef) (failover.Zone, error) {
				if ref == second {
					return other, nil
				}
				return w.zone, nil
			}
		}
		w.start()
		w.after(5 * time.Second)
		_ = w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Trigger, By: "test", Force: true}, nil)
		w.after(10 * time.Second)
		w.wantZone(switched)
		w.zone.edit(func([]failover.RecordSet) []failover.RecordSet {
			return []failover.RecordSet{set("www.example.org.", "A", 60, "203.0.113.99")}
		})
		w.after(5 * time.Minute)
		w.wantZone("60 A 203.0.113.99")
		w.stop()
		w.start()
		w.after(5 * time.Minute)
		w.wantZone("60 A 203.0.113.99")
	})
}
