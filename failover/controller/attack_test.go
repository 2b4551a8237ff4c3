package controller

import (
	"context"
	"strings"
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
