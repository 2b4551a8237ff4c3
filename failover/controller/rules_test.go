package controller

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

func (w *world) vetoes() []string {
	w.t.Helper()
	entry, err := w.journal.Last("www")
	if err != nil {
		w.t.Fatal(err)
	}
	var rules []string
	for _, v := range entry.State.Vetoes {
		rules = append(rules, v.Rule)
	}
	return rules
}

func (w *world) wantVeto(rule string) {
	w.t.Helper()
	if !slices.Contains(w.vetoes(), rule) {
		w.t.Fatalf("vetoes are %v, want %s\n%s", w.vetoes(), rule, w.story())
	}
}

func (w *world) damage(read, write error) {
	w.zone.mu.Lock()
	defer w.zone.mu.Unlock()
	w.zone.readErr, w.zone.writeErr = read, write
}

var gone = &failover.ZoneError{Kind: failover.KindUnavailable, Op: "read", Zone: "example.org.", Err: errors.New("no route to host")}

// The provider's API is a reference too: while it has not been seen since the failure began nothing is
// decided, and once it is seen the origin is looked at once more.
func TestProviderThatIsNotSeen(t *testing.T) {
	t.Run("the origin stays down", func(t *testing.T) {
		play(t, func(w *world) {
			w.start()
			w.after(5 * time.Second)
			w.damage(gone, gone)
			w.set(&w.origin, failover.Down)
			w.after(20 * time.Minute)
			w.wantPhase(failover.Suspect)
			w.wantVeto(failover.VetoUnseen)
			if !w.told("veto true") {
				w.t.Error("nobody was told")
			}
			w.damage(nil, nil)
			w.after(2 * time.Minute) // the ladder's last step is a minute and a half
			w.wantPhase(failover.InFallback)
			w.wantZone(switched)
		})
	})
	t.Run("the origin came back meanwhile", func(t *testing.T) {
		play(t, func(w *world) {
			w.start()
			w.after(5 * time.Second)
			w.damage(gone, gone)
			w.set(&w.origin, failover.Down)
			w.after(20 * time.Minute)
			w.set(&w.origin, failover.Up)
			w.damage(nil, nil)
			w.after(10 * time.Minute)
			w.wantPhase(failover.Primary)
			w.wantZone(original)
			for _, p := range w.zone.writes {
				if p.Target == failover.ToFallback {
					w.t.Errorf("it was switched: %v", p.Changes())
				}
			}
		})
	})
	t.Run("an answer that refuses is an answer", func(t *testing.T) {
		play(t, func(w *world) {
			w.start()
			w.after(5 * time.Second)
			w.damage(&failover.ZoneError{Kind: failover.KindRateLimited, RetryAfter: time.Hour, Err: errors.New("later")}, nil)
			w.set(&w.origin, failover.Down)
			w.after(10 * time.Second)
			w.wantPhase(failover.InFallback)
		})
	})
}

// A switch that could not be made when it was decided is made later only on what is seen then.
func TestWishThatWasOvertaken(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.damage(nil, gone)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantPhase(failover.InFallback)
		w.set(&w.reference, failover.Down) // our own network goes
		w.damage(gone, gone)
		w.after(20 * time.Minute)
		w.set(&w.origin, failover.Up)
		w.damage(nil, nil) // it comes back, first to the provider
		w.after(90 * time.Second)
		w.wantZone(original)
		w.set(&w.reference, failover.Up) // then all of it
		w.after(5 * time.Minute)
		w.wantPhase(failover.Primary)
		w.wantZone(original)
	})
}

// Another controller's switch, or a late write, is undone only for an origin that is well.
func TestSwitchOfAnotherIsNotUndoneWhileTheOriginFails(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.DownAfter = 2 * time.Minute
		w.tune = func(o *Options) { o.Refresh = 10 * time.Second }
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(10 * time.Second)
		w.wantPhase(failover.Suspect)
		w.zone.edit(func([]failover.RecordSet) []failover.RecordSet {
			return []failover.RecordSet{set("www.example.org.", "A", 30, "198.51.100.7")}
		})
		w.after(time.Minute)
		w.wantPhase(failover.Suspect)
		w.wantZone(switched)
		if got := w.shown[len(w.shown)-1]; got == "nothing" {
			w.t.Error("visitors who are sent to us get nothing")
		}
		w.set(&w.origin, failover.Up)
		w.after(5 * time.Minute)
		w.wantPhase(failover.Primary)
		w.wantZone(original)
	})
}

