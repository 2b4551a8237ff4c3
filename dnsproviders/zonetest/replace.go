package zonetest

import (
	"testing"

	"github.com/failover-dns/failover/failover"
)

// move is a change of the managed sets at some names; before holds what the zone has there.
type move struct {
	name  string
	names []string
	after func(before []failover.RecordSet) []failover.RecordSet
	can   func(failover.Abilities) bool // nil: every provider
	seed  []failover.RecordSet          // in addition to seed()
}

// to makes a move that does not depend on what is there.
func to(sets ...failover.RecordSet) func([]failover.RecordSet) []failover.RecordSet {
	return func([]failover.RecordSet) []failover.RecordSet { return sets }
}

func moves() []move {
	proxied := Set("p."+Apex, "A", 1, "192.0.2.1", "192.0.2.2")
	proxied.Proxied = true
	proxiedAfter := Set("p."+Apex, "A", 1, "198.51.100.7")
	proxiedAfter.Proxied = true
	return []move{
		{name: "A to A", names: []string{plain}, after: to(Set(plain, "A", lowTTL, "198.51.100.7"))},
		{name: "two addresses to one", names: []string{other}, after: to(Set(other, "A", lowTTL, "198.51.100.7"))},
		{name: "one address to three", names: []string{plain}, after: to(Set(plain, "A", longTTL, "192.0.2.4", "198.51.100.7", "198.51.100.8"))},
		{name: "A and AAAA to A alone", names: []string{Apex}, after: to(Set(Apex, "A", lowTTL, "198.51.100.7"))},
		{name: "A to AAAA alone", names: []string{plain}, after: to(Set(plain, "AAAA", lowTTL, "2001:db8::7"))},
		{name: "HTTPS goes", names: []string{www}, after: to(Set(www, "A", lowTTL, "198.51.100.7"), Set(www, "AAAA", lowTTL, "2001:db8::7"))},
		{name: "SVCB goes", names: []string{"svc." + Apex},
			seed: []failover.RecordSet{Set("svc."+Apex, "A", longTTL, "192.0.2.1"),
				Set("svc."+Apex, "SVCB", longTTL, `1 svc.example.net. alpn="h2" port="8443"`)},
			after: to(Set("svc."+Apex, "A", lowTTL, "198.51.100.7"))},
		{name: "A to CNAME", names: []string{plain}, after: to(Set(plain, "CNAME", lowTTL, "fallback.example.net."))},
		{name: "CNAME to A and AAAA", names: []string{shop}, after: to(Set(shop, "A", lowTTL, "198.51.100.7"), Set(shop, "AAAA", lowTTL, "2001:db8::7"))},
		{name: "CNAME to CNAME", names: []string{shop}, after: to(Set(shop, "CNAME", lowTTL, "fallback.example.net."))},
		{name: "the apex beside SOA, NS, MX, TXT", names: []string{Apex}, after: to(Set(Apex, "A", lowTTL, "198.51.100.7"), Set(Apex, "AAAA", lowTTL, "2001:db8::7"))},
		{name: "TTL alone", names: []string{www, shop}, after: lowered},
		{name: "wildcard", names: []string{wildcard}, after: to(Set(wildcard, "A", lowTTL, "198.51.100.7"))},
		{name: "several names", names: []string{Apex, www, shop, wildcard, plain}, after: to(
			Set(Apex, "A", lowTTL, "198.51.100.7"), Set(www, "A", lowTTL, "198.51.100.7"),
			Set(shop, "A", lowTTL, "198.51.100.7"), Set(wildcard, "A", lowTTL, "198.51.100.7"),
			Set(plain, "CNAME", lowTTL, "fallback.example.net."))},
		{name: "one of several names changes", names: []string{www, plain}, after: func(before []failover.RecordSet) []failover.RecordSet {
			return append(failover.Select(before, []string{www}), Set(plain, "A", lowTTL, "198.51.100.7"))
		}},
		{name: "nothing", names: []string{www}, after: failover.CloneSets},
		{name: "proxied stays proxied", names: []string{"p." + Apex}, seed: []failover.RecordSet{proxied}, after: to(proxiedAfter),
			can: func(a failover.Abilities) bool { return a.Proxied }},
	}
}

// lowered brings all TTLs down.
func lowered(before []failover.RecordSet) []failover.RecordSet {
	sets := failover.CloneSets(before)
	for i := range sets {
		sets[i].TTL = lowTTL
	}
	return sets
}

// runReplaces makes every move, twice, and goes the way back, twice; the zone is watched all along.
func runReplaces(t *testing.T, h Harness) {
	for _, m := range moves() {
		t.Run(m.name, func(t *testing.T) {
			b := h.Open(t, Apex, append(seed(), m.seed...))
			if m.can != nil && !m.can(b.Zone.Abilities()) {
				t.Skip("the zone's abilities exclude it")
			}
			original := dump(t, b)
			before := failover.Select(read(t, b, m.names), m.names)
			there := plan(m.names, before, failover.SortSets(m.after(before)))
			w := watch(t, b, there)
			replace(t, b, there, original)
			back := plan(m.names, failover.Select(read(t, b, m.names), m.names), before)
			replace(t, b, back, original)
			w.stop(t)
			wantSets(t, outside(dump(t, b), nil), outside(original, nil))
		})
	}
}

// replace applies a plan, checks the zone, and applies the plan again, which must change nothing.
func replace(t *testing.T, b Backend, p failover.Plan, original []failover.RecordSet) {
	t.Helper()
	if err := b.Zone.Replace(t.Context(), p); err != nil {
		t.Fatalf("replace: %v", err)
	}
	wantSets(t, failover.Select(read(t, b, p.Names), p.Names), p.After)
	whole := dump(t, b)
	wantSets(t, failover.Select(whole, p.Names), p.After)
	wantSets(t, outside(whole, p.Names), outside(original, p.Names))
	if err := b.Zone.Replace(t.Context(), p); err != nil {
		t.Fatalf("replace again: %v", err)
	}
	wantSets(t, dump(t, b), whole)
}

// plan builds a plan of the suite's zone.
func plan(names []string, before, after []failover.RecordSet) failover.Plan {
	return failover.Plan{Site: "www", ZoneRef: failover.ZoneRef{Provider: "test", Zone: Apex}, Names: names,
		Generation: 1, Target: failover.ToFallback, Before: before, After: after}
}
