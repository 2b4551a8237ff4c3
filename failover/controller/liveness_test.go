package controller

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// One question for all: hundreds of sites that fail at once at one provider cost few calls before the switch.
func TestManySitesAskOnce(t *testing.T) {
	play(t, func(w *world) {
		const many = 100
		zone := &reading{fakeZone: w.zone, read: func(context.Context, int) error { time.Sleep(200 * time.Millisecond); return nil }}
		w.by(zone)
		w.site.Policy.DownAfter = 20 * time.Second
		sites := []failover.Site{w.site}
		for i := range many {
			s := w.site
			s.Name, s.Hosts = fmt.Sprint("s", i), []failover.Host{{Name: fmt.Sprintf("s%d.example.org.", i), Zone: "example.org.", Provider: "main"}}
			sites = append(sites, s)
			w.zone.sets = append(w.zone.sets, set(s.Hosts[0].Name, "A", 300, "192.0.2.1"))
		}
		w.start()
		w.c.Set(sites, backup)
		look := func(h failover.Health) {
			for _, s := range sites[1:] {
				own := w.look()
				own.Site, own.Check = s.Name, s.Hosts[0].Name
				w.c.Observe(own)
				w.c.Observe(failover.Observation{Site: s.Name, Role: failover.RoleOrigin, Check: "front", Address: "192.0.2.1:443", At: time.Now(), Health: h, Cause: failover.CauseRefused})
			}
			w.after(time.Second)
		}
		for range 5 {
			look(failover.Up)
		}
		w.after(time.Minute)
		zone.mu.Lock()
		zone.n = 0
		zone.mu.Unlock()
		w.set(&w.origin, failover.Down)
		for range 18 {
			look(failover.Down)
		}
		zone.mu.Lock()
		asked := zone.n
		zone.mu.Unlock()
		for range 60 {
			look(failover.Down)
		}
		switched := 0
		for _, s := range sites {
			if z := w.c.State(s.Name).Zones[0]; z.Applied == failover.ToFallback {
				switched++
			}
		}
		if asked > len(sites) || switched != len(sites) { // TTLs are lowered until it is a mass failure, at half of the sites
			t.Errorf("%d calls ahead, %d of %d switched", asked, switched, len(sites))
		}
	})
}

// References that come and go do not keep a dead origin's site from being switched.
func TestReferencesThatFlap(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
		play(t, func(w *world) {
			w.start()
			w.after(5 * time.Second)
			w.set(&w.origin, failover.Down)
			for i := range 20 {
				w.set(&w.reference, map[bool]failover.Health{true: failover.Up, false: failover.Down}[i%2 == 0])
				w.after(every)
			}
			w.wantPhase(failover.InFallback)
			w.wantZone(switched)
		})
	}
}
