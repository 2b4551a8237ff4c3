package sim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// setKill lets the process of the first machine die at a named step.
func (w *World) setKill(point string, nth int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.machines[0].killAt, w.machines[0].killNth = point, nth
}

// setStall lets whoever next comes to a named step on the machine stand still there.
func (w *World) setStall(m *machine, point string, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m.stallAt, m.stallFor = point, d
}

func (w *World) setOrigin(site string, hz float64) {
	w.mu.Lock()
	w.origin[site] = hz
	w.mu.Unlock()
	w.history.add(Fact{What: factOrigin, Site: site, OK: hz == 0, Flaps: hz != 0 && !math.IsInf(hz, 1), Note: fmt.Sprintf("flaps at %v Hz", hz)})
}

func (w *World) setSees(cut, references bool) {
	w.mu.Lock()
	w.cut, w.references = cut, references
	w.mu.Unlock()
	w.history.add(Fact{What: factSees, OK: !cut && references})
}

func (w *World) setReady(host string, ready bool) {
	w.mu.Lock()
	w.notReady[host] = !ready
	w.mu.Unlock()
	w.history.add(Fact{What: factReady, Host: host, OK: ready})
}

func (w *World) setFaults(ref failover.ZoneRef, f trouble) {
	p := w.zones[ref]
	p.mu.Lock()
	p.faults = f
	p.mu.Unlock()
	w.history.add(Fact{What: factFault, Note: fmt.Sprintf("%s %+v", ref.Zone, f)})
}

func (w *World) setDisk(fault error) {
	for _, m := range w.machines {
		m.store.setFault(fault)
	}
}

// command hands an operator's word to the process that runs on the machine and waits for its end
// beside the caller.
func (w *World) command(m *machine, site string, word failover.Command) {
	l := m.running()
	if l == nil {
		return
	}
	w.lives.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		w.history.add(Fact{What: factWord, Who: m.name, Site: site, Note: fmt.Sprintf("%s force=%v", word.Action, word.Force)})
		err := l.c.Command(ctx, site, word, nil)
		if err != nil {
			w.history.add(Fact{What: factFault, Who: m.name, Note: fmt.Sprintf("%s %s: %v", word.Action, site, err)})
		}
		if errors.Is(err, failover.ErrRefused) {
			w.history.add(Fact{What: factFault, Who: m.name, Note: "refused"})
		}
	})
}

// reload gives the first machine another configuration, as `failover run` does it: all or nothing.
// Who wrote a configuration that is refused puts the old one back.
func (w *World) reload(what string, change func(sites []failover.Site, f failover.Fallback) ([]failover.Site, failover.Fallback)) {
	sites, old := w.config()
	sites, fallback := change(sites, old)
	m := w.machines[0]
	l := m.running()
	if l == nil || l.point("reload.before") != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w.history.add(Fact{What: factFault, Note: "reload: " + what})
	for _, site := range w.history.Sites { // each may ask its provider, who may have said to wait
		w.history.add(Fact{What: factWord, Who: m.name, Site: site.Name, Note: "reload"})
	}
	if err := l.c.Ready(ctx, sites); err != nil {
		w.history.add(Fact{What: factFault, Note: "reload refused: " + err.Error()})
		return
	}
	if l.point("reload.ready") != nil {
		return
	}
	w.mu.Lock()
	w.sites, w.fallback = sites, fallback
	w.mu.Unlock()
	w.history.add(Fact{What: factReload, Sites: slices.Clone(sites), Fallback: fallback, Note: what})
	l.c.Set(sites, fallback)
	l.c.KeepReferences(nil)
	_ = l.point("reload.after")
}

// final records how every site stands, on every machine.
func (w *World) final(settled bool) {
	for _, m := range w.machines {
		l := m.running()
		if l == nil {
			w.history.add(Fact{What: factFault, Who: m.name, Note: "no process runs at the end"})
			continue
		}
		list, _ := l.c.Status(context.Background())
		for _, status := range list {
			w.mu.Lock()
			f := Final{Status: status, Alarms: l.c.Alarms(), OriginUp: w.origin[status.Site] == 0, Settled: settled}
			w.mu.Unlock()
			w.history.add(Fact{What: factFinal, Who: m.name, Final: &f})
		}
	}
}
