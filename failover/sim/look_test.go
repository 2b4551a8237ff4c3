package sim

import (
	"context"
	"math"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/controller"
)

// tick is the time between two looks at an origin that is not well, and at the references.
const tick = 4 * time.Second

// watch is the prober: references every tick, an origin that is well every tick or every third one,
// our own server once a minute.
func (w *World) watch(ctx context.Context, l *life) {
	if l.m.name != "" && pause(ctx, 2*time.Second+place(l.m.name)) != nil { // never at the same instant as the first
		return
	}
	well := map[string]bool{}
	for n := 0; ; n++ {
		sites, _ := w.config()
		w.observeReferences(l.c)
		if n%15 == 0 {
			for _, s := range sites {
				for _, o := range w.lookAtFallback(s) {
					l.c.Observe(o)
				}
			}
		}
		for _, s := range sites {
			if w.seldom && well[s.Name] && n%3 != 0 {
				continue
			}
			if pause(ctx, time.Millisecond+place(s.Name)) != nil {
				return
			}
			o := w.lookAtOrigin(s)
			well[s.Name] = o.Health == failover.Up
			l.c.Observe(o)
		}
		if pause(ctx, tick) != nil {
			return
		}
	}
}

func (w *World) observeReferences(c *controller.Controller) {
	w.mu.Lock()
	well := w.references && !w.cut
	w.mu.Unlock()
	for _, address := range []string{"203.0.113.1:443", "203.0.113.2:443", "203.0.113.3:443"} {
		c.Observe(failover.Observation{Role: failover.RoleReference, Check: "tcp", Address: address, At: time.Now(), Health: health(well)})
	}
}

func (w *World) lookAtOrigin(s failover.Site) failover.Observation {
	w.mu.Lock()
	well := !w.cut && wellAt(w.origin[s.Name], time.Now())
	w.mu.Unlock()
	o := failover.Observation{Site: s.Name, Role: failover.RoleOrigin, Check: "front", Address: s.Origin[0].String() + ":443", At: time.Now(), Health: health(well)}
	if !well {
		o.Cause, o.Detail = failover.CauseRefused, "connection refused"
	}
	return o
}

// wellAt tells whether an origin that flaps at hz is up at t.
func wellAt(hz float64, t time.Time) bool {
	switch {
	case hz == 0:
		return true
	case math.IsInf(hz, 1):
		return false
	}
	_, part := math.Modf(float64(t.UnixMilli()%1e8) / 1000 * hz)
	return part < 0.5
}

func (w *World) lookAtFallback(s failover.Site) []failover.Observation {
	w.mu.Lock()
	defer w.mu.Unlock()
	var seen []failover.Observation
	for _, h := range s.Hosts {
		seen = append(seen, failover.Observation{Site: s.Name, Role: failover.RoleFallback, Check: h.Name, Address: "198.51.100.7:443",
			At: time.Now(), Health: health(!w.cut && !w.notReady[h.Name]), Detail: "as the world has it"})
	}
	return seen
}

func health(well bool) failover.Health {
	if well {
		return failover.Up
	}
	return failover.Down
}
