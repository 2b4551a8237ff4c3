package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/controller"
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
	truth     map[string]failover.RecordSet // what has to come back: key to set
	away      bool                          // our last write points at the fallback
	contested bool                          // somebody else changed it while it was away
	edited    bool                          // somebody else changed it at any time
	lost      bool                          // overwritten unseen, at a provider whose looks are stale and writes unguarded
	accepted  uint64                        // generation of our last write
	writes    []time.Time                   // our changes
	wordAt    time.Time
	blocked   time.Time // told to wait until
	early     int       // calls since then that did not wait
}

// checker replays a history.
type checker struct {
	h          *History
	parts      map[siteZone]*part
	zones      map[failover.ZoneRef][]failover.RecordSet
	entries    map[string]failover.Entry            // newest durable
	plans      map[string]map[uint64]failover.Entry // by site and generation
	open       map[string]map[uint64]bool           // plans without an outcome
	switched   map[string]time.Time                 // last automatic switch
	failovers  map[string][]time.Time
	notUp      map[string]time.Time // when the origin was last not well; zero: never
	isUp       map[string]bool
	sees       bool
	seesSince  time.Time
	unready    map[string]bool
	readyUntil map[string]time.Time
	published  map[string]bool
	alive      bool
	bornAt     time.Time
	lame       map[siteZone]time.Time
	forced     map[string]bool
	violations []Violation
	now        time.Time
}

// Check decides whether a history keeps the invariants.
func Check(h *History) []Violation {
	c := &checker{h: h, parts: map[siteZone]*part{}, zones: map[failover.ZoneRef][]failover.RecordSet{},
		entries: map[string]failover.Entry{}, plans: map[string]map[uint64]failover.Entry{}, open: map[string]map[uint64]bool{},
		switched: map[string]time.Time{}, failovers: map[string][]time.Time{}, notUp: map[string]time.Time{}, isUp: map[string]bool{},
		sees: true, unready: map[string]bool{}, readyUntil: map[string]time.Time{}, published: map[string]bool{},
		lame: map[siteZone]time.Time{}, forced: map[string]bool{}}
	for ref, sets := range h.Seed {
		c.zones[ref] = sets
	}
	for _, s := range h.Sites {
		c.isUp[s.Name] = true
		c.plans[s.Name], c.open[s.Name] = map[uint64]failover.Entry{}, map[uint64]bool{}
		for _, ref := range s.Zones() {
			p := &part{truth: map[string]failover.RecordSet{}}
			for _, set := range failover.Select(h.Seed[ref], s.Names(ref.Zone)) {
				p.truth[set.Key()] = set
			}
			c.parts[siteZone{s.Name, ref}] = p
		}
	}
	for _, f := range h.Facts {
		c.now = f.At
		c.fact(f)
	}
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

func (c *checker) site(name string) failover.Site {
	i := slices.IndexFunc(c.h.Sites, func(s failover.Site) bool { return s.Name == name })
	return c.h.Sites[i]
}

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
		if p := c.parts[siteZone{f.Site, f.Zone}]; p != nil && f.Kind == failover.KindRateLimited {
			if !f.At.Before(p.blocked) {
				p.early = 0
			}
			p.blocked = f.At.Add(f.RetryAfter)
		}
	case factOrigin:
		if !c.isUp[f.Site] {
			c.notUp[f.Site] = f.At
		}
		c.isUp[f.Site] = f.OK
	case factSees:
		c.sees, c.seesSince = f.OK, f.At
	case factReady:
		if !c.unready[f.Host] {
			c.readyUntil[f.Host] = f.At
		}
		c.unready[f.Host] = !f.OK
	case factPublish:
		c.published[f.Site] = f.OK
		c.served()
	case factWord:
		for key, p := range c.parts {
			if key.site == f.Site {
				p.wordAt = f.At
			}
		}
	case factBorn:
		c.alive, c.bornAt = true, f.At
		clear(c.published)
	case factDied:
		c.alive = false
	case factFinal:
		c.final(*f.Final)
	}
	if c.alive && f.At.Sub(c.bornAt) > 5*time.Second {
		c.served()
	}
}

