// Package controller is the loop that turns looks into changes: read, decide, record, show, act.
//
// Each site has one runner, which alone decides for the site and alone changes its zones, so that
// a provider that hangs for one site never delays another. A decision is in the journal before it
// is acted upon; what the zones should be follows from the newest entry, so that a failure, a
// crash or a restart at any moment heals by doing the same again.
package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Options are what a controller needs. Zone, Journal, Publish and Look are required.
type Options struct {
	Journal failover.Journal
	// Zone opens a zone; an error is permanent until the configuration changes.
	Zone func(failover.ZoneRef) (failover.Zone, error)
	// Confirm asks the authoritative servers after a change; nil: nobody is asked.
	Confirm failover.Confirm
	// Panel asks resolvers once the authoritative servers follow, for as long as it likes; nil: nobody
	// is asked. Its error says which of them still gives old records that should be forgotten.
	Panel failover.Confirm
	// Publish lets the fallback answer for the site; it returns once visitors get the answer.
	Publish func(site failover.Site, state failover.State, serving bool) error
	// Look looks at our own server for every host of the site, as a visitor would.
	Look func(ctx context.Context, site failover.Site) []failover.Observation
	// Suspect is called when a site turns suspect, so that the references are looked at again: only
	// what they say after the failure began counts. It must not block. May be nil.
	Suspect func()
	// Record is told every entry once it is in the journal; it must not block. May be nil.
	Record func(failover.Entry)
	// Alarm is told when something needs a human, and when it no longer does. It must not block. May be nil.
	Alarm func(Alarm)
	Log   *slog.Logger

	// Refresh is the time between two readings of a zone that should not have changed; 15 minutes
	// when 0. While the fallback serves, zones are read at least every minute.
	Refresh time.Duration
	// ConfirmFor bounds how long the authoritative servers are asked; 2 minutes when 0.
	ConfirmFor time.Duration
	// Stable is how long somebody else's records must have stood before they become the baseline; 30 s when 0.
	Stable time.Duration
	// MassShare is the share of all sites, 0 to 1, that may fail at once before it takes references
	// that are all fine to switch any; 0.5 when 0.
	MassShare float64
	// Switches is how many switches happen at the same time at one provider; 8 when 0.
	Switches int
}

// Alarm is something that needs a human.
type Alarm struct {
	Site    string    `json:"site,omitempty"` // empty: the controller itself
	Name    string    `json:"name"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
	Active  bool      `json:"active"`
}

// Controller runs the sites.
type Controller struct {
	opts     Options
	fallback failover.Fallback // only Set uses it, and runners have their own

	mu         sync.Mutex
	runners    map[string]*runner
	references map[failover.ObservationKey]failover.Observation
	alarms     map[[2]string]Alarm
	lost       map[failover.ObservationKey]time.Time // references that fail, since when
	answered   map[bool]bool                         // whether a reference at IPv6 (true), at IPv4 ever answered
	herd       herd
	providers  providers
	clock      clock
	blind      map[string]string // sites that cannot be judged, why
	ctx        context.Context   // of Run; nil before
	wg         sync.WaitGroup

	gates  map[string]*gate // by provider; c.mu guards it
	turned atomic.Int64     // when a site's loop last went round, Unix time in ns
}

// Turned returns when a site's loop last went round; zero before the first time.
func (c *Controller) Turned() time.Time {
	if ns := c.turned.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// New returns a controller without sites.
func New(opts Options) *Controller {
	if opts.Refresh == 0 {
		opts.Refresh = 15 * time.Minute
	}
	if opts.ConfirmFor == 0 {
		opts.ConfirmFor = 2 * time.Minute
	}
	if opts.Stable == 0 {
		opts.Stable = 30 * time.Second
	}
	if opts.MassShare == 0 {
		opts.MassShare = 0.5
	}
	if opts.Switches == 0 {
		opts.Switches = 8
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Controller{
		opts:       opts,
		runners:    map[string]*runner{},
		references: map[failover.ObservationKey]failover.Observation{},
		alarms:     map[[2]string]Alarm{},
		lost:       map[failover.ObservationKey]time.Time{},
		answered:   map[bool]bool{},
		herd:       herd{},
		providers:  providers{},
		blind:      map[string]string{},
		gates:      map[string]*gate{},
	}
}

// Run runs the sites until ctx ends, and returns when nothing is under way any more.
func (c *Controller) Run(ctx context.Context) {
	c.mu.Lock()
	c.ctx = ctx
	for _, r := range c.runners {
		c.launch(r)
	}
	c.mu.Unlock()
	c.watchClock(ctx)
	c.mu.Lock() // no runner is launched after this
	c.ctx = nil
	c.mu.Unlock()
	c.wg.Wait()
}

// launch starts a runner; c.mu is held.
func (c *Controller) launch(r *runner) {
	ctx, cancel := context.WithCancel(c.ctx)
	r.cancel = cancel
	c.wg.Go(func() {
		defer close(r.stopped)
		r.run(ctx)
	})
}

// Observe takes in one observation. It does not block on what follows from it.
func (c *Controller) Observe(o failover.Observation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.Role == failover.RoleReference {
		c.noteReference(o) // the next look at an origin takes it into account
		return
	}
	if r := c.runners[o.Site]; r != nil {
		r.observe(o)
	}
}

// seen returns the newest observations of the references.
func (c *Controller) seen() []failover.Observation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.references))
}

// ErrNoSite is matched by errors about a site that is not configured.
var ErrNoSite = errors.New("no such site")

func (c *Controller) runner(site string) (*runner, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.runners[site]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrNoSite, site)
}

// all returns the runners in order of name.
func (c *Controller) all() []*runner {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []*runner
	for _, name := range slices.Sorted(maps.Keys(c.runners)) {
		list = append(list, c.runners[name])
	}
	return list
}

// KeepReferences drops what is known of references but those at the given addresses (IP and port), which
// are asked from now on.
func (c *Controller) KeepReferences(addresses []string) {
	gone := func(key failover.ObservationKey) bool { return !slices.Contains(addresses, key.Address) }
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.references, func(key failover.ObservationKey, _ failover.Observation) bool { return gone(key) })
	maps.DeleteFunc(c.lost, func(key failover.ObservationKey, _ time.Time) bool { return gone(key) })
}