func TestRulesBindAnOperatorUnlessOverridden(t *testing.T) {
	near := func(w *world) {
		w.site.Origin = []netip.Addr{netip.MustParseAddr("198.51.100.200")}
	}
	locked := func(w *world) { w.zone.sets[1].Locked = true }
	silent := func(w *world) { w.zone.readErr = gone }
	tests := []struct {
		name    string
		prepare func(*world)
		rule    string
		zone    string // after the override
	}{
		{"the origin's own network", near, failover.VetoNetwork, switched},
		{"a record that cannot be changed", locked, failover.VetoUnable, original},
		{"a zone that was never read", silent, failover.VetoBaseline, original},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(w *world) {
				tt.prepare(w)
				w.start()
				w.after(5 * time.Second)
				trigger := failover.Command{Action: failover.Trigger, By: "test", Reason: "drill"}
				err := w.c.Command(w.t.Context(), "www", trigger, nil)
				if !errors.Is(err, failover.ErrRefused) || !strings.Contains(err.Error(), "--override "+tt.rule) {
					w.t.Fatalf("refused with %v, want %s", err, tt.rule)
				}
				w.wantPhase(failover.Primary)
				w.set(&w.origin, failover.Down)
				w.after(20 * time.Second)
				w.wantPhase(failover.Suspect)
				w.wantVeto(tt.rule)
				trigger.Override = []string{tt.rule}
				_ = w.c.Command(w.t.Context(), "www", trigger, nil) // says what still stands in the way
				w.after(5 * time.Second)
				w.wantPhase(failover.InFallback)
				w.wantZone(tt.zone)
			})
		})
	}
}

// What would stop a switch is said while all is well.
func TestSharedNetworkIsAnAlarmFromTheStart(t *testing.T) {
	play(t, func(w *world) {
		w.site.Origin = []netip.Addr{netip.MustParseAddr("198.51.100.200")}
		w.start()
		w.after(5 * time.Second)
		if !w.told("unable true") {
			w.t.Errorf("alarms: %v", w.alarms)
		}
		list, err := w.c.Status(w.t.Context())
		if err != nil || len(list[0].Verdict.Against) != 1 || list[0].Verdict.Against[0].Rule != failover.VetoNetwork {
			w.t.Errorf("status: %+v, %v", list[0].Verdict.Against, err)
		}
		accepted := backup
		accepted.SameNetwork = true
		w.c.Set([]failover.Site{w.site}, accepted)
		w.after(5 * time.Second)
		if !w.told("unable false") {
			w.t.Errorf("alarms: %v", w.alarms)
		}
	})
}

// One alarm tells of the eyes of all sites, and it stays while any of them is blind.
func TestBlindOverOneFamily(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.Quorum6 = 1
		w.start()
		six := w.site
		six.Name = "six"
		six.Hosts = []failover.Host{{Name: "six.example.org.", Zone: "example.org.", Provider: "main"}}
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			return append(sets, set("six.example.org.", "AAAA", 300, "2001:db8::6"))
		})
		w.c.Set([]failover.Site{w.site, six}, backup)
		see := func(reference failover.Health) {
			for range 20 {
				w.c.Observe(failover.Observation{Role: failover.RoleReference, Check: "six", Address: "[2001:db8:f::1]:443", At: time.Now(), Health: reference})
				w.c.Observe(failover.Observation{Site: "six", Role: failover.RoleOrigin, Check: "front", Address: "[2001:db8::6]:443", At: time.Now(), Health: failover.Down})
				w.after(time.Second)
			}
		}
		see(failover.Down)
		if !w.told("blind true") || w.told("blind false") {
			w.t.Errorf("alarms: %v", w.alarms)
		}
		if s := w.c.State("six"); s.Phase != failover.Primary {
			w.t.Errorf("six is %s: decided by what it cannot see", s.Phase)
		}
		w.wantPhase(failover.Primary)
		see(failover.Up)
		if s := w.c.State("six"); s.Phase == failover.Primary {
			w.t.Error("six is seen to fail, and nothing was decided")
		}
		if !w.told("blind false") {
			w.t.Errorf("alarms: %v", w.alarms)
		}
	})
}

