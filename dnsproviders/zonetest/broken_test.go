package zonetest_test

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

// broken lists mistakes that providers really make; the suite must find each.
var broken = map[string]func(*memory) failover.Zone{
	"last value only":         func(m *memory) failover.Zone { return mistake{memory: m, after: lastOnly} },
	"AAAA forgotten":          func(m *memory) failover.Zone { return mistake{memory: m, after: keepAAAA} },
	"TTL forgotten":           func(m *memory) failover.Zone { return mistake{memory: m, after: fixedTTL} },
	"no comparing":            func(m *memory) failover.Zone { return mistake{memory: m, blind: true} },
	"TTL not compared":        func(m *memory) failover.Zone { return mistake{memory: m, blindTTL: true} },
	"deletes, then creates":   func(m *memory) failover.Zone { return mistake{memory: m, gap: true} },
	"whole name replaced":     func(m *memory) failover.Zone { return mistake{memory: m, wholeName: true} },
	"context ignored":         func(m *memory) failover.Zone { return mistake{memory: m, deaf: true} },
	"drift at what is done":   func(m *memory) failover.Zone { return mistake{memory: m, notIdempotent: true} },
	"managed types read only": func(m *memory) failover.Zone { return mistake{memory: m, managedOnly: true} },
	"cached":                  func(m *memory) failover.Zone { return &cached{memory: m} },
}

func TestTheSuiteFindsMistakes(t *testing.T) {
	if name := os.Getenv("ZONETEST_MISTAKE"); name != "" {
		zonetest.Run(t, zonetest.Harness{Open: func(_ *testing.T, _ string, seed []failover.RecordSet) zonetest.Backend {
			m := &memory{sets: failover.CloneSets(seed)}
			return zonetest.Backend{Zone: broken[name](m), Dump: m.dump, Put: m.put}
		}})
		return
	}
	for name := range broken {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestTheSuiteFindsMistakes$")
			cmd.Env = append(os.Environ(), "ZONETEST_MISTAKE="+name, "GORACE=atexit_sleep_ms=0")
			if out, err := cmd.CombinedOutput(); err == nil {
				t.Errorf("the suite passes a zone with this mistake:\n%s", out)
			}
		})
	}
}

// mistake is the memory zone with one thing wrong.
type mistake struct {
	*memory
	after                      func(m *memory, p failover.Plan) []failover.RecordSet
	blind, blindTTL            bool
	gap, wholeName, deaf       bool
	notIdempotent, managedOnly bool
}

func (z mistake) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	if z.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	sets, err := z.memory.Read(ctx, names)
	if z.managedOnly {
		sets = failover.Select(sets, names)
	}
	return sets, err
}

func (z mistake) Replace(ctx context.Context, p failover.Plan) error {
	if z.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	current, _ := z.memory.Read(context.WithoutCancel(ctx), p.Names)
	current = failover.Select(current, p.Names)
	switch {
	case z.after != nil && failover.SameSets(current, p.Before):
		p.After = z.after(z.memory, p)
	case z.blind:
		p.Before = current
	case z.blindTTL && failover.SameSets(fixedTTL(nil, failover.Plan{After: current}), fixedTTL(nil, failover.Plan{After: p.Before})):
		p.Before = current
	case z.notIdempotent && failover.SameSets(current, p.After):
		return &failover.ZoneError{Kind: failover.KindDrift, Err: failover.ErrDrift}
	case z.gap && failover.SameSets(current, p.Before):
		empty := p
		empty.After = nil
		if err := z.memory.Replace(ctx, empty); err != nil {
			return err
		}
		p.Before = nil
		for n, i := z.dumps.Load(), 0; n == z.dumps.Load() && i < 1e5; i++ { // as long as a watcher needs to look once
			runtime.Gosched()
		}
	}
	if z.wholeName && failover.SameSets(current, p.Before) {
		z.mu.Lock()
		z.sets = slices.DeleteFunc(z.sets, func(s failover.RecordSet) bool {
			return slices.Contains(p.Names, s.Name) && !failover.Managed(s.Type)
		})
		z.mu.Unlock()
	}
	return z.memory.Replace(ctx, p)
}

func lastOnly(_ *memory, p failover.Plan) []failover.RecordSet {
	sets := failover.CloneSets(p.After)
	for i := range sets {
		sets[i].Records = sets[i].Records[len(sets[i].Records)-1:]
	}
	return sets
}

func keepAAAA(_ *memory, p failover.Plan) []failover.RecordSet {
	sets := failover.CloneSets(p.After)
	for _, s := range p.Before {
		if s.Type == "AAAA" && !slices.ContainsFunc(sets, func(o failover.RecordSet) bool { return o.Key() == s.Key() }) {
			sets = append(sets, s)
		}
	}
	return sets
}

func fixedTTL(_ *memory, p failover.Plan) []failover.RecordSet {
	sets := failover.CloneSets(p.After)
	for i := range sets {
		sets[i].TTL = 300
	}
	return sets
}

// cached remembers what it read.
type cached struct {
	*memory
	seen map[string][]failover.RecordSet
}

func (z *cached) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	key := ""
	for _, name := range names {
		key += name
	}
	if sets, found := z.seen[key]; found {
		return sets, nil
	}
	sets, err := z.memory.Read(ctx, names)
	if z.seen == nil {
		z.seen = map[string][]failover.RecordSet{}
	}
	z.seen[key] = sets
	return sets, err
}
