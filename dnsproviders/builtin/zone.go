package builtin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/libdns/libdns"
	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

// zone is one zone of the server; it implements failover.Zone. Readers take the pointer, writers
// build the next content, save it and swap it in.
type zone struct {
	apex    string
	file    string // "" in memory only
	writing sync.Mutex
	content atomic.Pointer[content]
}

// Abilities: a change is one swap of a pointer.
func (z *zone) Abilities() failover.Abilities { return failover.Abilities{Atomic: true} }

// Read returns what the zone holds at the names.
func (z *zone) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	if err := ctx.Err(); err != nil {
		return nil, z.failed("read", failover.KindUnavailable, err)
	}
	c := z.content.Load()
	var rrs []dns.RR
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		for _, set := range c.nodes[name] {
			rrs = append(rrs, set...)
		}
	}
	return wire.Sets(rrs), nil
}

// Replace compares, saves and swaps under the zone's lock.
func (z *zone) Replace(ctx context.Context, p failover.Plan) error {
	if err := wire.CheckPlan(p); err != nil {
		return z.failed("replace", failover.KindRejected, err)
	}
	if p.Zone != z.apex {
		return z.failed("replace", failover.KindRejected, fmt.Errorf("the plan is for the zone %s", p.Zone))
	}
	after, err := wire.AllRRs(p.After)
	if err != nil {
		return z.failed("replace", failover.KindRejected, err)
	}
	governed := func(rr dns.RR) bool {
		h := rr.Header()
		return slices.Contains(p.Names, h.Name) && failover.Managed(dns.Type(h.Rrtype).String())
	}
	return z.change(ctx, func(c *content) (*content, error) {
		current := failover.Select(c.sets(), p.Names)
		if failover.SameSets(current, p.After) {
			return c, nil
		}
		if changes := failover.Diff(p.Before, current); len(changes) > 0 {
			return nil, z.failed("replace", failover.KindDrift, fmt.Errorf("%w:\n%s", failover.ErrDrift, changes[0]))
		}
		return c.next(governed, after)
	})
}

// Put replaces the whole set of set.Name and set.Type, or removes it if it has no records. It asks
// for no plan: it is the hand of somebody else in tests and demonstrations.
func (s *Server) Put(ctx context.Context, apex string, set failover.RecordSet) error {
	z := s.zones[failover.CanonicalName(apex)]
	if z == nil {
		return fmt.Errorf("builtin: the zone %s is not served here", apex)
	}
	rrs, err := wire.RRs(set)
	if err != nil {
		return z.failed("replace", failover.KindRejected, err)
	}
	return z.change(ctx, func(c *content) (*content, error) {
		return c.next(func(rr dns.RR) bool {
			return rr.Header().Name == set.Name && dns.Type(rr.Header().Rrtype).String() == set.Type
		}, rrs)
	})
}

// change makes one change of the zone. make returns the same content for "nothing to do".
func (z *zone) change(ctx context.Context, make func(*content) (*content, error)) error {
	z.writing.Lock()
	defer z.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return z.failed("replace", failover.KindUnavailable, err)
	}
	old := z.content.Load()
	next, err := make(old)
	if failover.KindOf(err) != "" || err == nil && next == old {
		return err
	}
	if err != nil {
		return z.failed("replace", failover.KindRejected, err)
	}
	err = save(z.file, next)
	if err != nil && !errors.Is(err, errNotSynced) {
		return z.failed("replace", failover.KindUnavailable, err)
	}
	z.content.Store(next)
	if err != nil {
		return z.failed("replace", failover.KindLost, err)
	}
	return nil
}

func (z *zone) failed(op string, kind failover.ErrorKind, err error) error {
	return &failover.ZoneError{Kind: kind, Zone: z.apex, Op: op, Err: err}
}

// acme writes challenge records into the server's zones.
type acme struct{ server *Server }

func (a acme) AppendRecords(ctx context.Context, apex string, records []libdns.Record) ([]libdns.Record, error) {
	return a.change(ctx, apex, records, func(c *content, rrs []dns.RR) (*content, error) {
		return c.next(func(dns.RR) bool { return false }, rrs)
	})
}

func (a acme) DeleteRecords(ctx context.Context, apex string, records []libdns.Record) ([]libdns.Record, error) {
	return a.change(ctx, apex, records, func(c *content, rrs []dns.RR) (*content, error) {
		return c.next(func(rr dns.RR) bool {
			return slices.ContainsFunc(rrs, func(gone dns.RR) bool { return dns.IsDuplicate(gone, rr) })
		}, nil)
	})
}

func (a acme) change(ctx context.Context, apex string, records []libdns.Record, next func(*content, []dns.RR) (*content, error)) ([]libdns.Record, error) {
	z := a.server.zones[failover.CanonicalName(apex)]
	if z == nil {
		return nil, fmt.Errorf("builtin: the zone %s is not served here", apex)
	}
	rrs, err := wire.TXTs(apex, records)
	if err != nil {
		return nil, fmt.Errorf("builtin: %w", err)
	}
	if err := z.change(ctx, func(c *content) (*content, error) { return next(c, rrs) }); err != nil {
		return nil, err
	}
	return records, nil
}