// A clock that was set makes good certificates look expired: that alone is no reason to switch.
func TestCertificateThatOnlyTheClockMakesExpired(t *testing.T) {
	tests := []struct {
		name   string
		off    time.Duration
		expiry time.Duration // of the origin's certificate, from now
		want   failover.Phase
	}{
		{"the clock was set ahead", 30 * 24 * time.Hour, -24 * time.Hour, failover.Suspect},
		{"the clock was set back", -24 * time.Hour, 60 * 24 * time.Hour, failover.Suspect},
		{"expired by any clock", time.Hour, -24 * time.Hour, failover.InFallback},
		{"the clock is right", 0, -24 * time.Hour, failover.InFallback},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(w *world) {
				w.start()
				w.after(5 * time.Second)
				w.c.noteLeap(tt.off)
				w.mu.Lock()
				w.origin, w.cause, w.expiry = failover.Down, failover.CauseTLSExpired, time.Now().Add(tt.expiry)
				w.mu.Unlock()
				w.after(15 * time.Second)
				w.wantPhase(tt.want)
				if tt.want == failover.Suspect {
					w.wantVeto(failover.VetoClock)
				}
				if told := w.told("clock true"); told != (tt.off != 0) {
					w.t.Errorf("told of the clock: %v", told)
				}
				w.c.mu.Lock()
				w.c.clock.last = time.Now().Add(-distrust - time.Second) // a day later
				w.c.mu.Unlock()
				w.after(5 * time.Second)
				w.wantPhase(failover.InFallback)
			})
		})
	}
}

// Somebody's comment on a record that is armed comes back as it is now, not as it was when it was armed.
func TestCommentsAreThoseOfNowAlsoWhileArmed(t *testing.T) {
	play(t, func(w *world) {
		w.site.Policy.Armed = true
		w.start()
		w.after(10 * time.Second)
		w.wantZone(armed)
		w.zone.edit(func(sets []failover.RecordSet) []failover.RecordSet {
			sets = failover.CloneSets(sets)
			for i := range sets {
				for k := range sets[i].Records {
					sets[i].Records[k].Opaque = []byte(`"edited"`)
				}
			}
			return sets
		})
		w.set(&w.origin, failover.Down)
		w.after(time.Minute)
		w.wantZone(switched)
		w.set(&w.origin, failover.Up)
		w.after(10 * time.Minute)
		w.wantZone(armed)
		for _, s := range failover.Select(w.zone.dump(), []string{"www.example.org."}) {
			for _, r := range s.Records {
				if string(r.Opaque) != `"edited"` {
					w.t.Errorf("%s %s came back with %s", s.Key(), r.Value, r.Opaque)
				}
			}
		}
	})
}

// A certificate of ours that ends and cannot be renewed is told of while the site is still ready.
func TestCertificateThatCannotBeRenewedIsAnAlarm(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.mu.Lock()
		w.warning = "the certificate ends at 2030-01-01T00:00:00Z: the CA does not answer"
		w.mu.Unlock()
		w.after(5 * time.Second)
		if !w.told("certificate true") || w.told("fallback true") {
			w.t.Errorf("alarms: %v", w.alarms)
		}
		w.mu.Lock()
		w.warning = ""
		w.mu.Unlock()
		w.after(5 * time.Second)
		if !w.told("certificate false") {
			w.t.Errorf("alarms: %v", w.alarms)
		}
	})
}