// entry checks what the journal says: I5, I7, I9.
func (c *checker) entry(f Fact) {
	e, old := f.Entry, c.entries[f.Site]
	c.entries[f.Site] = e
	if e.Seq != old.Seq+1 {
		c.broken("I5", "%s: entry %d follows %d", f.Site, e.Seq, old.Seq)
	}
	if e.State.Generation < old.State.Generation {
		c.broken("I6", "%s: generation %d follows %d", f.Site, e.State.Generation, old.State.Generation)
	}
	c.outcomes(f.Site, e)
	for _, z := range e.State.Zones {
		if p := c.parts[siteZone{f.Site, z.ZoneRef}]; e.Event == failover.EventApplied && p != nil && z.Plan == nil && p.away && z.Applied != failover.ToFallback {
			p.away = false // it was there already, by somebody else's hand
		}
	}
	c.forced[f.Site] = len(e.State.Overrides) > 0
	if was, is := old.State.Phase.Serving(), e.State.Phase.Serving(); old.Seq > 0 && was != is && e.Event != failover.EventCommand {
		c.transition(c.site(f.Site), e, is)
	}
}

// outcomes checks that every plan is new, and that it gets an outcome before the next of its zone.
func (c *checker) outcomes(site string, e failover.Entry) {
	if e.Event == failover.EventPlan {
		if _, known := c.plans[site][e.State.Generation]; known {
			c.broken("I5", "%s: generation %d is used twice", site, e.State.Generation)
		}
		c.plans[site][e.State.Generation] = e
		c.open[site][e.State.Generation] = true
	}
	pending := map[uint64]bool{}
	for _, z := range e.State.Zones {
		if z.Plan != nil {
			pending[z.Plan.Generation] = true
		}
	}
	for gen := range c.open[site] {
		if pending[gen] {
			continue
		}
		delete(c.open[site], gen)
		switch e.Event {
		case failover.EventApplied, failover.EventFailed, failover.EventDrift, failover.EventUnknown:
		default:
			c.broken("I5", "%s: plan %d ends in an entry %q, without an outcome", site, gen, e.Event)
		}
	}
}

// transition checks a switch that automation decided.
func (c *checker) transition(s failover.Site, e failover.Entry, away bool) {
	if last := c.switched[s.Name]; !last.IsZero() && e.At.Sub(last) < s.Policy.Dwell {
		c.broken("I7", "%s: two switches within %v", s.Name, e.At.Sub(last))
	}
	c.switched[s.Name] = e.At
	if !away {
		return
	}
	recent := 1
	for _, t := range c.failovers[s.Name] {
		if e.At.Sub(t) < 24*time.Hour {
			recent++
		}
	}
	c.failovers[s.Name] = append(c.failovers[s.Name], e.At)
	if limit := s.Policy.MaxFailovers; limit > 0 && recent > limit {
		c.broken("I7", "%s: %d switches in 24 h, allowed are %d", s.Name, recent, limit)
	}
	if window := s.Policy.DownAfter + s.Policy.Fresh; c.isUp[s.Name] && e.At.Sub(c.notUp[s.Name]) > window {
		c.broken("I9", "%s: switched while the origin was well", s.Name)
	}
	if !c.sees && e.At.Sub(c.seesSince) > s.Policy.Fresh {
		c.broken("I9", "%s: switched while our own network was cut", s.Name)
	}
}

