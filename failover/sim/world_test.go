package sim

import (
	jitter "math/rand"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failover-dns/failover/failover"
)

// refresh is the controller's time between two readings of a quiet zone.
const refresh = 2 * time.Minute

var (
	zoneA    = failover.ZoneRef{Provider: "main", Zone: "example.org."}
	zoneB    = failover.ZoneRef{Provider: "second", Zone: "example.net."}
	fallback = failover.Fallback{IPv4: []netip.Addr{netip.MustParseAddr("198.51.100.7")}}
)

// World is everything around the controllers, and the controllers.
type World struct {
	seed     uint64
	history  *History
	zones    map[failover.ZoneRef]*provider
	machines []*machine
	seldom   bool // a well origin is looked at every 12 s, not every 4 s

	mu         sync.Mutex
	sites      []failover.Site // as configured now
	fallback   failover.Fallback
	origin     map[string]float64 // site: 0 up, +Inf down, else the frequency it flaps at in Hz
	notReady   map[string]bool    // host
	cut        bool               // our own network
	references bool               // the references are well

	lives sync.WaitGroup
	ended chan struct{}
}

// world builds the world of a schedule.
func (s *schedule) world(t *testing.T) *World {
	h := &History{Sites: s.sites, Fallback: s.fallback, Seed: map[failover.ZoneRef][]failover.RecordSet{}, Secrets: []string{canary}}
	w := &World{seed: s.seed, history: h, zones: map[failover.ZoneRef]*provider{}, seldom: s.seldom,
		sites: slices.Clone(s.sites), fallback: s.fallback,
		origin: map[string]float64{}, notReady: map[string]bool{}, references: true, ended: make(chan struct{})}
	for ref, mode := range s.modes {
		sets := s.seedOf(ref)
		h.Seed[ref] = failover.CloneSets(sets)
		w.zones[ref] = &provider{w: w, ref: ref, mode: mode, sets: sets, before: sets, proxied: s.proxied[ref]}
	}
	for _, name := range []string{"", "b"}[:1+s.others] {
		m := &machine{w: w, name: name, points: map[string]int{}, downtime: 3 * time.Second}
		if m.store = newDisk(h, name); s.bolt {
			m.store = newBolt(t, h, name)
		}
		w.machines = append(w.machines, m)
		h.Machines = append(h.Machines, name)
	}
	return w
}

func (w *World) siteOf(names []string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sites {
		if slices.ContainsFunc(s.Hosts, func(h failover.Host) bool { return slices.Contains(names, h.Name) }) {
			return s.Name
		}
	}
	return ""
}

func (w *World) seesNow() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.cut
}

// config is what a process finds when it starts.
func (w *World) config() ([]failover.Site, failover.Fallback) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sites), w.fallback
}

// end stops everything and waits for it.
func (w *World) end() {
	close(w.ended)
	for _, m := range w.machines {
		if l := m.running(); l != nil {
			l.stop()
		}
	}
	w.lives.Wait()
	for _, p := range w.zones {
		p.inFlight.Wait()
	}
	for _, m := range w.machines {
		m.store.close()
	}
}

// after lets virtual time pass and what follows from it happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// play runs a story in a bubble of virtual time and returns the record.
func play(t *testing.T, s *schedule, story func(w *World)) *History {
	t.Helper()
	var h *History
	synctest.Test(t, func(t *testing.T) {
		world := s.world(t)
		//lint:ignore SA1019 the waits between attempts are drawn from the global source, by backoff; a replay needs it seeded
		jitter.Seed(int64(world.seed))
		h = world.history
		for _, m := range world.machines {
			m.start()
		}
		synctest.Wait()
		story(world)
		world.end()
	})
	return h
}
