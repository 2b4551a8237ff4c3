package rfc2136

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

// zone implements failover.Zone.
type zone struct {
	apex   string
	client wire.Client
	log    *slog.Logger
}

// Abilities: an UPDATE is one transaction (RFC 2136 section 3.4), and a TTL may be anything.
func (z *zone) Abilities() failover.Abilities { return failover.Abilities{Atomic: true} }

// Read asks the server over one TCP connection. Records that a wildcard or a DNAME would give are
// not taken for records at the name.
func (z *zone) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	rrs, err := z.read(ctx, names, true)
	if err != nil {
		return nil, err
	}
	return wire.Sets(rrs), nil
}

// Replace sends one UPDATE whose prerequisites say: exactly Before. They cannot speak of TTLs, so
// these are compared with what was read just before.
func (z *zone) Replace(ctx context.Context, p failover.Plan) error {
	if p.Zone != z.apex {
		return rejected("replace", z.apex, "", "the plan is for the zone %s", p.Zone)
	}
	if err := wire.CheckPlan(p); err != nil {
		return rejected("replace", z.apex, "", "%w", err)
	}
	raw, err := z.read(ctx, p.Names, len(newCNAMEs(p)) > 0)
	if err != nil {
		return asReplace(err)
	}
	sets := wire.Sets(raw)
	current := failover.Select(sets, p.Names)
	if failover.SameSets(current, p.After) {
		return nil
	}
	if !failover.SameSets(current, p.Before) {
		return drifted(z.apex, p, current)
	}
	m, err := z.message(p, raw)
	if err != nil {
		return err
	}
	if err := z.alone(ctx, newCNAMEs(p)); err != nil {
		return err
	}
	if err := send(ctx, z.client, m); err != nil {
		return z.refused(ctx, p, failed("replace", z.apex, err, true))
	}
	z.log.DebugContext(ctx, "zone updated", "zone", z.apex, "server", z.client.Server, "changes", len(p.Changes()))
	return z.readBack(ctx, p)
}

// message builds the UPDATE. Deletions come first: a CNAME that is added beside other data is
// silently left out (RFC 2136 section 3.4.2.2).
func (z *zone) message(p failover.Plan, raw []dns.RR) (*dns.Msg, error) {
	m := new(dns.Msg).SetUpdate(z.apex)
	m.Compress = true
	for _, name := range p.Names {
		for _, rrtype := range managed {
			require(m, name, rrtype, wire.Select(raw, name, rrtype))
		}
	}
	for _, name := range newCNAMEs(p) {
		for _, rr := range raw {
			if owns(rr, name) && !slices.Contains(managed[:], rr.Header().Rrtype) {
				return nil, z.notAlone(name, dns.Type(rr.Header().Rrtype).String())
			}
		}
		for _, rrtype := range others {
			require(m, name, rrtype, nil)
		}
	}
	changes := p.Changes()
	for _, c := range changes {
		if c.Before != nil {
			code, _ := wire.Type(c.Before.Type)
			m.RemoveRRset([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: c.Before.Name, Rrtype: code}}})
		}
	}
	for _, c := range changes {
		if c.After != nil {
			rrs, err := wire.RRs(*c.After)
			if err != nil {
				return nil, rejected("replace", z.apex, "", "%w", err)
			}
			m.Insert(rrs)
		}
	}
	return m, nil
}

// require adds the prerequisite that the set holds exactly the given records, as the server
// spelled them (RFC 2136 section 2.4.2), or that there is no such set (2.4.3).
func require(m *dns.Msg, name string, rrtype uint16, rrs []dns.RR) {
	if len(rrs) == 0 {
		m.RRsetNotUsed([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: name, Rrtype: rrtype}}})
		return
	}
	copies := make([]dns.RR, len(rrs))
	for i, rr := range rrs {
		copies[i] = dns.Copy(rr)
	}
	m.Used(copies)
}

// newCNAMEs returns the names where the plan puts a CNAME that was none before.
func newCNAMEs(p failover.Plan) []string {
	var names []string
	for _, c := range p.Changes() {
		if c.Before == nil && c.After.Type == failover.TypeCNAME {
			names = append(names, c.After.Name)
		}
	}
	return names
}

// refused looks again when a prerequisite failed: somebody else may have done our very work.
func (z *zone) refused(ctx context.Context, p failover.Plan, err error) error {
	if failover.KindOf(err) != failover.KindDrift {
		return err
	}
	raw, again := z.read(ctx, p.Names, false)
	if again != nil {
		return asReplace(again) // surely not done by us; whether it is After, the next look tells
	}
	current := failover.Select(wire.Sets(raw), p.Names)
	if failover.SameSets(current, p.After) {
		return nil
	}
	return drifted(z.apex, p, current)
}

// readBack makes sure that what the server took is what it holds. If it cannot be told, the
// outcome is unknown.
func (z *zone) readBack(ctx context.Context, p failover.Plan) error {
	lost := func(err error) error {
		return &failover.ZoneError{Kind: failover.KindLost, Zone: z.apex, Op: "replace", Err: err}
	}
	raw, err := z.read(ctx, p.Names, false)
	if err != nil {
		return lost(fmt.Errorf("the server took the change, but reading it back failed: %w", err))
	}
	current := failover.Select(wire.Sets(raw), p.Names)
	if changes := failover.Diff(p.After, current); len(changes) > 0 {
		return lost(fmt.Errorf("the server took the change, but reads back otherwise:\n%s", changes[0]))
	}
	return nil
}

// asReplace renames the operation of a reading's error.
func asReplace(err error) error {
	if ze, ok := err.(*failover.ZoneError); ok {
		ze.Op = "replace"
	}
	return err
}
