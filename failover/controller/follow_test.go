package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// servers plays name servers that follow a plan at a time of their own.
type servers struct {
	mu    sync.Mutex
	from  map[string]time.Time // when a server begins to follow; zero: it follows
	never map[string]bool
	asked []time.Time
}

// ask is a failover.Confirm: each server is asked every second until ctx ends.
func (s *servers) ask(names ...string) failover.Confirm {
	return func(ctx context.Context, p failover.Plan) ([]failover.Confirmation, error) {
		s.mu.Lock()
		s.asked = append(s.asked, time.Now())
		s.mu.Unlock()
		out := make([]failover.Confirmation, len(names))
		for {
			open := 0
			for i, name := range names {
				if out[i].OK {
					continue
				}
				out[i] = failover.Confirmation{Server: name, Address: "192.0.2.53:53", At: time.Now(), OK: s.follows(name)}
				if !out[i].OK {
					out[i].Detail = "still answers the old ones"
					open++
				}
			}
			if open == 0 {
				return out, nil
			}
			select {
			case <-ctx.Done():
				return out, fmt.Errorf("%d of %d do not follow", open, len(names))
			case <-time.After(time.Second):
			}
		}
	}
}

func (s *servers) follows(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.never[name] && !time.Now().Before(s.from[name])
}

func (s *servers) heal(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.never[name] = false
}

// last returns the newest entry of an event.
func (w *world) last(event string) failover.Entry {
	w.t.Helper()
	entries, _ := w.journal.Tail("www", 1000)
	for _, e := range slices.Backward(entries) {
		if e.Event == event {
			return e
		}
	}
	w.t.Fatalf("no entry %q\n%s", event, w.story())
	return failover.Entry{}
}

func (w *world) raised() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.alarms)
}

var (
	trigger = failover.Command{Action: failover.Trigger, Reason: "drill", By: "test"}
	restore = failover.Command{Action: failover.Restore, By: "test"}
)

func TestConfirmedSaysHowLongOldAnswersLast(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(1500 * time.Millisecond)
		w.wantZone(armed)
		arming := w.last(failover.EventConfirmed)
		until := arming.At.Add(300 * time.Second).UTC().Format(time.RFC3339)
		if !strings.Contains(arming.Message, "until "+until+" (5m0s)") {
			w.t.Errorf("after arming: %s", arming.Message)
		}
		w.after(3 * time.Second)
		w.wantZone(switched)
		// Three seconds later the zone's TTL is 30 s, but resolvers hold the originals of 300 s.
		away := w.last(failover.EventConfirmed)
		if !strings.Contains(away.Message, "until "+until+" (4m57s)") {
			w.t.Errorf("after the switch: %s", away.Message)
		}
		w.set(&w.origin, failover.Up)
		w.after(30 * time.Second)
		w.wantZone(armed)
		if back := w.last(failover.EventConfirmed); !strings.Contains(back.Message, "(30s)") {
			w.t.Errorf("after the way back: %s", back.Message)
		}
	})
}

func TestUnarmedSwitchCountsTheTTLBefore(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err != nil {
			w.t.Fatal(err)
		}
		if e := w.last(failover.EventConfirmed); !strings.Contains(e.Message, "(5m0s)") || e.Confirmations[0].After != 0 {
			w.t.Errorf("%s %+v", e.Message, e.Confirmations)
		}
	})
}

func TestProxiedNamesNeedNoConfirmation(t *testing.T) {
	play(t, func(w *world) {
		w.confirm = func(context.Context, failover.Plan) ([]failover.Confirmation, error) { return nil, nil }
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			for i := range sets {
				sets[i].Proxied = true
			}
			return sets
		})
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err != nil {
			w.t.Fatal(err)
		}
		if e := w.last(failover.EventConfirmed); !strings.Contains(e.Message, "not asked") || strings.Contains(e.Message, "until") {
			w.t.Error(e.Message)
		}
	})
}

func TestServerOutOfReachIsNoLaggard(t *testing.T) {
	play(t, func(w *world) {
		w.confirm = func(context.Context, failover.Plan) ([]failover.Confirmation, error) {
			return []failover.Confirmation{{Server: "ns1.example.org.", OK: true, At: time.Now()},
				{Server: "ns1.example.org.", Address: "[2001:db8::53]:53", Detail: "no route", At: time.Now()}}, nil
		}
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err != nil {
			w.t.Fatal(err)
		}
		if e := w.last(failover.EventConfirmed); !strings.Contains(e.Message, "all 1 ") || !strings.Contains(e.Message, "(1 cannot)") {
			w.t.Error(e.Message)
		}
		if slices.Contains(w.raised(), "lagging true") {
			w.t.Error("an alarm nobody can do anything about")
		}
	})
}

