package sim

import (
	"math"
	"time"

	"github.com/failover-dns/failover/failover"
)

// origins die, flap and recover.
func (s *schedule) origins() {
	for _, site := range s.sites {
		name := site.Name
		for range 1 + s.rng.IntN(4) {
			begin := s.some()
			hz := math.Inf(1)
			if s.maybe(0.3) {
				hz = 0.1 * math.Pow(100, s.rng.Float64()) // 0.1 to 10 Hz
			}
			s.at(begin, func(w *World) { w.setOrigin(name, hz) })
			s.at(min(begin+s.length(), chaos), func(w *World) { w.setOrigin(name, 0) })
		}
		if s.maybe(0.2) {
			s.down[name] = true
		}
	}
}

// providers have hours of all kinds.
func (s *schedule) providers(refs []failover.ZoneRef) {
	for _, ref := range refs {
		for range s.rng.IntN(5) {
			begin, f := s.some(), s.trouble(s.modes[ref])
			s.at(begin, func(w *World) { w.setFaults(ref, f) })
			s.at(min(begin+s.length(), chaos), func(w *World) { w.setFaults(ref, trouble{}) })
		}
	}
}

// trouble draws what a provider does for a while. Writes that come late are drawn only where the
// provider guards them: nobody can guard them from outside.
func (s *schedule) trouble(mode string) trouble {
	p := []float64{0.3, 0.7, 1}[s.rng.IntN(3)]
	f := trouble{retryAfter: []time.Duration{time.Second, 30 * time.Second, 5 * time.Minute}[s.rng.IntN(3)]}
	switch s.rng.IntN(8) {
	case 0:
		f.unavailable = p
	case 1:
		f.limited = p
	case 2:
		f.hang = p
	case 3:
		f.lost = p
	case 4:
		f.slow = p
	case 5:
		f.stale = 120 * time.Second
	case 6:
		f.half, f.lost = p, 0.2
	case 7:
		f = trouble{unavailable: 0.2, limited: 0.05, hang: 0.1, lost: 0.2, slow: 0.2, half: 0.2, stale: 30 * time.Second, retryAfter: f.retryAfter}
	}
	if mode == guarded && s.maybe(0.2) {
		f.late = 0.5
	}
	return f
}

// surroundings: our network, our own server, the disk, the process.
func (s *schedule) surroundings() {
	for range s.rng.IntN(3) {
		begin, cut := s.some(), s.maybe(0.5)
		s.at(begin, func(w *World) { w.setSees(cut, false) })
		s.at(min(begin+s.length(), chaos), func(w *World) { w.setSees(false, true) })
	}
	for range s.rng.IntN(3) {
		site := s.sites[s.rng.IntN(len(s.sites))]
		host := site.Hosts[s.rng.IntN(len(site.Hosts))].Name
		begin := s.some()
		s.at(begin, func(w *World) { w.setReady(host, false) })
		s.at(min(begin+s.length(), chaos), func(w *World) { w.setReady(host, true) })
	}
	for range s.rng.IntN(3) {
		begin, fault := s.some(), []error{errNoSpace, errDisk}[s.rng.IntN(2)]
		s.at(begin, func(w *World) { w.setDisk(fault) })
		s.at(min(begin+s.length(), chaos), func(w *World) { w.setDisk(nil) })
	}
	for range s.rng.IntN(4) {
		hard := s.maybe(0.7)
		s.at(s.some(), func(w *World) {
			if l := w.machines[0].running(); l != nil && hard {
				l.kill("at random")
			} else if l != nil {
				l.stop()
			}
		})
	}
	if s.maybe(0.5) {
		s.killPoint()
	}
}

// killPoint lets the process die at a named step.
func (s *schedule) killPoint() {
	points := []string{"append.before plan", "append.after plan", "replace.before", "replace.half", "replace.after", "append.before applied",
		"append.after applied", "append.before phase", "append.after phase", "append.before unknown", "append.before baseline", "append.after baseline", "read"}
	point, nth := points[s.rng.IntN(len(points))], 1+s.rng.IntN(6)
	s.at(0, func(w *World) { w.setKill(point, nth) })
}
