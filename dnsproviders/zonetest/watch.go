package zonetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/failover-dns/failover/failover"
)

// watcher dumps the zone over and over while a plan is applied, and notes what must never be seen.
type watcher struct {
	done    chan struct{}
	end     func() // closes done, once
	wait    sync.WaitGroup
	looks   int
	trouble []string
}

// watch starts a watcher. A name of the plan must always have an address; where the provider is
// atomic the managed sets must always be exactly Before or exactly After.
func watch(t *testing.T, b Backend, p failover.Plan) *watcher {
	t.Helper()
	w := &watcher{done: make(chan struct{})}
	w.end = sync.OnceFunc(func() { close(w.done) })
	atomic := b.Zone.Abilities().Atomic
	first := make(chan struct{})
	w.wait.Go(func() {
		for {
			w.look(b, p, atomic)
			if w.looks == 1 {
				close(first)
			}
			select {
			case <-w.done:
				return
			default:
			}
		}
	})
	t.Cleanup(func() { w.end(); w.wait.Wait() }) // also when the test ends early
	<-first
	return w
}

func (w *watcher) look(b Backend, p failover.Plan, atomic bool) {
	w.looks++
	if len(w.trouble) > 3 {
		return
	}
	whole, err := b.Dump()
	if err != nil {
		w.trouble = append(w.trouble, fmt.Sprintf("dump: %v", err))
		return
	}
	sets := failover.Select(whole, p.Names)
	for _, name := range p.Names {
		if !slices.ContainsFunc(sets, func(s failover.RecordSet) bool { return s.Name == name && address(s) }) {
			w.trouble = append(w.trouble, fmt.Sprintf("%s was without an address: %v", name, sets))
		}
	}
	if atomic && !failover.SameSets(sets, p.Before) && !failover.SameSets(sets, p.After) {
		w.trouble = append(w.trouble, fmt.Sprintf("neither before nor after: %v", sets))
	}
}

// stop ends the watcher and reports what it saw.
func (w *watcher) stop(t *testing.T) {
	t.Helper()
	w.end()
	w.wait.Wait()
	for _, s := range w.trouble {
		t.Error(s)
	}
}

func address(s failover.RecordSet) bool {
	return len(s.Records) > 0 && (s.Type == "A" || s.Type == "AAAA" || s.Type == "CNAME")
}
