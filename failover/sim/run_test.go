package sim

import (
	"math"
	"time"

	"github.com/failover-dns/failover/failover"
)

// heal ends all faults.
func (s *schedule) heal(refs []failover.ZoneRef) {
	s.at(chaos, func(w *World) {
		for _, ref := range refs {
			w.setFaults(ref, trouble{})
		}
		w.setSees(false, true)
		w.setDisk(nil)
		w.setKill("", 0)
		for _, m := range w.machines {
			w.setStall(m, "", 0)
		}
		for _, site := range s.sites {
			hz := 0.0
			if s.down[site.Name] {
				hz = math.Inf(1)
			}
			w.setOrigin(site.Name, hz)
			for _, h := range site.Hosts {
				w.setReady(h.Name, true)
			}
		}
	})
}

// run plays a schedule.
func (s *schedule) run(w *World) {
	begin := time.Now()
	for _, e := range s.events {
		if wait := e.at - time.Since(begin); wait > 0 {
			after(wait)
		}
		e.do(w)
	}
	after(s.rest(w))
	w.final(false)
	s.settle(w)
	w.final(true)
}

// rest is how long it may take until everything is as it should be: what a provider asked to wait
// for, the longest step of the ladder, stale looks, late writes, detection, dwell, quiet time, and
// the next reading of a zone that was believed to be well.
func (s *schedule) rest(w *World) time.Duration {
	longest := time.Duration(0)
	sites, _ := w.config()
	for _, site := range sites {
		p := site.Policy
		longest = max(longest, max(p.DownAfter, p.UpAfter)+2*p.Dwell+p.Quiet)
	}
	if len(w.machines) > 1 {
		longest += longestStall
	}
	longest += 90*time.Second + 2*time.Minute + 2*time.Minute + 2*refresh + time.Minute
	blocked := time.Duration(0)
	for _, z := range w.zones {
		z.mu.Lock()
		blocked = max(blocked, time.Until(z.blocked))
		z.mu.Unlock()
	}
	return longest + blocked
}

// settle is a human who answers everything that waits: origins are repaired, holds released, and
// what is not as it should be is put back by force.
func (s *schedule) settle(w *World) {
	sites, _ := w.config()
	quiet := time.Duration(0)
	for _, site := range sites {
		quiet = max(quiet, site.Policy.Quiet)
		w.setOrigin(site.Name, 0)
		s.everywhere(w, site.Name, failover.Command{Action: failover.Release, By: "operator"})
	}
	after(3 * time.Minute)
	for _, site := range sites {
		s.everywhere(w, site.Name, failover.Command{Action: failover.Restore, Force: true, By: "operator"})
	}
	after(5*time.Minute + quiet + 2*refresh)
}

func (s *schedule) everywhere(w *World, site string, word failover.Command) {
	for _, m := range w.machines {
		w.command(m, site, word)
	}
}