// version checks one change of a zone: I1, I2, I4, I5, I6, I8.
func (c *checker) version(f Fact) {
	before := c.zones[f.Zone]
	c.zones[f.Zone] = f.Sets
	if f.Author != us {
		c.edited(f, before)
		return
	}
	plan := *f.Plan
	key := siteZone{f.Site, f.Zone}
	p := c.parts[key]
	for _, change := range exactDiff(before, f.Sets) {
		name, rrtype, _ := strings.Cut(change, " ")
		if !failover.Managed(rrtype) || !slices.Contains(plan.Names, name) {
			c.broken("I4", "%s: %s was changed, which plan %d does not govern", f.Site, change, plan.Generation)
		}
	}
	for _, name := range plan.Names {
		if !addressed(f.Sets, name) && addressed(before, name) {
			c.broken("I8", "%s has no address after plan %d", name, plan.Generation)
		}
	}
	entry, known := c.plans[f.Site][plan.Generation]
	switch {
	case !known:
		c.broken("I5", "%s: plan %d is not in the journal", f.Site, plan.Generation)
	case !f.Late && c.entries[f.Site].State.Generation < plan.Generation:
		c.broken("I5", "%s: plan %d was carried out before its entry", f.Site, plan.Generation)
	case entry.State.Zone(f.Zone) == nil || entry.State.Zone(f.Zone).Plan == nil || !failover.SameSets(entry.State.Zone(f.Zone).Plan.After, plan.After):
		c.broken("I5", "%s: plan %d in the journal is another one", f.Site, plan.Generation)
	}
	if plan.Generation < p.accepted && !f.Late {
		c.broken("I6", "%s: plan %d was carried out after plan %d", f.Site, plan.Generation, p.accepted)
	}
	fresh := plan.Generation > p.accepted // not another record of the same change
	p.accepted = max(p.accepted, plan.Generation)
	c.overwritten(f, p, before)
	if len(entry.State.Overrides) > 0 {
		c.chosen(p, entry, plan)
	}
	if plan.Target == failover.ToFallback {
		c.pointed(f, plan)
	}
	if p.away && plan.Target != failover.ToFallback {
		p.contested = false
		c.lame[key] = f.At
	}
	p.away = plan.Target == failover.ToFallback
	if fresh {
		p.writes = append(p.writes, f.At)
		c.rate(key, p)
	}
}

// overwritten notes a foreign change that nobody had seen when it was overwritten.
func (c *checker) overwritten(f Fact, p *part, before []failover.RecordSet) {
	for _, s := range failover.Select(before, f.Plan.Names) {
		if slices.ContainsFunc(f.Sets, func(n failover.RecordSet) bool { return n.Equal(s) }) {
			continue
		}
		if want, mine := p.truth[s.Key()]; mine && !p.away && want.Equal(s) && !slices.ContainsFunc(f.Plan.Before, s.Equal) && (f.Blind || f.Late) {
			p.lost = true // no plan could have known
		}
	}
}

// chosen lets an operator's force decide what is right: what stood in the zone is in the journal's
// plan, and the baseline counts.
func (c *checker) chosen(p *part, entry failover.Entry, plan failover.Plan) {
	p.truth = map[string]failover.RecordSet{}
	for _, s := range entry.State.Zone(plan.ZoneRef).Baseline {
		p.truth[s.Key()] = s
	}
}

// edited takes in what other people did.
func (c *checker) edited(f Fact, before []failover.RecordSet) {
	for key, p := range c.parts {
		if key.ref != f.Zone {
			continue
		}
		names := c.site(key.site).Names(f.Zone.Zone)
		old, now := failover.Select(before, names), failover.Select(f.Sets, names)
		changes := failover.Diff(old, now)
		if len(changes) == 0 {
			continue
		}
		p.edited = true
		if p.away {
			p.contested = true
			continue
		}
		for _, change := range changes {
			if change.After != nil {
				p.truth[change.After.Key()] = *change.After
			} else {
				delete(p.truth, change.Before.Key())
			}
		}
	}
}

// pointed checks our own server at the instant a name is pointed at it: I2.
func (c *checker) pointed(f Fact, plan failover.Plan) {
	if e := c.plans[f.Site][plan.Generation]; len(e.State.Overrides) > 0 {
		return
	}
	for _, name := range plan.Names {
		if c.unready[name] && c.readyUntil[name].Before(f.Called) {
			c.broken("I2", "%s was pointed at a fallback that does not serve it", name)
		}
	}
	if c.alive && !f.Late && !c.published[f.Site] {
		c.broken("I2", "%s was pointed at a fallback that has no page for it", f.Site)
	}
}

