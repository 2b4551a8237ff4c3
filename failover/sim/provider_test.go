package sim

import (
	"context"
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
	front       float64 // 502 from what stands before the API, which does not know who was told to wait
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
	w       *World
	ref     failover.ZoneRef
	mode    string
	proxied bool // it has a proxy of its own, whose sets have the TTL 1

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

// edit is what other people do. What no provider would accept is not done.
func (p *provider) edit(author, note string, change func([]failover.RecordSet) []failover.RecordSet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := failover.SortSets(change(failover.CloneSets(p.sets)))
	if !identical(next, p.sets) && lonely(next) {
		p.commit(next, Fact{Author: author, Note: note})
	}
}

// lonely tells whether every CNAME stands alone at its name (RFC 1034 section 3.6.2).
func lonely(sets []failover.RecordSet) bool {
	at := map[string]int{}
	for _, s := range sets {
		at[s.Name]++
	}
	return !slices.ContainsFunc(sets, func(s failover.RecordSet) bool { return s.Type == failover.TypeCNAME && at[s.Name] > 1 })
}

// view is what a look shows now; p.mu is held.
func (p *provider) view(label string, names []string) (sets []failover.RecordSet, stale bool) {
	sets = p.sets
	if time.Since(p.wroteAt) < p.lag && p.coin(label, 0.5) {
		sets, stale = p.before, true
	}
	var seen []failover.RecordSet
	for _, s := range sets {
		if slices.Contains(names, s.Name) {
			seen = append(seen, s.Clone())
		}
	}
	return seen, stale
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
