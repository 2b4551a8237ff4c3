package sim

import (
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Ways in which a provider writes.
const (
	guarded = "guarded" // atomic, and only if the content is what the caller thinks (RFC 2136 prerequisites)
	batch   = "batch"   // atomic, on what a look just before has shown
	steps   = "steps"   // one record set after the other
)

// trouble is what a provider does to calls; each is a probability.
type trouble struct {
	unavailable float64
	limited     float64 // 429 with retryAfter, for everybody, until it is over
	hang        float64 // nothing is done and nothing is answered
	lost        float64 // done, and the answer is lost
	late        float64 // not answered, and done after the caller has given up
	half        float64 // a provider that works in steps stops in the middle
	slow        float64 // takes up to 20 s
	stale       time.Duration
	retryAfter  time.Duration
}

// provider is one zone at a provider: every version of it, and its API.
type provider struct {
	w    *World
	ref  failover.ZoneRef
	mode string

	mu       sync.Mutex
	sets     []failover.RecordSet
	before   []failover.RecordSet // as it was before the newest write
	wroteAt  time.Time
	lag      time.Duration // reads may miss the newest write for so long
	faults   trouble
	blocked  time.Time // until then everybody gets 429
	inFlight sync.WaitGroup
}

// coin is true with probability p; the same at the same time in every run of a seed.
func (p *provider) coin(label string, probability float64) bool {
	return probability > 0 && p.dice(label).Float64() < probability
}

func (p *provider) dice(label string) *rand.Rand { return p.w.dice(p.ref.Zone + label) }

func (w *World) dice(label string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(label))
	return rand.New(rand.NewPCG(w.seed, h.Sum64()^uint64(time.Now().UnixNano())))
}

// place is a short time that differs from name to name, so that things that begin at the same
// instant end in the same order in every run.
func place(name string) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(name))
	return time.Duration(h.Sum64()%10_000) * time.Microsecond
}

// commit makes a new version; p.mu is held.
func (p *provider) commit(sets []failover.RecordSet, f Fact) {
	p.before, p.sets, p.wroteAt = p.sets, failover.SortSets(sets), time.Now()
	p.lag = 0
	if p.faults.stale > 0 {
		p.lag = upTo(p.dice("lag"), p.faults.stale)
	}
	f.What, f.Zone, f.Sets = factVersion, p.ref, failover.CloneSets(p.sets)
	p.w.history.add(f)
}

// edit is what other people do.
func (p *provider) edit(author, note string, change func([]failover.RecordSet) []failover.RecordSet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := failover.SortSets(change(failover.CloneSets(p.sets)))
	if !identical(next, p.sets) {
		p.commit(next, Fact{Author: author, Note: note})
	}
}

// view is what a look shows now; p.mu is held.
func (p *provider) view(label string, names []string) (sets []failover.RecordSet, stale bool) {
	sets = p.sets
	if time.Since(p.wroteAt) < p.lag && p.coin(label, 0.5) {
		sets, stale = p.before, true
	}
	return slices.DeleteFunc(failover.CloneSets(sets), func(s failover.RecordSet) bool { return !slices.Contains(names, s.Name) }), stale
}

// conn is the provider as one process sees it.
type conn struct {
	*provider
	life *life
}

func (c conn) Abilities() failover.Abilities {
	return failover.Abilities{Atomic: c.mode != steps, MinTTL: 1}
}

func (c conn) fail(op string, kind failover.ErrorKind, err error) *failover.ZoneError {
	return &failover.ZoneError{Kind: kind, Zone: c.ref.Zone, Op: op, Err: err}
}

// enter is the way of every call to the API and the faults on it.
func (c conn) enter(ctx context.Context, op, site string) error {
	if c.life.dead.Load() {
		return c.fail(op, failover.KindUnavailable, errDead)
	}
	if !c.w.seesNow() {
		if err := pause(ctx, 3*time.Second+place(site+c.ref.Zone)); err != nil {
			return c.fail(op, failover.KindUnavailable, err)
		}
		return c.fail(op, failover.KindUnavailable, errors.New("no route to host"))
	}
	c.mu.Lock()
	faults := c.faults
	if c.coin(op+"limited", faults.limited) && time.Now().After(c.blocked) {
		c.blocked = time.Now().Add(faults.retryAfter)
	}
	blocked := time.Until(c.blocked)
	c.mu.Unlock()
	if blocked > 0 {
		err := c.fail(op, failover.KindRateLimited, errors.New("429"))
		err.RetryAfter = blocked
		return err
	}
	delay := 50*time.Millisecond + place(site+c.ref.Zone)
	if c.coin(op+"slow", faults.slow) {
		delay = upTo(c.dice(op+"slowness"), 20*time.Second)
	}
	if err := pause(ctx, delay); err != nil {
		return c.fail(op, failover.KindUnavailable, err)
	}
	if c.coin(op+"unavailable", faults.unavailable) {
		return c.fail(op, failover.KindUnavailable, errors.New("502"))
	}
	if c.life.dead.Load() {
		return c.fail(op, failover.KindUnavailable, errDead)
	}
	return nil
}