// rate checks that a name does not change all the time: I7. At most four changes (armed, away,
// armed, origin) belong to one outage, and outages are a dwell or a quiet time apart.
func (c *checker) rate(key siteZone, p *part) {
	const window = 10 * time.Minute
	policy := c.site(key.site).Policy
	limit := 8 + 4*int(window/min(policy.Dwell, policy.Quiet))
	for len(p.writes) > 0 && c.now.Sub(p.writes[0]) > window {
		p.writes = p.writes[1:]
	}
	if len(p.writes) > limit {
		c.broken("I7", "%s in %s changed %d times within %v", key.site, key.ref.Zone, len(p.writes), window)
	}
}

// originals checks that what has to come back can be found, in the journal or in the zone: I1.
func (c *checker) originals() {
	for key, p := range c.parts {
		if p.lost {
			continue
		}
		var baseline []failover.RecordSet
		state := c.entries[key.site].State
		if z := state.Zone(key.ref); z != nil {
			baseline = z.Baseline
		}
		for k, want := range p.truth {
			same := func(s failover.RecordSet) bool { return exact(s, want) }
			if !slices.ContainsFunc(baseline, same) && !slices.ContainsFunc(c.zones[key.ref], same) {
				c.broken("I1", "%s: %s (%s) is neither in the journal nor in the zone", key.site, k, want)
			}
		}
		for _, s := range baseline {
			if c.ours(s) {
				c.broken("I1", "%s: the fallback's own address is taken for an original: %s", key.site, s)
			}
		}
	}
}

func (c *checker) ours(s failover.RecordSet) bool {
	return slices.ContainsFunc(s.Records, func(r failover.Record) bool { return r.Value == c.h.Fallback.IPv4[0].String() })
}

// call checks the budget: who was told to wait waits. A new wish (armed, fallback, origin), an
// operator's word and a new process may try once each: I10.
func (c *checker) call(f Fact) {
	p := c.parts[siteZone{f.Site, f.Zone}]
	if p == nil || !f.At.Before(p.blocked) || f.At.Sub(p.wordAt) < 2*time.Minute || f.At.Sub(c.bornAt) < time.Minute {
		return
	}
	if p.early++; p.early > 5 {
		c.broken("I10", "%s called %s %v before it was allowed to", f.Site, f.Zone.Zone, p.blocked.Sub(f.At))
	}
}

// served checks that whoever comes to the fallback gets the site's page: I12.
func (c *checker) served() {
	if !c.alive || c.now.Sub(c.bornAt) < 5*time.Second {
		return
	}
	for key, p := range c.parts {
		if p.away && !c.published[key.site] {
			c.broken("I12", "%s points at the fallback, which has no page for it", key.site)
		}
		if back, was := c.lame[key]; was && c.now.Sub(back) < 5*time.Minute-10*time.Second && !c.published[key.site] {
			c.broken("I12", "%s: the page went %v after the way back, with visitors still coming", key.site, c.now.Sub(back))
		}
	}
}

// final checks a site at rest: I3, I5.
func (c *checker) final(f Final) {
	s := c.site(f.Status.Site)
	state := f.Status.State
	waits := c.waits(f)
	if f.Settled && waits != "" {
		c.broken("I3", "%s: people have answered everything, and it still waits: %s", s.Name, waits)
	}
	wantAway := !f.OriginUp
	if waits != "" {
		wantAway = state.Phase.Serving()
	}
	if state.Phase.Serving() != wantAway && waits == "" {
		c.broken("I3", "%s is %s, and the origin is up: %v", s.Name, state.Phase, f.OriginUp)
	}
	for _, ref := range s.Zones() {
		p := c.parts[siteZone{s.Name, ref}]
		z := state.Zone(ref)
		if z == nil {
			c.broken("I3", "%s: nothing is known of %s", s.Name, ref.Zone)
			continue
		}
		if z.Trouble != "" && !f.Settled {
			if !p.edited && !p.lost {
				c.broken("I3", "%s: a human is asked although nobody but us changed %s: %s", s.Name, ref.Zone, z.Trouble)
			}
			if !alarmed(f, s.Name, controller.AlarmZone) {
				c.broken("I3", "%s: %s has trouble and no alarm: %s", s.Name, ref.Zone, z.Trouble)
			}
			continue
		}
		if z.Plan != nil {
			c.broken("I5", "%s: plan %d never got an outcome", s.Name, z.Plan.Generation)
		}
		c.form(f, p, ref, s.Names(ref.Zone), wantAway)
	}
}