func TestLaggardIsAskedUntilItFollows(t *testing.T) {
	play(t, func(w *world) {
		ns := &servers{never: map[string]bool{"ns2": true}}
		w.confirm = ns.ask("ns1", "ns2")
		w.start()
		w.after(5 * time.Second)
		begun := time.Now()
		err := w.c.Command(w.t.Context(), "www", trigger, nil)
		if err == nil || !strings.Contains(err.Error(), "ns2 at 192.0.2.53:53: still answers") {
			w.t.Fatalf("trigger: %v", err)
		}
		if waited := time.Since(begun); waited != 2*time.Minute {
			w.t.Errorf("the operator waited for %v", waited)
		}
		w.after(time.Hour)
		if n := len(ns.asked); n < 5 || n > 20 {
			w.t.Errorf("asked %d times in an hour, want growing pauses", n)
		}
		if got := strings.Join(w.raised(), ", "); got != "lagging true" {
			w.t.Errorf("alarms: %s", got)
		}
		begun = time.Now()
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err != nil || time.Since(begun) > time.Second {
			w.t.Errorf("another command waits for the laggard: %v after %v", err, time.Since(begun))
		}
		ns.heal("ns2")
		w.after(lastPause + moment)
		e := w.last(failover.EventConfirmed)
		if len(e.Confirmations) != 2 || e.Confirmations[0].After > time.Second || e.Confirmations[1].After < time.Hour {
			w.t.Errorf("%s\n%+v", e.Message, e.Confirmations)
		}
		if got := strings.Join(w.raised(), ", "); got != "lagging true, lagging false" {
			w.t.Errorf("alarms: %s", got)
		}
	})
}

// A restart does not forget that a server had not followed yet.
func TestLaggardIsAskedAgainAfterARestart(t *testing.T) {
	play(t, func(w *world) {
		ns := &servers{never: map[string]bool{"ns2": true}}
		w.confirm = ns.ask("ns1", "ns2")
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err == nil {
			w.t.Fatal("ns2 does not follow, and trigger was done")
		}
		w.stop()
		w.mu.Lock()
		w.alarms = nil
		w.mu.Unlock()
		w.start()
		w.after(5 * time.Minute)
		if got := strings.Join(w.raised(), ", "); got != "lagging true" {
			w.t.Errorf("alarms after the restart: %s", got)
		}
		ns.heal("ns2")
		w.after(lastPause + moment)
		if e := w.last(failover.EventConfirmed); len(e.Confirmations) != 2 || !e.Confirmations[1].OK {
			w.t.Errorf("%s\n%+v", e.Message, e.Confirmations)
		}
		asked := len(ns.asked)
		w.stop()
		w.start()
		w.after(time.Hour)
		if len(ns.asked) != asked {
			w.t.Error("asked again about what was confirmed")
		}
	})
}

func TestNewPlanEndsTheAskingForTheOldOne(t *testing.T) {
	play(t, func(w *world) {
		ns := &servers{never: map[string]bool{"ns2": true}}
		w.confirm = ns.ask("ns1", "ns2")
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err == nil {
			w.t.Fatal("nobody lags")
		}
		w.after(35 * time.Second) // it is being asked again
		if err := w.c.Command(w.t.Context(), "www", restore, nil); err == nil {
			w.t.Fatal("nobody lags")
		}
		w.after(time.Minute)
		if got := strings.Join(w.raised(), ", "); got != "lagging true, lagging false, lagging true" {
			w.t.Errorf("alarms: %s", got)
		}
		ns.heal("ns2")
		w.after(2 * time.Hour)
		if got := strings.Join(w.raised(), ", "); !strings.HasSuffix(got, "lagging false") {
			w.t.Errorf("alarms: %s", got)
		}
		for _, e := range w.journal.entries["www"] {
			if e.Event == failover.EventConfirmed && strings.HasPrefix(e.Message, "plan 1:") {
				w.t.Errorf("the old plan is confirmed after the new one\n%s", w.story())
			}
		}
	})
}

// TestLaggardOfAChangeThatIsGone: somebody else's records took the place of what we wrote, so that
// no server will ever answer it.
func TestLaggardOfAChangeThatIsGone(t *testing.T) {
	play(t, func(w *world) {
		ns := &servers{never: map[string]bool{}}
		w.confirm = ns.ask("ns1", "ns2")
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err != nil {
			w.t.Fatal(err)
		}
		if err := w.c.Command(w.t.Context(), "www", restore, nil); err != nil {
			w.t.Fatal(err)
		}
		ns.mu.Lock()
		ns.never["ns2"] = true
		ns.mu.Unlock()
		w.after(4 * time.Minute) // quiet, then the original TTLs, which ns2 never gets
		w.wantZone(original)
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			sets[1] = set("www.example.org.", "A", 300, "192.0.2.99")
			return slices.DeleteFunc(sets, func(s failover.RecordSet) bool {
				return s.Name == "www.example.org." && s.Type == "A" && s.TTL == 300 && s.Records[0].Value != "192.0.2.99"
			})
		})
		w.after(time.Hour)
		if got := strings.Join(w.raised(), ", "); !strings.HasSuffix(got, "lagging false") {
			w.t.Errorf("alarms: %s\n%s", got, w.story())
		}
	})
}

