package zonetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/failover-dns/failover/failover"
)

// runReads holds what Read must say of a zone that nobody changes.
func runReads(t *testing.T, h Harness) {
	b := h.Open(t, Apex, seed())
	for _, c := range []struct {
		name  string
		names []string
		want  []failover.RecordSet // managed sets
		types string               // all types expected, as "name TYPE" without apex, joined by blanks
	}{
		{"no names", nil, nil, ""},
		{"one name", []string{plain}, []failover.RecordSet{Set(plain, "A", longTTL, "192.0.2.4")}, plain + " A"},
		{"absent", []string{"nothing." + Apex}, nil, ""},
		{"present and absent", []string{"nothing." + Apex, plain}, []failover.RecordSet{Set(plain, "A", longTTL, "192.0.2.4")}, plain + " A"},
		{"empty non-terminal", []string{"below." + Apex}, nil, ""},
		{"a CNAME is not followed", []string{shop}, []failover.RecordSet{Set(shop, "CNAME", longTTL, "shops.example.net.")}, shop + " CNAME"},
		{"the wildcard itself", []string{wildcard}, []failover.RecordSet{Set(wildcard, "A", longTTL, "192.0.2.3")}, wildcard + " A"},
		{"covered by the wildcard, not in the zone", []string{"some.apps." + Apex}, nil, ""},
		{"two addresses", []string{other}, []failover.RecordSet{Set(other, "A", longTTL, "192.0.2.7", "192.0.2.8")}, other + " A," + other + " CAA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := read(t, b, c.names)
			wantSets(t, failover.Select(got, c.names), c.want)
			if all := keys(got); all != c.types {
				t.Errorf("sets read: %q, want %q", all, c.types)
			}
		})
	}
	t.Run("all types, sorted", func(t *testing.T) {
		got := read(t, b, []string{www, Apex})
		if !slices.IsSortedFunc(got, func(a, b failover.RecordSet) int { return strings.Compare(a.Key(), b.Key()) }) {
			t.Errorf("not sorted: %s", keys(got))
		}
		for _, key := range []string{Apex + " A", Apex + " AAAA", Apex + " MX", Apex + " TXT",
			www + " A", www + " AAAA", www + " HTTPS", www + " TXT"} {
			if !slices.ContainsFunc(got, func(s failover.RecordSet) bool { return s.Key() == key && len(s.Records) > 0 }) {
				t.Errorf("%s is missing in %s", key, keys(got))
			}
		}
	})
	t.Run("straight from the provider", func(t *testing.T) {
		put(t, b, Set(plain, "A", lowTTL, "192.0.2.44"))
		wantSets(t, read(t, b, []string{plain}), []failover.RecordSet{Set(plain, "A", lowTTL, "192.0.2.44")})
	})
}

// read reads names and fails the test on an error.
func read(t *testing.T, b Backend, names []string) []failover.RecordSet {
	t.Helper()
	sets, err := b.Zone.Read(t.Context(), names)
	if err != nil {
		t.Fatalf("read %v: %v", names, err)
	}
	return sets
}

// put edits the zone behind the provider's back.
func put(t *testing.T, b Backend, set failover.RecordSet) {
	t.Helper()
	if err := b.Put(set); err != nil {
		t.Fatalf("edit %s: %v", set.Key(), err)
	}
}

// dump returns the whole zone.
func dump(t *testing.T, b Backend) []failover.RecordSet {
	t.Helper()
	sets, err := b.Dump()
	if err != nil {
		t.Fatalf("dump: %v", err)
	}
	return sets
}

// outside returns what of a dump is not governed by the names, the SOA aside: its serial may move.
func outside(sets []failover.RecordSet, names []string) []failover.RecordSet {
	return slices.DeleteFunc(slices.Clone(sets), func(s failover.RecordSet) bool {
		return s.Type == "SOA" || failover.Managed(s.Type) && slices.Contains(names, s.Name)
	})
}

// wantSets compares two collections and shows what differs, want first.
func wantSets(t *testing.T, got, want []failover.RecordSet) {
	t.Helper()
	for _, change := range failover.Diff(want, got) {
		t.Errorf("want (-), got (+):\n%s", change)
	}
}

// keys names the sets, NS and SOA aside.
func keys(sets []failover.RecordSet) string {
	var list []string
	for _, s := range sets {
		if s.Type != "NS" && s.Type != "SOA" {
			list = append(list, s.Key())
		}
	}
	return strings.Join(list, ",")
}