// recorded notes a call and its answer.
func (c conn) recorded(op, site string, call func() error) error {
	c.w.history.add(Fact{What: factCall, Zone: c.ref, Site: site, Op: op})
	err := call()
	var ze *failover.ZoneError
	f := Fact{What: factAnswer, Zone: c.ref, Site: site, Op: op, Kind: failover.KindOf(err)}
	if errors.As(err, &ze) {
		f.RetryAfter = ze.RetryAfter
	}
	c.w.history.add(f)
	return err
}

func (c conn) Read(ctx context.Context, names []string) (sets []failover.RecordSet, err error) {
	err = c.recorded("read", c.w.siteOf(names), func() error {
		if err := c.enter(ctx, "read", c.w.siteOf(names)); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		sets, _ = c.view("read", names)
		return nil
	})
	if err == nil && c.life.point("read") != nil {
		err = c.fail("read", failover.KindUnavailable, errDead)
	}
	return sets, err
}

// Replace looks, compares, writes and looks again, as the contract wants it.
func (c conn) Replace(ctx context.Context, plan failover.Plan) error {
	called := time.Now()
	return c.recorded("replace", plan.Site, func() error {
		if err := c.enter(ctx, "replace", plan.Site); err != nil {
			return err
		}
		c.mu.Lock()
		sets, stale := c.view("look", plan.Names)
		faults := c.faults
		c.mu.Unlock()
		current := failover.Select(sets, plan.Names)
		if failover.SameSets(current, plan.After) {
			return nil
		}
		if !failover.SameSets(current, plan.Before) {
			return c.fail("replace", failover.KindDrift, errors.New("not as before"))
		}
		f := Fact{Site: plan.Site, Author: us, Plan: &plan, Called: called, Blind: stale}
		if err := c.life.point("replace.before"); err != nil {
			return c.fail("replace", failover.KindUnavailable, err)
		}
		switch {
		case c.coin("hang", faults.hang):
			<-ctx.Done()
			return c.fail("replace", failover.KindLost, ctx.Err())
		case c.coin("late", faults.late):
			return c.later(ctx, f)
		}
		return c.write(ctx, f, faults)
	})
}

// later lets the write happen when nobody waits for it any more.
func (c conn) later(ctx context.Context, f Fact) error {
	<-ctx.Done()
	delay := upTo(c.dice("lateness"), time.Minute)
	c.inFlight.Go(func() {
		time.Sleep(delay)
		c.mu.Lock()
		defer c.mu.Unlock()
		f.Late = true
		if c.mode == guarded && !failover.SameSets(failover.Select(c.sets, f.Plan.Names), f.Plan.Before) {
			return
		}
		c.commit(moved(c.sets, *f.Plan, nil), f)
	})
	return c.fail("replace", failover.KindLost, ctx.Err())
}

func (c conn) write(ctx context.Context, f Fact, faults trouble) error {
	if err := c.apply(ctx, f, faults); err != nil {
		return err
	}
	if err := c.life.point("replace.after"); err != nil {
		return c.fail("replace", failover.KindLost, err)
	}
	if c.coin("lost", faults.lost) {
		return c.fail("replace", failover.KindLost, errors.New("connection closed"))
	}
	for _, wait := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond} {
		if err := pause(ctx, wait); err != nil {
			return c.fail("replace", failover.KindLost, err)
		}
		c.mu.Lock()
		sets, _ := c.view("confirm", f.Plan.Names)
		c.mu.Unlock()
		if failover.SameSets(failover.Select(sets, f.Plan.Names), f.Plan.After) {
			return nil
		}
	}
	return c.fail("replace", failover.KindLost, errors.New("accepted, but the zone does not hold it"))
}

func (c conn) apply(ctx context.Context, f Fact, faults trouble) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mode != steps {
		if c.mode == guarded && !failover.SameSets(failover.Select(c.sets, f.Plan.Names), f.Plan.Before) {
			return c.fail("replace", failover.KindDrift, errors.New("a prerequisite does not hold"))
		}
		c.commit(moved(c.sets, *f.Plan, nil), f)
		return nil
	}
	list := f.Plan.Changes()
	slices.SortStableFunc(list, func(a, b failover.Change) int { // what goes goes last
		switch {
		case a.After == nil && b.After != nil:
			return 1
		case a.After != nil && b.After == nil:
			return -1
		}
		return 0
	})
	for i, change := range list {
		if i > 0 {
			c.mu.Unlock()
			err := pause(ctx, 200*time.Millisecond)
			if err == nil {
				err = c.life.point("replace.half")
			}
			c.mu.Lock()
			if err != nil {
				return c.fail("replace", failover.KindLost, err)
			}
			if c.coin("half", faults.half) {
				return c.fail("replace", failover.KindLost, errors.New("502 in the middle"))
			}
		}
		c.commit(moved(c.sets, *f.Plan, &change), f)
	}
	return nil
}

// moved returns the zone after a plan, or after one change of it.
func moved(sets []failover.RecordSet, plan failover.Plan, only *failover.Change) []failover.RecordSet {
	list := plan.Changes()
	if only != nil {
		list = []failover.Change{*only}
	}
	next := failover.CloneSets(sets)
	for _, change := range list {
		key := ""
		if change.Before != nil {
			key = change.Before.Key()
		} else {
			key = change.After.Key()
		}
		next = slices.DeleteFunc(next, func(s failover.RecordSet) bool { return s.Key() == key })
		if change.After != nil {
			next = append(next, change.After.Clone())
		}
	}
	return failover.SortSets(next)
}

// pause waits in virtual time.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
