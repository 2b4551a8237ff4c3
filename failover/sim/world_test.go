package sim

import (
	"context"
	"errors"
	"fmt"
	"math"
	jitter "math/rand"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failover-dns/failover/dnsproviders"
	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/controller"
)

// refresh is the controller's time between two readings of a quiet zone.
const refresh = 2 * time.Minute

var (
	zoneA    = failover.ZoneRef{Provider: "main", Zone: "example.org."}
	zoneB    = failover.ZoneRef{Provider: "second", Zone: "example.net."}
	fallback = failover.Fallback{IPv4: []netip.Addr{netip.MustParseAddr("198.51.100.7")}}
)

// World is everything around the controller, and the controller.
type World struct {
	seed    uint64
	history *History
	disk    *disk
	zones   map[failover.ZoneRef]*provider

	mu         sync.Mutex
	origin     map[string]float64 // site: 0 up, +Inf down, else the frequency it flaps at in Hz
	notReady   map[string]bool    // host
	cut        bool               // our own network
	references bool               // the references are well

	killAt   string // kill the process at this point ...
	killNth  int    // ... when it comes by for this time, counted from 1
	points   map[string]int
	downtime time.Duration
	life     *life
	lives    sync.WaitGroup
	ended    chan struct{}
}

// life is one run of the process.
type life struct {
	w    *World
	c    *controller.Controller
	dead atomic.Bool
	stop context.CancelFunc
}

func newWorld(seed uint64, sites []failover.Site, modes map[failover.ZoneRef]string) *World {
	h := &History{Sites: sites, Fallback: fallback, Seed: map[failover.ZoneRef][]failover.RecordSet{}}
	w := &World{seed: seed, history: h, disk: newDisk(h), zones: map[failover.ZoneRef]*provider{},
		origin: map[string]float64{}, notReady: map[string]bool{}, references: true,
		points: map[string]int{}, downtime: 3 * time.Second, ended: make(chan struct{})}
	for ref, mode := range modes {
		sets := seedOf(sites, ref)
		h.Seed[ref] = failover.CloneSets(sets)
		w.zones[ref] = &provider{w: w, ref: ref, mode: mode, sets: sets, before: sets}
	}
	return w
}

// seedOf returns what a zone holds before anything happens.
func seedOf(sites []failover.Site, ref failover.ZoneRef) []failover.RecordSet {
	sets := []failover.RecordSet{set(ref.Zone, "MX", 3600, "10 mail."+ref.Zone), set("mail."+ref.Zone, "A", 3600, "192.0.2.99")}
	for i, s := range sites {
		for k, name := range s.Names(ref.Zone) {
			sets = append(sets, set(name, "A", 300, fmt.Sprintf("192.0.2.%d", 10*i+k+1), fmt.Sprintf("192.0.2.%d", 10*i+k+5)),
				set(name, "TXT", 300, `"kept"`))
			if k == 0 {
				sets = append(sets, set(name, "AAAA", 600, fmt.Sprintf("2001:db8::%d", 10*i+1)))
			}
		}
	}
	return failover.SortSets(sets)
}

func set(name, rrtype string, ttl uint32, values ...string) failover.RecordSet {
	s := failover.RecordSet{Name: name, Type: rrtype, TTL: ttl}
	for _, v := range values {
		s.Records = append(s.Records, failover.Record{Value: v, Opaque: []byte(`"id of ` + strings.ReplaceAll(v, `"`, "") + `"`)})
	}
	return s
}

