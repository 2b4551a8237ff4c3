package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// chaos is how long faults go on in a random schedule.
const chaos = 25 * time.Minute

// event is one thing that a schedule does.
type event struct {
	at time.Duration
	do func(w *World)
}

// schedule is all that happens in a run, drawn from a seed before it begins.
type schedule struct {
	rng    *rand.Rand
	sites  []failover.Site
	modes  map[failover.ZoneRef]string
	events []event
	down   map[string]bool // origins that stay down at the end
}

// draw makes the schedule of a seed.
func draw(seed uint64) *schedule {
	s := &schedule{rng: rand.New(rand.NewPCG(seed, 3)), modes: map[failover.ZoneRef]string{}, down: map[string]bool{}}
	refs := []failover.ZoneRef{zoneA, zoneB}[:1+s.rng.IntN(2)]
	for _, ref := range refs {
		s.modes[ref] = []string{guarded, batch, steps}[s.rng.IntN(3)]
	}
	for i := range 1 + s.rng.IntN(3) {
		s.sites = append(s.sites, s.site(i, refs))
	}
	s.origins()
	s.providers(refs)
	s.surroundings()
	if s.maybe(0.5) {
		s.people(refs)
	}
	if s.maybe(0.4) {
		s.operators()
	}
	s.heal(refs)
	slices.SortStableFunc(s.events, func(a, b event) int { return int(a.at - b.at) })
	return s
}

func (s *schedule) maybe(p float64) bool { return s.rng.Float64() < p }

func (s *schedule) at(t time.Duration, do func(*World)) { s.events = append(s.events, event{t, do}) }

// some returns a time within the chaos.
func (s *schedule) some() time.Duration { return 10*time.Second + upTo(s.rng, chaos-10*time.Second) }

// length is mostly short and sometimes long.
func (s *schedule) length() time.Duration {
	return time.Second + time.Duration(math.Exp(s.rng.Float64()*6.5)*float64(time.Second))
}

func (s *schedule) site(i int, refs []failover.ZoneRef) failover.Site {
	name := fmt.Sprintf("site%d", i)
	site := failover.Site{Name: name, Origin: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(10*i + 1)})}, TTL: failover.TTL{Armed: 30},
		Policy: failover.Policy{DownAfter: 10 * time.Second, UpAfter: 30 * time.Second, Dwell: time.Minute, Quiet: 3 * time.Minute,
			Fresh: 15 * time.Second, FallbackFresh: 3 * time.Minute, Addresses: 1, Quorum: 2,
			ManualRecovery: s.maybe(0.1), MaxFailovers: []int{0, 3, 6}[s.rng.IntN(3)]}}
	for k, ref := range refs {
		if k == 0 || s.maybe(0.5) {
			site.Hosts = append(site.Hosts, failover.Host{Name: name + "." + ref.Zone, Zone: ref.Zone, Provider: ref.Provider})
		}
	}
	if s.maybe(0.3) {
		site.Hosts = append(site.Hosts, failover.Host{Name: "www." + name + "." + refs[0].Zone, Zone: refs[0].Zone, Provider: refs[0].Provider})
	}
	site.Policy.Hosts = len(site.Hosts)
	return site
}

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
		s.at(begin, func(w *World) { w.disk.setFault(fault) })
		s.at(min(begin+s.length(), chaos), func(w *World) { w.disk.setFault(nil) })
	}
	for range s.rng.IntN(4) {
		hard := s.maybe(0.7)
		s.at(s.some(), func(w *World) {
			if l := w.running(); l != nil && hard {
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

// people and their programs edit the zone.
func (s *schedule) people(refs []failover.ZoneRef) {
	for i := range 1 + s.rng.IntN(4) {
		site := s.sites[s.rng.IntN(len(s.sites))]
		host := site.Hosts[s.rng.IntN(len(site.Hosts))]
		ref := failover.ZoneRef{Provider: host.Provider, Zone: host.Zone}
		kind, begin := s.rng.IntN(5), s.some()
		if kind == 4 { // terraform apply every minute
			for k := range 1 + s.rng.IntN(6) {
				s.at(min(begin+time.Duration(k)*time.Minute, chaos), func(w *World) { w.reapply(ref, host.Name) })
			}
			continue
		}
		s.at(begin, func(w *World) { w.byHand(ref, host.Name, kind, i) })
	}
}

// byHand is one edit of a human.
func (w *World) byHand(ref failover.ZoneRef, host string, kind, nth int) {
	value := fmt.Sprintf("203.0.113.%d", 10+nth)
	w.zones[ref].edit(human, "", func(sets []failover.RecordSet) []failover.RecordSet {
		at := func(rrtype string) int {
			return slices.IndexFunc(sets, func(s failover.RecordSet) bool { return s.Name == host && s.Type == rrtype })
		}
		switch i, k := at("A"), at("AAAA"); {
		case kind == 0 && i >= 0: // a third value
			sets[i] = set(host, "A", 300, value)
		case kind == 1 && i >= 0: // TTL alone
			sets[i].TTL = 900
		case kind == 2 && k >= 0 && i >= 0: // delete
			sets = slices.Delete(sets, k, k+1)
		case kind == 3 && k < 0: // a new AAAA
			sets = append(sets, set(host, "AAAA", 300, fmt.Sprintf("2001:db8::ff%d", nth)))
		}
		return sets
	})
}

// reapply is Terraform's work: the host is as it was first.
func (w *World) reapply(ref failover.ZoneRef, host string) {
	w.zones[ref].edit(terraform, "", func(sets []failover.RecordSet) []failover.RecordSet {
		sets = slices.DeleteFunc(sets, func(s failover.RecordSet) bool { return s.Name == host && failover.Managed(s.Type) })
		return append(sets, failover.Select(w.history.Seed[ref], []string{host})...)
	})
}

// operators do what they think is right.
func (s *schedule) operators() {
	for range 1 + s.rng.IntN(4) {
		site := s.sites[s.rng.IntN(len(s.sites))].Name
		word := failover.Command{By: "operator", Reason: "drawn", Force: s.maybe(0.3),
			Action: []failover.Action{failover.Trigger, failover.Restore, failover.Hold, failover.Release}[s.rng.IntN(4)]}
		s.at(s.some(), func(w *World) { w.command(site, word) })
	}
}

// heal ends all faults.
func (s *schedule) heal(refs []failover.ZoneRef) {
	s.at(chaos, func(w *World) {
		for _, ref := range refs {
			w.setFaults(ref, trouble{})
		}
		w.setSees(false, true)
		w.disk.setFault(nil)
		w.setKill("", 0)
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
	p := s.sites[0].Policy
	wait := 90*time.Second + 2*time.Minute + 2*time.Minute + max(p.DownAfter, p.UpAfter) + 2*p.Dwell + p.Quiet + 2*refresh + time.Minute
	longest := time.Duration(0)
	for _, z := range w.zones {
		z.mu.Lock()
		longest = max(longest, time.Until(z.blocked))
		z.mu.Unlock()
	}
	return wait + longest
}

// settle is a human who answers everything that waits: origins are repaired, holds released, and
// what is not as it should be is put back by force.
func (s *schedule) settle(w *World) {
	for _, site := range s.sites {
		w.setOrigin(site.Name, 0)
		w.command(site.Name, failover.Command{Action: failover.Release, By: "operator"})
	}
	after(3 * time.Minute)
	for _, site := range s.sites {
		w.command(site.Name, failover.Command{Action: failover.Restore, Force: true, By: "operator"})
	}
	after(5*time.Minute + s.sites[0].Policy.Quiet + 2*refresh)
}

// upTo draws a time below d.
func upTo(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }
