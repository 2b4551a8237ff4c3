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
	seed     uint64
	rng      *rand.Rand
	sites    []failover.Site
	fallback failover.Fallback
	modes    map[failover.ZoneRef]string
	proxied  map[failover.ZoneRef]bool // zones whose provider has a proxy
	kinds    map[string][]string       // host: what is special about its records
	seldom   bool                      // see World
	others   int                       // further machines, each with a controller of its own
	bolt     bool                      // journals are real files
	edited   bool                      // people edit the zones
	events   []event
	down     map[string]bool // origins that stay down at the end
}

func newSchedule(seed uint64) *schedule {
	return &schedule{seed: seed, rng: rand.New(rand.NewPCG(seed, 3)), fallback: fallback, modes: map[failover.ZoneRef]string{},
		proxied: map[failover.ZoneRef]bool{}, kinds: map[string][]string{}, down: map[string]bool{}}
}

// Versions of drawing. A seed goes on to mean what it meant when it found something, because what
// later versions add is drawn from a source of its own.
const (
	plain = 1 // one machine, A and AAAA, an IPv4 fallback, one configuration
	rich  = 2 // with all that draw_test.go adds
)

// draw makes the schedule of a seed.
func draw(seed uint64, version int) *schedule {
	s := newSchedule(seed)
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
	if s.edited = s.maybe(0.5); s.edited {
		s.people(refs)
	}
	if s.maybe(0.4) {
		s.operators()
	}
	if version >= rich {
		s.rng = rand.New(rand.NewPCG(seed, 4))
		s.enrich(refs)
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

// upTo draws a time below d.
func upTo(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }

func (s *schedule) site(i int, refs []failover.ZoneRef) failover.Site {
	name := fmt.Sprintf("site%d", i)
	site := plainSite(name, byte(10*i+1))
	site.Policy.ManualRecovery, site.Policy.MaxFailovers = s.maybe(0.1), []int{0, 3, 6}[s.rng.IntN(3)]
	for k, ref := range refs {
		if k == 0 || s.maybe(0.5) {
			site.Hosts = append(site.Hosts, hostIn(ref, name+"."))
		}
	}
	if s.maybe(0.3) {
		site.Hosts = append(site.Hosts, hostIn(refs[0], "www."+name+"."))
	}
	site.Policy.Hosts = len(site.Hosts)
	return site
}

// plainSite is a site without hosts.
func plainSite(name string, last byte) failover.Site {
	return failover.Site{Name: name, Origin: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, last})}, TTL: failover.TTL{Armed: 30},
		Checks: []failover.Check{{Name: "front", Header: map[string]string{"Authorization": "Bearer " + canary}}},
		Policy: failover.Policy{DownAfter: 10 * time.Second, UpAfter: 30 * time.Second, Dwell: time.Minute, Quiet: 3 * time.Minute,
			Fresh: 15 * time.Second, FallbackFresh: 3 * time.Minute, Addresses: 1, Quorum: 2}}
}

func hostIn(ref failover.ZoneRef, prefix string) failover.Host {
	return failover.Host{Name: prefix + ref.Zone, Zone: ref.Zone, Provider: ref.Provider}
}
