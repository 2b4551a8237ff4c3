package controller

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// The reserve of a provider's budget is for switches: that a routine reading has to wait does not
// make a switch wait.
func TestSwitchDoesNotWaitForWhatOnlyReadingsWaitFor(t *testing.T) {
	play(t, func(w *world) {
		w.tune = func(o *Options) {
			o.Refresh = time.Minute
			o.Zone = func(failover.ZoneRef) (failover.Zone, error) { return &scarce{fakeZone: w.zone}, nil }
		}
		w.start()
		w.after(3 * time.Minute) // a routine reading was refused by now
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantZone(switched)
	})
}

// scarce is a zone whose provider has calls left for switches alone, after the first ones.
type scarce struct {
	*fakeZone
	reads int
}

func (z *scarce) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	if z.reads++; z.reads > 1 && !failover.IsUrgent(ctx) {
		return nil, &failover.ZoneError{Kind: failover.KindRateLimited, Op: "read", RetryAfter: 5 * time.Minute, Err: errors.New("little left")}
	}
	return z.fakeZone.Read(ctx, names)
}

// hung is a zone whose provider never answers.
type hung struct{ *fakeZone }

func (z *hung) Read(ctx context.Context, _ []string) ([]failover.RecordSet, error) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
	}
	return nil, &failover.ZoneError{Kind: failover.KindUnavailable, Op: "read", Err: errors.New("no answer")}
}

// A site in two zones of which one's provider hangs.
func TestHungProviderDoesNotStopTheOtherZone(t *testing.T) {
	play(t, func(w *world) {
		w.site.Hosts = append([]failover.Host{{Name: "www.example.net.", Zone: "example.net.", Provider: "other"}}, w.site.Hosts...)
		other := &fakeZone{sets: []failover.RecordSet{set("www.example.net.", "A", 300, "192.0.2.1")}}
		var stuck failover.Zone = other
		w.tune = func(o *Options) {
			o.Zone = func(r failover.ZoneRef) (failover.Zone, error) {
				if r.Zone == "example.net." {
					return stuck, nil
				}
				return w.zone, nil
			}
		}
		w.start()
		w.after(5 * time.Second)
		w.stop()
		stuck = &hung{other}
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(70 * time.Second)
		w.wantZone(switched)
		w.set(&w.origin, failover.Up)
		w.after(4 * time.Minute)
		w.wantPhase(failover.Primary)
	})
}

// A name that a proxy answers for cannot be confirmed at the name servers: that is not trouble.
func TestNothingToConfirmIsNoTrouble(t *testing.T) {
	play(t, func(w *world) {
		w.tune = func(o *Options) {
			o.Confirm = func(context.Context, failover.Plan) ([]failover.Confirmation, error) { return nil, nil }
		}
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Trigger, By: "test"}, nil); err != nil {
			w.t.Errorf("trigger: %v", err)
		}
		if slices.Contains(w.alarms, "lagging true") {
			w.t.Error("alarm")
		}
	})
}

// A name server that cannot be reached from here at all is told of, and no reason for an alarm.
func TestUnreachableNameServerIsNoTrouble(t *testing.T) {
	play(t, func(w *world) {
		w.tune = func(o *Options) {
			o.Confirm = func(context.Context, failover.Plan) ([]failover.Confirmation, error) {
				return []failover.Confirmation{{Server: "ns1.example.org.", OK: true}, {Server: "ns1.example.org.", Address: "[2001:db8::1]:53", Detail: "no way"}}, nil
			}
		}
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Trigger, By: "test"}, nil); err != nil {
			w.t.Errorf("trigger: %v", err)
		}
		if slices.Contains(w.alarms, "lagging true") {
			w.t.Error("alarm")
		}
	})
}

func TestForcedTriggerRepairsDrift(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantZone(switched)
		w.zone.edit(func([]failover.RecordSet) []failover.RecordSet {
			return []failover.RecordSet{set("www.example.org.", "A", 300, "192.0.2.66")}
		})
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Trigger, By: "test", Force: true}, nil); err != nil {
			w.t.Errorf("trigger: %v", err)
		}
		w.wantZone(switched)
		entry, _ := w.journal.Last("www")
		if len(entry.State.Overrides) > 0 {
			w.t.Error("the force outlives the change it was given for")
		}
	})
}