func (w *World) siteOf(names []string) string {
	for _, s := range w.history.Sites {
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

// start runs processes, one after the other, until end.
func (w *World) start() {
	w.lives.Go(func() {
		for {
			select {
			case <-w.ended:
				return
			default:
			}
			w.live()
			select {
			case <-w.ended:
				return
			case <-time.After(w.downtime):
			}
		}
	})
}

// live is one process from its start to its death.
func (w *World) live() {
	ctx, cancel := context.WithCancel(context.Background())
	l := &life{w: w, stop: cancel}
	l.c = controller.New(controller.Options{
		Journal: journal{w.disk, l},
		Zone: func(ref failover.ZoneRef) (failover.Zone, error) {
			return dnsproviders.Careful(conn{w.zones[ref], l}, dnsproviders.CarefulOptions{}), nil
		},
		Confirm: func(ctx context.Context, p failover.Plan) ([]failover.Confirmation, error) {
			if err := pause(ctx, time.Second+place(p.Site+p.Zone)); err != nil {
				return nil, err
			}
			return []failover.Confirmation{{Server: "ns1." + p.Zone, OK: true, At: time.Now()}}, nil
		},
		Publish: func(site failover.Site, _ failover.State, serving bool) error {
			if !l.dead.Load() {
				w.history.add(Fact{What: factPublish, Site: site.Name, OK: serving})
			}
			return nil
		},
		Look: func(ctx context.Context, site failover.Site) []failover.Observation {
			if pause(ctx, place("look"+site.Name)) != nil {
				return nil
			}
			return w.lookAtFallback(site)
		},
		Refresh: refresh,
	})
	l.c.Set(w.history.Sites, w.history.Fallback)
	w.history.add(Fact{What: factBorn})
	w.mu.Lock()
	w.life = l
	w.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { l.c.Run(ctx) })
	wg.Go(func() { w.watch(ctx, l.c) })
	wg.Wait()
	w.history.add(Fact{What: factDied})
	w.disk.crash(w.dice("ghost").IntN(2) == 0)
	w.mu.Lock()
	w.life = nil
	w.mu.Unlock()
}

// point is a place where the process may be killed. After that nothing it does takes effect.
func (l *life) point(name string) error {
	if l.dead.Load() {
		return errDead
	}
	w := l.w
	w.mu.Lock()
	w.points[name]++
	die := name == w.killAt && w.points[name] == w.killNth
	w.mu.Unlock()
	if die {
		l.kill("at " + name)
		return errDead
	}
	return nil
}

func (l *life) kill(why string) {
	l.dead.Store(true)
	l.w.history.add(Fact{What: factFault, Note: "killed " + why})
	l.stop()
}

// running returns the process that runs now, or nil.
func (w *World) running() *life {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.life
}

// watch is the prober: references and origins every 4 s, our own server once a minute.
func (w *World) watch(ctx context.Context, c *controller.Controller) {
	for tick := 0; ; tick++ {
		w.observeReferences(c)
		if tick%15 == 0 {
			for _, s := range w.history.Sites {
				for _, o := range w.lookAtFallback(s) {
					c.Observe(o)
				}
			}
		}
		for _, s := range w.history.Sites {
			if pause(ctx, time.Millisecond+place(s.Name)) != nil {
				return
			}
			c.Observe(w.lookAtOrigin(s))
		}
		if pause(ctx, 4*time.Second) != nil {
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

// What the schedule turns.

func (w *World) setKill(point string, nth int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.killAt, w.killNth = point, nth
}

func (w *World) setOrigin(site string, hz float64) {
	w.mu.Lock()
	w.origin[site] = hz
	w.mu.Unlock()
	w.history.add(Fact{What: factOrigin, Site: site, OK: hz == 0, Note: fmt.Sprintf("flaps at %v Hz", hz)})
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

// command hands an operator's word to the running process and waits for its end beside the caller.
func (w *World) command(site string, word failover.Command) {
	l := w.running()
	if l == nil {
		return
	}
	w.lives.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		w.history.add(Fact{What: factWord, Site: site, Note: fmt.Sprintf("%s force=%v", word.Action, word.Force)})
		err := l.c.Command(ctx, site, word, nil)
		if err != nil {
			w.history.add(Fact{What: factFault, Note: fmt.Sprintf("%s %s: %v", word.Action, site, err)})
		}
		if errors.Is(err, failover.ErrRefused) {
			w.history.add(Fact{What: factFault, Note: "refused"})
		}
	})
}

// final records how every site stands.
func (w *World) final(settled bool) {
	l := w.running()
	if l == nil {
		w.history.add(Fact{What: factFault, Note: "no process runs at the end"})
		return
	}
	list, _ := l.c.Status(context.Background())
	for _, status := range list {
		w.mu.Lock()
		f := Final{Status: status, Alarms: l.c.Alarms(), OriginUp: w.origin[status.Site] == 0, Settled: settled, Ready: true}
		for _, h := range status.Hosts {
			f.Ready = f.Ready && !w.notReady[h]
		}
		w.mu.Unlock()
		w.history.add(Fact{What: factFinal, Final: &f})
	}
}

// end stops everything and waits for it.
func (w *World) end() {
	close(w.ended)
	if l := w.running(); l != nil {
		l.stop()
	}
	w.lives.Wait()
	for _, p := range w.zones {
		p.inFlight.Wait()
	}
}

// after lets virtual time pass and what follows from it happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// play runs a story in a bubble of virtual time and returns the record.
func play(t *testing.T, w func() *World, story func(w *World)) *History {
	t.Helper()
	var h *History
	synctest.Test(t, func(t *testing.T) {
		world := w()
		//lint:ignore SA1019 the waits between attempts are drawn from the global source, by backoff; a replay needs it seeded
		jitter.Seed(int64(world.seed))
		h = world.history
		world.start()
		synctest.Wait()
		story(world)
		world.end()
	})
	return h
}