func TestPanelIsAskedBesideEverything(t *testing.T) {
	play(t, func(w *world) {
		resolvers := &servers{}
		w.panel = resolvers.ask("resolver", "resolver")
		w.start()
		w.after(5 * time.Second)
		resolvers.from = map[string]time.Time{"resolver": time.Now().Add(41 * time.Second)}
		begun := time.Now()
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err != nil {
			w.t.Fatal(err)
		}
		if waited := time.Since(begun); waited > time.Second {
			w.t.Errorf("the operator waited for the panel: %v", waited)
		}
		w.after(time.Minute)
		e := w.last(failover.EventPropagated)
		if e.Message != "plan 1: all 2 resolvers of the panel answer the new records, the last one after 41s" || e.Confirmations[0].After != 41*time.Second {
			w.t.Errorf("%s\n%+v", e.Message, e.Confirmations)
		}
		if got := w.raised(); len(got) > 0 {
			w.t.Errorf("alarms: %v", got)
		}
	})
}

func TestPanelIsNotAskedBeforeTheServersFollow(t *testing.T) {
	play(t, func(w *world) {
		ns, resolvers := &servers{never: map[string]bool{"ns1": true}}, &servers{}
		w.confirm, w.panel = ns.ask("ns1"), resolvers.ask("resolver")
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err == nil {
			w.t.Fatal("nobody lags")
		}
		w.after(time.Hour)
		if len(resolvers.asked) > 0 {
			w.t.Error("the panel was asked although it can only know the old records")
		}
		ns.heal("ns1")
		w.after(lastPause + moment)
		if len(resolvers.asked) != 1 {
			w.t.Errorf("the panel was asked %d times", len(resolvers.asked))
		}
	})
}

func TestResolverThatHoldsOn(t *testing.T) {
	play(t, func(w *world) {
		resolvers := &servers{never: map[string]bool{"stubborn": true}}
		ask := resolvers.ask("resolver", "stubborn")
		w.panel = func(ctx context.Context, p failover.Plan) ([]failover.Confirmation, error) {
			ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
			defer cancel()
			return ask(ctx, p)
		}
		w.start()
		w.after(5 * time.Second)
		if err := w.c.Command(w.t.Context(), "www", trigger, nil); err != nil {
			w.t.Fatal(err)
		}
		w.after(3 * time.Hour)
		if e := w.last(failover.EventPropagated); !strings.Contains(e.Message, "1 of 2 resolvers") || !strings.Contains(e.Message, "still answers") {
			w.t.Error(e.Message)
		}
		resolvers.heal("stubborn")
		w.after(time.Hour)
		if e := w.last(failover.EventPropagated); !strings.Contains(e.Message, "all 2 resolvers") || e.Confirmations[0].After > time.Second {
			w.t.Errorf("%s\n%+v", e.Message, e.Confirmations)
		}
		if got := strings.Join(w.raised(), ", "); got != "resolver true, resolver false" {
			w.t.Errorf("alarms: %s", got)
		}
		if n := strings.Count(strings.Join(w.events(), " "), failover.EventPropagated); n != 2 {
			w.t.Errorf("%d entries, want one for those that followed and one for all\n%s", n, w.story())
		}
	})
}

func TestPanelWithoutWork(t *testing.T) {
	for _, err := range []error{nil, errors.New("misconfigured")} {
		play(t, func(w *world) {
			w.panel = func(context.Context, failover.Plan) ([]failover.Confirmation, error) { return nil, err }
			w.start()
			w.after(5 * time.Second)
			if err := w.c.Command(w.t.Context(), "www", trigger, nil); err != nil {
				w.t.Fatal(err)
			}
			w.after(time.Hour)
			if slices.Contains(w.events(), failover.EventPropagated) || len(w.raised()) > 0 {
				w.t.Errorf("%v\n%s", w.raised(), w.story())
			}
		})
	}
}

func TestStaleFor(t *testing.T) {
	proxied := set("www.example.org.", "AAAA", 900, "2001:db8::1")
	proxied.Proxied = true
	before := []failover.RecordSet{set("www.example.org.", "A", 300, "192.0.2.1"), proxied, set("www.example.org.", "HTTPS", 7200, "1 .")}
	after := []failover.RecordSet{set("www.example.org.", "A", 60, "198.51.100.7"), before[2], set("www.example.org.", "SVCB", 86400, "1 .")}
	if got := staleFor(before, after); got != 300*time.Second {
		t.Errorf("%v: only what is taken away counts, and no TTL that clients never see", got)
	}
}

func TestOneAlarmForTwoZones(t *testing.T) {
	c := New(Options{})
	r := newRunner(c, failover.Site{Name: "www"}, backup)
	other := failover.ZoneRef{Provider: "main", Zone: "example.net."}
	r.running.Zones = []failover.ZoneState{{ZoneRef: ref}, {ZoneRef: other}}
	a, b := &zoneWork{}, &zoneWork{}
	r.zones[ref], r.zones[other] = a, b
	r.complain(a, AlarmLagging, errors.New("a lags"))
	r.complain(b, AlarmLagging, errors.New("b lags"))
	r.complain(a, AlarmLagging, nil)
	if got := c.Alarms(); len(got) != 1 || got[0].Message != "b lags" {
		t.Errorf("%+v", got)
	}
	r.complain(b, AlarmLagging, nil)
	if got := c.Alarms(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}