func TestForceIsSpentWhereNothingIsToBeDone(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: failover.Restore, By: "test", Force: true}, nil); err != nil {
			w.t.Fatal(err)
		}
		w.after(time.Minute)
		entry, _ := w.journal.Last("www")
		if len(entry.State.Overrides) > 0 {
			w.t.Errorf("the force outlives its command: a later change would overwrite drift\n%s", w.story())
		}
	})
}

// A call that was given up comes through late: the zone points at the fallback while the origin
// is meant to serve.
func TestLateWriteIsFoundAndUndone(t *testing.T) {
	play(t, func(w *world) {
		w.tune = func(o *Options) { o.Refresh = time.Minute }
		w.start()
		w.after(5 * time.Second)
		w.zone.edit(func([]failover.RecordSet) []failover.RecordSet {
			return []failover.RecordSet{set("www.example.org.", "A", 30, "198.51.100.7")}
		})
		w.after(5 * time.Minute)
		w.wantZone(original)
	})
}

func TestProvidersOwnFieldsAreThoseOfTheMomentOfTheSwitch(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			for i := range sets {
				for j := range sets[i].Records {
					sets[i].Records[j].Opaque = json.RawMessage(`"edited"`)
				}
			}
			return sets
		})
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantZone(switched)
		w.set(&w.origin, failover.Up)
		w.after(10 * time.Minute)
		w.wantZone(original)
		for _, s := range failover.Select(w.zone.dump(), []string{"www.example.org."}) {
			for _, r := range s.Records {
				if string(r.Opaque) != `"edited"` {
					w.t.Errorf("%s: the comment that somebody wrote before the outage came back as %s", s, r.Opaque)
				}
			}
		}
	})
}

// forgetful is a journal that once stores an entry and says it did not, as after a failed fsync.
type forgetful struct {
	*memory
	once bool
}

func (f *forgetful) Append(e failover.Entry) error {
	err := f.memory.Append(e)
	if err == nil && f.once && e.Event == failover.EventPlan {
		f.once = false
		return errors.New("input/output error")
	}
	return err
}

func TestEntryThatWasStoredAfterAll(t *testing.T) {
	play(t, func(w *world) {
		w.tune = func(o *Options) { o.Journal = &forgetful{memory: w.journal, once: true} }
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(3 * time.Minute)
		w.wantZone(switched)
	})
}

func TestReloadThatIsGivenUpLeavesAutomationOn(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(1500 * time.Millisecond)
		w.set(&w.origin, failover.Up)
		w.after(3 * time.Second)
		w.wantZone(armed)
		w.zone.mu.Lock()
		w.zone.gate = make(chan struct{})
		w.zone.mu.Unlock()
		ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Second)
		defer cancel()
		if err := w.c.Ready(ctx, nil); err == nil {
			w.t.Fatal("ready, though the TTLs are not back")
		}
		close(w.zone.gate)
		w.after(5 * time.Minute)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantZone(switched)
	})
}

// What the journal says may lie in the future: the clock was wrong and was set.
func TestTimesInTheFuture(t *testing.T) {
	play(t, func(w *world) {
		future := time.Now().Add(365 * 24 * time.Hour)
		base := failover.Select(w.zone.dump(), []string{"www.example.org."})
		w.journal.entries["www"] = []failover.Entry{{Seq: 1, Site: "www", At: future, Event: failover.EventPhase, State: failover.State{
			Phase: failover.Suspect, Since: future, FailingSince: future, EvidenceAt: future, Switched: future, TroubleAt: future,
			Zones: []failover.ZoneState{{ZoneRef: ref, Names: []string{"www.example.org."}, Baseline: base, Applied: failover.ToOrigin}},
		}}}
		w.set(&w.origin, failover.Down)
		w.start()
		w.after(time.Minute)
		w.wantZone(switched)
	})
}

