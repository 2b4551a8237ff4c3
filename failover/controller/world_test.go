package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failover-dns/failover/failover"
)

// world is a site, its zone, its journal, its origin and our own server, all in memory.
type world struct {
	t       *testing.T
	site    failover.Site
	zone    *fakeZone
	journal *memory

	confirm failover.Confirm // the authoritative servers
	panel   failover.Confirm // resolvers; nil: none

	mu        sync.Mutex
	origin    failover.Health
	reference failover.Health
	ours      failover.Health
	cause     failover.Cause // of the origin's failure; refused if empty
	expiry    time.Time      // of the origin's certificate
	warning   string         // of the look at our own server
	shown     []string       // what visitors were shown, in order
	tune      func(*Options) // changes what start gives the controller; may be nil
	alarms    []string
	stop      func()
	c         *Controller
}

var (
	ref    = failover.ZoneRef{Provider: "main", Zone: "example.org."}
	backup = failover.Fallback{IPv4: []netip.Addr{netip.MustParseAddr("198.51.100.7")}}
)

func set(name, rrtype string, ttl uint32, values ...string) failover.RecordSet {
	s := failover.RecordSet{Name: name, Type: rrtype, TTL: ttl}
	for _, v := range values {
		s.Records = append(s.Records, failover.Record{Value: v, Opaque: []byte(`"` + v + `"`)})
	}
	return s
}

func newWorld(t *testing.T) *world {
	seed := []failover.RecordSet{
		set("example.org.", "MX", 3600, "10 mail.example.org."),
		set("www.example.org.", "A", 300, "192.0.2.1", "192.0.2.2"),
		set("www.example.org.", "AAAA", 300, "2001:db8::1"),
		set("www.example.org.", "TXT", 300, `"hello"`),
	}
	return &world{
		t: t, zone: &fakeZone{sets: seed}, journal: &memory{entries: map[string][]failover.Entry{}},
		confirm: func(context.Context, failover.Plan) ([]failover.Confirmation, error) {
			return []failover.Confirmation{{Server: "ns1.example.org.", OK: true, At: time.Now()}}, nil
		},
		origin: failover.Up, reference: failover.Up, ours: failover.Up,
		site: failover.Site{
			Name:  "www",
			Hosts: []failover.Host{{Name: "www.example.org.", Zone: "example.org.", Provider: "main"}},
			TTL:   failover.TTL{Armed: 30},
			Policy: failover.Policy{DownAfter: 3 * time.Second, UpAfter: 10 * time.Second, Dwell: 20 * time.Second,
				Quiet: time.Minute, Fresh: 5 * time.Second, FallbackFresh: 3 * time.Minute, Addresses: 1, Hosts: 1, Quorum: 1},
		},
	}
}

// start runs a controller over the world and looks at everything once a second.
func (w *world) start() {
	ctx, cancel := context.WithCancel(w.t.Context())
	o := Options{
		Journal: w.journal,
		Zone:    func(failover.ZoneRef) (failover.Zone, error) { return w.zone, nil },
		Confirm: w.confirm, Panel: w.panel,
		Publish: func(_ failover.Site, state failover.State, serving bool) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.shown = append(w.shown, shows(state, serving))
			return nil
		},
		Look: func(_ context.Context, site failover.Site) (seen []failover.Observation) {
			for _, h := range site.Hosts {
				o := w.look()
				o.Check = h.Name
				seen = append(seen, o)
			}
			return seen
		},
		Alarm: func(a Alarm) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.alarms = append(w.alarms, fmt.Sprintf("%s %v", a.Name, a.Active))
		},
	}
	if w.tune != nil {
		w.tune(&o)
	}
	w.c = New(o)
	w.c.Set([]failover.Site{w.site}, backup)
	var wg sync.WaitGroup
	wg.Go(func() { w.c.Run(ctx) })
	wg.Go(func() {
		for {
			w.mu.Lock()
			origin, reference, cause, expiry := w.origin, w.reference, failover.Cause(""), w.expiry
			if origin == failover.Down {
				cause = cmp.Or(w.cause, failover.CauseRefused)
			}
			w.mu.Unlock()
			w.c.Observe(failover.Observation{Role: failover.RoleReference, Check: "tcp", Address: "203.0.113.1:443", At: time.Now(), Health: reference})
			w.c.Observe(w.look())
			w.c.Observe(failover.Observation{Site: "www", Role: failover.RoleOrigin, Check: "front", Address: "192.0.2.1:443",
				At: time.Now(), Health: origin, Cause: cause, Expiry: expiry})
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
		}
	})
	w.stop = func() { cancel(); wg.Wait() }
}

// shows is what visitors get who come to the fallback.
func shows(state failover.State, serving bool) string {
	switch {
	case !serving:
		return "nothing"
	case state.Phase.Serving():
		return "page"
	default:
		return "origin" // they are handed on to it
	}
}

// told tells whether an alarm was told, as in "zone true".
func (w *world) told(alarm string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.alarms, alarm)
}

func (w *world) look() failover.Observation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return failover.Observation{Site: "www", Role: failover.RoleFallback, Check: "www.example.org.", Address: "198.51.100.7:443",
		At: time.Now(), Health: w.ours, Detail: "as told", Warning: w.warning}
}

