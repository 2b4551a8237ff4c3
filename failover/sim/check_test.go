package sim

import (
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Violation is a promise that was not kept.
type Violation struct {
	Invariant string // I1 to I12
	At        time.Time
	What      string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s at %s: %s", v.Invariant, v.At.Format("15:04:05.000"), v.What)
}

// siteZone is the part of a zone that belongs to one site.
type siteZone struct {
	site string
	ref  failover.ZoneRef
}

// part is what the checker knows of a siteZone.
type part struct {
	truth    map[string]failover.RecordSet // what has to come back: key to set
	away     bool                          // our last write points at the fallback
	either   map[string]bool               // keys of sets of which nobody can tell who deleted them, a human or our plan
	aside    map[string]bool               // keys of sets that people wrote while our last write pointed at the fallback
	fields   map[string]bool               // keys of sets that people wrote while the fallback served, with fields of theirs
	points   bool                          // the zone does, whoever wrote last
	server   string                        // the machine that pointed it there
	edited   bool                          // somebody else changed it at any time
	editedAt time.Time                     // when, the last time
	lost     bool                          // overwritten unseen, at a provider whose looks are stale and writes unguarded
	accepted map[string]uint64             // by machine: generation of its last write
	writes   []time.Time                   // our changes
	lame     time.Time                     // when it last ceased to point there
}

// mind is what the checker knows of the controller of one machine.
type mind struct {
	entries   map[string]failover.Entry            // newest durable
	plans     map[string]map[uint64]failover.Entry // by site and generation
	open      map[string]map[uint64]bool           // plans without an outcome
	switched  map[string]time.Time                 // last automatic switch
	failovers map[string][]time.Time
	published map[string]bool
	alive     bool
	bornAt    time.Time
	calls     map[siteZone]*calls
}

// calls are those of one controller to one zone.
type calls struct {
	wordAt  time.Time
	blocked time.Time // told to wait until
	early   int       // calls since then that did not wait
	wishes  int       // changes of what is wanted since then
}

// checker replays a history.
type checker struct {
	h          *History
	sites      map[string]failover.Site
	fallbacks  []failover.Fallback // that there ever were, the newest last
	lows       map[uint32]bool     // armed TTLs that there ever were
	parts      map[siteZone]*part
	minds      map[string]*mind
	zones      map[failover.ZoneRef][]failover.RecordSet
	downSince  map[string]time.Time // while the origin is down, without a break
	notUp      map[string]time.Time // when the origin was last not well; zero: never
	isUp       map[string]bool
	sees       bool
	seesSince  time.Time
	unready    map[string]bool
	readyUntil map[string]time.Time
	violations []Violation
	now        time.Time
}

// Check decides whether a history keeps the invariants.
func Check(h *History) []Violation {
	c := &checker{h: h, sites: map[string]failover.Site{}, lows: map[uint32]bool{}, parts: map[siteZone]*part{}, minds: map[string]*mind{},
		zones: map[failover.ZoneRef][]failover.RecordSet{}, downSince: map[string]time.Time{}, notUp: map[string]time.Time{},
		isUp: map[string]bool{}, sees: true, unready: map[string]bool{}, readyUntil: map[string]time.Time{}}
	for ref, sets := range h.Seed {
		c.zones[ref] = sets
	}
	for _, name := range h.Machines {
		c.minds[name] = &mind{entries: map[string]failover.Entry{}, plans: map[string]map[uint64]failover.Entry{}, open: map[string]map[uint64]bool{},
			switched: map[string]time.Time{}, failovers: map[string][]time.Time{}, published: map[string]bool{}, calls: map[siteZone]*calls{}}
	}
	c.configured(h.Sites, h.Fallback)
	for _, f := range h.Facts {
		c.now = f.At
		c.fact(f)
	}
	c.logged()
	return c.violations
}

func (c *checker) broken(invariant, format string, args ...any) {
	v := Violation{invariant, c.now, fmt.Sprintf(format, args...)}
	for _, old := range c.violations {
		if old.Invariant == v.Invariant && old.What == v.What {
			return
		}
	}
	c.violations = append(c.violations, v)
}

// rivals tells whether more than one controller is at work, none of which knows what the others have
// in their journals.
func (c *checker) rivals() bool { return len(c.minds) > 1 }

func (c *checker) fact(f Fact) {
	switch f.What {
	case factEntry:
		c.entry(f)
		c.originals()
	case factVersion:
		c.version(f)
		c.originals()
		c.served()
	case factCall:
		c.call(f)
	case factAnswer:
		c.answer(f)
	case factPublish:
		c.minds[f.Who].published[f.Site] = f.OK
		c.served()
	case factWord:
		for _, ref := range c.sites[f.Site].Zones() {
			c.minds[f.Who].callsTo(siteZone{f.Site, ref}).wordAt = f.At
		}
	case factReload:
		c.configured(f.Sites, f.Fallback)
		clear(c.minds[f.Who].calls)
	case factAlarm:
		c.clean("an alarm", []byte(f.Note))
	case factBorn:
		m := c.minds[f.Who]
		m.alive, m.bornAt = true, f.At
		clear(m.published)
		clear(m.calls) // who was told to wait is gone
	case factDied:
		c.minds[f.Who].alive = false
	case factFinal:
		c.final(c.minds[f.Who], *f.Final)
	default:
		c.surroundings(f)
	}
	c.served()
}

// surroundings takes in how the world stands.
func (c *checker) surroundings(f Fact) {
	switch f.What {
	case factOrigin:
		if !c.isUp[f.Site] {
			c.notUp[f.Site] = f.At
		}
		c.isUp[f.Site] = f.OK
		if f.OK || f.Flaps {
			delete(c.downSince, f.Site)
		} else if c.downSince[f.Site].IsZero() {
			c.downSince[f.Site] = f.At
		}
	case factSees:
		c.sees, c.seesSince = f.OK, f.At
	case factReady:
		if !c.unready[f.Host] {
			c.readyUntil[f.Host] = f.At
		}
		c.unready[f.Host] = !f.OK
	}
}