func TestStartIsNoAlarm(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.Quorum = 2
		w.start()
		w.after(100 * time.Millisecond)
		w.c.Observe(failover.Observation{Role: failover.RoleReference, Check: "tcp", Address: "203.0.113.2:443", At: time.Now(), Health: failover.Up})
		w.after(3 * time.Second)
		if slices.Contains(w.alarms, "blind true") {
			w.t.Errorf("references that were not asked yet are no reason for an alarm: %v", w.alarms)
		}
	})
}

// Our own network goes, and the references are looked at less often than the origin.
func TestReferencesSeenBeforeTheFailureProveNothing(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.Quorum = 2
		w.start() // its reference is seen every second; the other one is not
		w.after(5 * time.Second)
		look := func(h failover.Health) {
			w.c.Observe(failover.Observation{Role: failover.RoleReference, Check: "tcp", Address: "203.0.113.2:443", At: time.Now(), Health: h})
		}
		look(failover.Up)
		w.after(500 * time.Millisecond)
		w.set(&w.origin, failover.Down)
		w.after(4500 * time.Millisecond)
		look(failover.Down)
		w.after(5 * time.Second)
		if w.phase().Serving() {
			w.t.Errorf("switched while blind\n%s", w.story())
		}
	})
}

func TestZoneThatCannotBeOpened(t *testing.T) {
	play(t, func(w *world) {
		w.site.Hosts = append([]failover.Host{{Name: "www.example.net.", Zone: "example.net.", Provider: "gone"}}, w.site.Hosts...)
		w.tune = func(o *Options) {
			o.Zone = func(r failover.ZoneRef) (failover.Zone, error) {
				if r.Provider == "gone" {
					return nil, errors.New("there is no dns block of that name")
				}
				return w.zone, nil
			}
		}
		w.start()
		w.after(time.Minute)
		if n := strings.Count(strings.Join(w.alarms, " "), "zone true"); n != 1 {
			w.t.Errorf("the alarm was raised %d times, want once", n)
		}
		ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Minute)
		defer cancel()
		err := w.c.Command(ctx, "www", failover.Command{Action: failover.Trigger, By: "test"}, nil)
		if err == nil || ctx.Err() != nil {
			w.t.Errorf("trigger: %v, want the reason at once", err)
		}
	})
}

func TestRestoreKeepsAHold(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		for _, a := range []failover.Action{failover.Hold, failover.Trigger, failover.Restore} {
			if err := w.c.Command(w.t.Context(), "www", failover.Command{Action: a, By: "test"}, nil); err != nil {
				w.t.Fatal(a, err)
			}
		}
		entry, _ := w.journal.Last("www")
		if !entry.State.Held {
			w.t.Error("the operator's hold is gone, and nobody released it")
		}
	})
}

// A plan that was never applied, and a zone that somebody changed since.
func TestPlanThatWasNotAppliedBeforeAForeignChange(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.zone.mu.Lock()
		w.zone.gate = make(chan struct{})
		w.zone.mu.Unlock()
		w.set(&w.origin, failover.Down)
		w.after(1500 * time.Millisecond)
		w.stop() // in the call that arms
		w.zone.gate = nil
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			sets[1] = set("www.example.org.", "A", 600, "192.0.2.99")
			return sets
		})
		w.start()
		w.after(time.Minute)
		w.wantZone(switched)
		w.set(&w.origin, failover.Up)
		w.after(10 * time.Minute)
		w.wantZone("600 A 192.0.2.99; 300 AAAA 2001:db8::1")
	})
}

// Two addresses of our own server that fail in turn say the same thing.
func TestVetoIsSaidOnce(t *testing.T) {
	play(t, func(w *world) {
		w.set(&w.ours, failover.Down)
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(time.Hour)
		if n := len(w.events()); n > 50 {
			w.t.Errorf("%d entries in an hour\n%s", n, w.story())
		}
	})
}

// meddled is a zone in which somebody changes a record right after a call of ours whose answer is lost.
type meddled struct{ *fakeZone }

