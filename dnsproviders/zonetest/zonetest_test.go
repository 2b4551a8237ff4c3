package zonetest_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

// memory is the contract in its shortest form.
type memory struct {
	mu    sync.Mutex
	sets  []failover.RecordSet
	dumps atomic.Int64
}

func (m *memory) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, &failover.ZoneError{Kind: failover.KindUnavailable, Zone: zonetest.Apex, Op: "read", Err: err}
	}
	var found []failover.RecordSet
	for _, s := range m.sets {
		if slices.Contains(names, s.Name) {
			found = append(found, s.Clone())
		}
	}
	return failover.SortSets(found), nil
}

func (m *memory) Replace(ctx context.Context, p failover.Plan) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return &failover.ZoneError{Kind: failover.KindUnavailable, Zone: zonetest.Apex, Op: "replace", Err: err}
	}
	current := failover.Select(m.sets, p.Names)
	if failover.SameSets(current, p.After) {
		return nil
	}
	if !failover.SameSets(current, p.Before) {
		return &failover.ZoneError{Kind: failover.KindDrift, Zone: zonetest.Apex, Op: "replace", Err: failover.ErrDrift}
	}
	m.sets = slices.DeleteFunc(m.sets, func(s failover.RecordSet) bool {
		return failover.Managed(s.Type) && slices.Contains(p.Names, s.Name)
	})
	m.sets = append(m.sets, failover.CloneSets(p.After)...)
	return nil
}

func (m *memory) Abilities() failover.Abilities {
	return failover.Abilities{Atomic: true, Proxied: true}
}

func (m *memory) dump() ([]failover.RecordSet, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dumps.Add(1)
	return failover.CloneSets(m.sets), nil
}

func (m *memory) put(set failover.RecordSet) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sets = slices.DeleteFunc(m.sets, func(s failover.RecordSet) bool { return s.Key() == set.Key() })
	if len(set.Records) > 0 {
		m.sets = append(m.sets, set)
	}
	return nil
}

func TestTheSuiteCanBePassed(t *testing.T) {
	zonetest.Run(t, zonetest.Harness{Open: func(_ *testing.T, _ string, seed []failover.RecordSet) zonetest.Backend {
		m := &memory{sets: failover.CloneSets(seed)}
		return zonetest.Backend{Zone: m, Dump: m.dump, Put: m.put}
	}})
}