// form checks that a zone is exactly primary or exactly fallback.
func (c *checker) form(f Final, p *part, ref failover.ZoneRef, names []string, away bool) {
	site := f.Status.Site
	got := failover.Select(c.zones[ref], names)
	if away {
		for _, s := range got {
			if !c.ours(s) || len(s.Records) != 1 {
				c.broken("I3", "%s should be at the fallback, and %s holds %s", site, ref.Zone, s)
			}
		}
		for _, name := range names {
			if !addressed(got, name) {
				c.broken("I3", "%s should be at the fallback, and %s is not", site, name)
			}
		}
		return
	}
	if p.lost {
		return
	}
	suspect := f.Status.State.Phase == failover.Suspect // held, say: low TTLs are right
	var want []failover.RecordSet
	for _, s := range p.truth {
		want = append(want, s)
	}
	for _, change := range failover.Diff(want, got) {
		if suspect && change.Before != nil && change.After != nil && change.Before.SameValues(*change.After) {
			continue
		}
		c.broken("I3", "%s should be as it was, and %s differs: %s", site, ref.Zone, change)
	}
	if !suspect && failover.SameSets(want, got) {
		for _, diff := range exactDiff(failover.SortSets(want), got) {
			c.broken("I3", "%s: %s came back with other fields of the provider's", site, diff)
		}
	}
}

// waits tells for which decision of a human a site waits, visibly.
func (c *checker) waits(f Final) string {
	state := f.Status.State
	switch {
	case state.Held:
		return "held"
	case state.Latched && state.Phase.Serving():
		return "latched"
	}
	for _, v := range state.Vetoes {
		if v.Rule != failover.VetoDwell && v.Rule != failover.VetoBlind {
			if !alarmed(f, f.Status.Site, controller.AlarmVeto) {
				c.broken("I3", "%s: %s, and no alarm", f.Status.Site, v.Rule)
			}
			return v.Rule
		}
	}
	return ""
}

func alarmed(f Final, site, name string) bool {
	return slices.ContainsFunc(f.Alarms, func(a controller.Alarm) bool { return a.Site == site && a.Name == name })
}

// exact is Equal with the provider's own fields.
func exact(a, b failover.RecordSet) bool {
	if !a.Equal(b) {
		return false
	}
	return slices.Equal(opaque(a), opaque(b))
}

func opaque(s failover.RecordSet) []string {
	var list []string
	for _, r := range s.Records {
		list = append(list, r.Value+" "+string(r.Opaque))
	}
	slices.Sort(list)
	return list
}

func identical(a, b []failover.RecordSet) bool { return len(exactDiff(a, b)) == 0 }

// exactDiff lists the keys whose sets are not exactly the same.
func exactDiff(a, b []failover.RecordSet) []string {
	var keys []string
	differ := func(x, y []failover.RecordSet) {
		for _, s := range x {
			if !slices.ContainsFunc(y, func(o failover.RecordSet) bool { return exact(s, o) }) && !slices.Contains(keys, s.Key()) {
				keys = append(keys, s.Key())
			}
		}
	}
	differ(a, b)
	differ(b, a)
	return keys
}

func addressed(sets []failover.RecordSet, name string) bool {
	return slices.ContainsFunc(sets, func(s failover.RecordSet) bool {
		return s.Name == name && len(s.Records) > 0 && (s.Type == failover.TypeA || s.Type == failover.TypeAAAA || s.Type == failover.TypeCNAME)
	})
}