func (w *world) set(which *failover.Health, to failover.Health) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*which = to
}

// after lets time pass and everything that follows from it happen.
func (w *world) after(d time.Duration) {
	time.Sleep(d) // inside a synctest bubble: no wall clock passes
	synctest.Wait()
}

func (w *world) phase() failover.Phase {
	w.t.Helper()
	entry, err := w.journal.Last("www")
	if err != nil {
		w.t.Fatal(err)
	}
	return entry.State.Phase
}

func (w *world) wantPhase(want failover.Phase) {
	w.t.Helper()
	if got := w.phase(); got != want {
		w.t.Fatalf("phase is %s, want %s\n%s", got, want, w.story())
	}
}

// www renders what the zone holds at the site's host.
func (w *world) www() string {
	var lines []string
	for _, s := range failover.Select(w.zone.dump(), []string{"www.example.org."}) {
		lines = append(lines, fmt.Sprintf("%d %s %s", s.TTL, s.Type, strings.Join(s.Values(), ",")))
	}
	return strings.Join(lines, "; ")
}

const (
	original = "300 A 192.0.2.1,192.0.2.2; 300 AAAA 2001:db8::1"
	armed    = "30 A 192.0.2.1,192.0.2.2; 30 AAAA 2001:db8::1"
	switched = "30 A 198.51.100.7"
)

func (w *world) wantZone(want string) {
	w.t.Helper()
	if got := w.www(); got != want {
		w.t.Fatalf("the zone holds %q, want %q\n%s", got, want, w.story())
	}
}

// story renders the journal.
func (w *world) story() string {
	entries, _ := w.journal.Tail("www", 100)
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%s %3d %-9s %-10s %s\n", e.At.Format("15:04:05.000"), e.Seq, e.Event, e.State.Phase, e.Message)
	}
	return b.String()
}

func (w *world) events() []string {
	entries, _ := w.journal.Tail("www", 1000)
	var events []string
	for _, e := range entries {
		events = append(events, e.Event)
	}
	return events
}

// fakeZone is an atomic zone with faults.
type fakeZone struct {
	mu       sync.Mutex
	sets     []failover.RecordSet
	readErr  error
	writeErr error // before anything is changed
	lost     bool  // the next change is made, and its answer lost
	gate     chan struct{}
	writes   []failover.Plan
}

func (z *fakeZone) Abilities() failover.Abilities {
	return failover.Abilities{Atomic: true, MinTTL: 1}
}

func (z *fakeZone) dump() []failover.RecordSet {
	z.mu.Lock()
	defer z.mu.Unlock()
	return failover.CloneSets(z.sets)
}

func (z *fakeZone) Read(_ context.Context, names []string) ([]failover.RecordSet, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.readErr != nil {
		return nil, z.readErr
	}
	return slices.DeleteFunc(failover.CloneSets(z.sets), func(s failover.RecordSet) bool { return !slices.Contains(names, s.Name) }), nil
}

func (z *fakeZone) Replace(ctx context.Context, p failover.Plan) error {
	z.mu.Lock()
	gate := z.gate
	z.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return &failover.ZoneError{Kind: failover.KindLost, Zone: p.Zone, Op: "replace", Err: ctx.Err()}
		}
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.writeErr != nil {
		return z.writeErr
	}
	current := failover.Select(z.sets, p.Names)
	if failover.SameSets(current, p.After) {
		return nil
	}
	if !failover.SameSets(current, p.Before) {
		return &failover.ZoneError{Kind: failover.KindDrift, Zone: p.Zone, Op: "replace", Err: errors.New("not as before")}
	}
	z.sets = slices.DeleteFunc(z.sets, func(s failover.RecordSet) bool {
		return failover.Managed(s.Type) && slices.Contains(p.Names, s.Name)
	})
	z.sets = append(z.sets, failover.CloneSets(p.After)...)
	z.writes = append(z.writes, p)
	if z.lost {
		z.lost = false
		return &failover.ZoneError{Kind: failover.KindLost, Zone: p.Zone, Op: "replace", Err: errors.New("connection closed")}
	}
	return nil
}

func (z *fakeZone) edit(f func([]failover.RecordSet) []failover.RecordSet) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.sets = f(z.sets)
}

// memory is a journal without a disk.
type memory struct {
	mu      sync.Mutex
	entries map[string][]failover.Entry
	err     error
}

func (m *memory) Last(site string) (failover.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.entries[site]
	if len(list) == 0 {
		return failover.Entry{}, failover.ErrNoEntry
	}
	return list[len(list)-1], nil
}

func (m *memory) Append(e failover.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if e.Seq != uint64(len(m.entries[e.Site]))+1 {
		return failover.ErrConflict
	}
	m.entries[e.Site] = append(m.entries[e.Site], e)
	return nil
}

func (m *memory) Tail(site string, n int) ([]failover.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.entries[site]
	return slices.Clone(list[max(0, len(list)-n):]), nil
}

func (m *memory) Sites() ([]string, error) { return []string{"www"}, nil }