func (z *meddled) Replace(ctx context.Context, p failover.Plan) error {
	err := z.fakeZone.Replace(ctx, p)
	if err != nil || p.Target != failover.ToArmed || len(z.writes) > 1 {
		return err
	}
	z.edit(func(sets []failover.RecordSet) []failover.RecordSet {
		for i := range sets {
			if sets[i].Key() == "www.example.org. A" {
				sets[i] = set("www.example.org.", "A", 600, "192.0.2.99")
			}
		}
		return sets
	})
	return &failover.ZoneError{Kind: failover.KindLost, Zone: p.Zone, Op: "replace", Err: errors.New("connection closed")}
}

func TestLoweredTTLIsNobodysBaseline(t *testing.T) {
	play(t, func(w *world) {
		w.tune = func(o *Options) {
			o.Zone = func(failover.ZoneRef) (failover.Zone, error) { return &meddled{w.zone}, nil }
		}
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(2 * time.Second)
		w.set(&w.origin, failover.Up)
		w.after(30 * time.Minute)
		w.wantZone("600 A 192.0.2.99; 300 AAAA 2001:db8::1")
	})
}

// Many sites at a provider that hangs take nobody else's turn.
func TestHungProviderDoesNotStopOtherSites(t *testing.T) {
	play(t, func(w *world) {
		others := map[string]*fakeZone{}
		var sites []failover.Site
		for i := range 20 {
			s, apex := w.site, string(rune('a'+i))+".example.net."
			s.Name = apex
			s.Priority = 1 // and more important, too
			s.Hosts = []failover.Host{{Name: "www." + apex, Zone: apex, Provider: "other"}}
			others[apex] = &fakeZone{sets: []failover.RecordSet{set("www."+apex, "A", 300, "192.0.2.1")}}
			sites = append(sites, s)
		}
		var hanging atomic.Bool
		w.tune = func(o *Options) {
			o.Zone = func(r failover.ZoneRef) (failover.Zone, error) {
				if z := others[r.Zone]; z != nil {
					return &moody{z, &hanging}, nil
				}
				return w.zone, nil
			}
		}
		w.start()
		w.c.Set(append(sites, w.site), backup)
		see := func(h failover.Health) {
			for _, s := range sites {
				w.c.Observe(failover.Observation{Site: s.Name, Role: failover.RoleFallback, Check: s.Name, Address: "198.51.100.7:443", At: time.Now(), Health: failover.Up})
				w.c.Observe(failover.Observation{Site: s.Name, Role: failover.RoleOrigin, Check: "front", Address: "192.0.2.1:443", At: time.Now(), Health: h})
			}
		}
		see(failover.Up)
		w.after(5 * time.Second)
		hanging.Store(true)
		for range 8 {
			see(failover.Down)
			w.after(time.Second)
		}
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantZone(switched)
	})
}

// moody is a zone whose provider hangs at times.
type moody struct {
	*fakeZone
	hanging *atomic.Bool
}

func (z *moody) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	if z.hanging.Load() {
		return (&hung{z.fakeZone}).Read(ctx, names)
	}
	return z.fakeZone.Read(ctx, names)
}

// sluggish is a zone whose provider answers nothing but what belongs to a switch.
type sluggish struct {
	*fakeZone
	reads atomic.Int32
}

func (z *sluggish) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	if z.reads.Add(1) > 1 && !failover.IsUrgent(ctx) {
		return (&hung{z.fakeZone}).Read(ctx, names)
	}
	return z.fakeZone.Read(ctx, names)
}

func TestReadingThatHangsDoesNotHoldUpTheSwitch(t *testing.T) {
	play(t, func(w *world) {
		zone := &sluggish{fakeZone: w.zone}
		w.tune = func(o *Options) { o.Zone = func(failover.ZoneRef) (failover.Zone, error) { return zone, nil } }
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantZone(switched)
		if w.told("zone true") {
			w.t.Error("a reading that was cut short is no trouble")
		}
	})
}
