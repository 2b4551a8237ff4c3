package sim

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failover-dns/failover/dnsproviders"
	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/controller"
)

// machine is where a controller runs, with a journal of its own.
type machine struct {
	w        *World
	name     string // "" for the first
	store    store
	downtime time.Duration // between a death and the next start

	// w.mu guards the rest.
	killAt   string // kill the process at this point ...
	killNth  int    // ... when it comes by for this time, counted from 1
	stallAt  string // whoever comes to this point ...
	stallFor time.Duration
	points   map[string]int // how often the process came by
	life     *life          // nil while none runs
}

// life is one run of the process.
type life struct {
	m    *machine
	c    *controller.Controller
	dead atomic.Bool
	stop context.CancelFunc
}

// start runs processes, one after the other, until the world ends.
func (m *machine) start() {
	m.w.lives.Go(func() {
		for {
			select {
			case <-m.w.ended:
				return
			default:
			}
			m.live()
			select {
			case <-m.w.ended:
				return
			case <-time.After(m.downtime):
			}
		}
	})
}

// live is one process from its start to its death.
func (m *machine) live() {
	w := m.w
	ctx, cancel := context.WithCancel(context.Background())
	l := &life{m: m, stop: cancel}
	l.c = controller.New(l.options())
	l.c.Set(w.config())
	w.history.add(Fact{What: factBorn, Who: m.name})
	w.mu.Lock()
	m.life = l
	w.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { l.c.Run(ctx) })
	wg.Go(func() { w.watch(ctx, l) })
	wg.Wait()
	w.history.add(Fact{What: factDied, Who: m.name})
	m.store.crash(w.dice("ghost"+m.name).IntN(2) == 0)
	w.mu.Lock()
	m.life = nil
	w.mu.Unlock()
}

func (l *life) options() controller.Options {
	w := l.m.w
	return controller.Options{
		Journal: l.m.store.journal(l),
		Zone: func(ref failover.ZoneRef) (failover.Zone, error) {
			return dnsproviders.Careful(conn{w.zones[ref], l}, dnsproviders.CarefulOptions{}), nil
		},
		Confirm: func(ctx context.Context, p failover.Plan) ([]failover.Confirmation, error) {
			if err := pause(ctx, time.Second+place(l.m.name+p.Site+p.Zone)); err != nil {
				return nil, err
			}
			return []failover.Confirmation{{Server: "ns1." + p.Zone, OK: true, At: time.Now()}}, nil
		},
		Publish: func(site failover.Site, _ failover.State, serving bool) error {
			if !l.dead.Load() {
				w.history.add(Fact{What: factPublish, Who: l.m.name, Site: site.Name, OK: serving})
			}
			return nil
		},
		Look: func(ctx context.Context, site failover.Site) []failover.Observation {
			if pause(ctx, place(l.m.name+"look"+site.Name)) != nil {
				return nil
			}
			return w.lookAtFallback(site)
		},
		Alarm: func(a controller.Alarm) {
			w.history.add(Fact{What: factAlarm, Who: l.m.name, Site: a.Site, OK: !a.Active, Note: a.Name + ": " + a.Message})
		},
		Log:     slog.New(slog.NewJSONHandler(&w.history.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Refresh: refresh,
	}
}

// point is a place where the process may be killed or stalled. After a kill nothing it does takes
// effect.
func (l *life) point(name string) error {
	if l.dead.Load() {
		return errDead
	}
	m := l.m
	m.w.mu.Lock()
	m.points[name]++
	die := name == m.killAt && m.points[name] == m.killNth
	stall := time.Duration(0)
	if name == m.stallAt {
		stall, m.stallAt = m.stallFor, ""
	}
	m.w.mu.Unlock()
	if die {
		l.kill("at " + name)
		return errDead
	}
	if stall > 0 {
		m.w.history.add(Fact{What: factFault, Who: m.name, Note: "stalled at " + name + " for " + stall.String()})
		time.Sleep(stall)
		if l.dead.Load() {
			return errDead
		}
	}
	return nil
}

func (l *life) kill(why string) {
	l.dead.Store(true)
	l.m.w.history.add(Fact{What: factFault, Who: l.m.name, Note: "killed " + why})
	l.stop()
}

// running returns the process that runs now, or nil.
func (m *machine) running() *life {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	return m.life
}
