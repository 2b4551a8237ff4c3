package failover

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Record types that move with a site. Everything else at a name (MX, TXT, CAA, NS, ...) is
// never created, changed or deleted.
const (
	TypeA     = "A"
	TypeAAAA  = "AAAA"
	TypeCNAME = "CNAME"
	TypeHTTPS = "HTTPS" // RFC 9460; its address hints, alpn and ech belong to the origin
	TypeSVCB  = "SVCB"  // RFC 9460
)

var managedTypes = [...]string{TypeA, TypeAAAA, TypeCNAME, TypeHTTPS, TypeSVCB}

// ManagedTypes returns the record types that a plan may touch, in canonical order.
func ManagedTypes() []string { return managedTypes[:] }

// Managed tells whether record sets of this type move with a site.
func Managed(rrtype string) bool { return slices.Contains(managedTypes[:], rrtype) }

// RecordSet is an RRset (RFC 9499 section 5): all records of one owner name and type.
type RecordSet struct {
	Name    string `json:"name"` // owner: lower case, fully qualified, with the final dot
	Type    string `json:"type"` // mnemonic in upper case, such as "A"
	TTL     uint32 `json:"ttl"`  // seconds; 1 where Proxied
	Proxied bool   `json:"proxied,omitempty"`
	// Locked says that the records belong to another product of the provider (Cloudflare: Workers,
	// Pages, Tunnel, e-mail routing) and cannot be changed through its DNS API.
	Locked  bool     `json:"locked,omitempty"`
	Records []Record `json:"records"`
}

// Record is one record of a set.
type Record struct {
	// Value is the RDATA in presentation format (RFC 1035 section 5.1), canonical: addresses as
	// netip prints them, domain names in lower case with the final dot.
	Value string `json:"value"`
	// Opaque holds the provider's own fields (Cloudflare: id, comment, tags, settings), kept so
	// that restoring is exact. Only the provider that wrote it reads it. In a JSON object, fields named
	// ttl and proxied say what the set says of its TTL and of proxying; see [Refresh].
	Opaque json.RawMessage `json:"opaque,omitempty"`
}

// CanonicalName returns a domain name in lower case with the final dot.
func CanonicalName(name string) string {
	name = strings.ToLower(name)
	if !strings.HasSuffix(name, ".") {
		name += "."
	}
	return name
}

// InZone tells whether a canonical name is the zone's apex or below it.
func InZone(name, zone string) bool {
	return name == zone || zone == "." || strings.HasSuffix(name, "."+zone)
}

// Values returns the RDATA of the set, sorted.
func (s RecordSet) Values() []string {
	values := make([]string, len(s.Records))
	for i, r := range s.Records {
		values[i] = r.Value
	}
	slices.Sort(values)
	return values
}

// Key names the set: owner and type.
func (s RecordSet) Key() string { return s.Name + " " + s.Type }

// Equal tells whether two sets say the same to the world: owner, type, TTL, proxied and values.
// The order of records and the provider's opaque fields do not count.
func (s RecordSet) Equal(o RecordSet) bool { return s.TTL == o.TTL && s.SameValues(o) }

// SameValues is Equal without the TTL.
func (s RecordSet) SameValues(o RecordSet) bool {
	return s.Name == o.Name && s.Type == o.Type && s.Proxied == o.Proxied && slices.Equal(s.Values(), o.Values())
}

// Clone returns a copy that shares nothing with the set.
func (s RecordSet) Clone() RecordSet {
	s.Records = slices.Clone(s.Records)
	for i := range s.Records {
		s.Records[i].Opaque = slices.Clone(s.Records[i].Opaque)
	}
	return s
}

// String renders the set for people, one line.
func (s RecordSet) String() string {
	ttl := fmt.Sprintf("%d", s.TTL)
	if s.Proxied {
		ttl = "proxied"
	}
	return fmt.Sprintf("%s %s %s %s", s.Name, ttl, s.Type, strings.Join(s.Values(), ", "))
}

// CloneSets copies a slice of sets deeply.
func CloneSets(sets []RecordSet) []RecordSet {
	out := make([]RecordSet, len(sets))
	for i, s := range sets {
		out[i] = s.Clone()
	}
	return out
}

// SortSets orders sets by owner and type, in place, and returns them.
func SortSets(sets []RecordSet) []RecordSet {
	slices.SortFunc(sets, func(a, b RecordSet) int { return strings.Compare(a.Key(), b.Key()) })
	return sets
}

// SameSets tells whether two collections hold equal sets, in any order.
func SameSets(a, b []RecordSet) bool { return len(Diff(a, b)) == 0 }

// Select returns the managed sets among sets whose owner is one of names, sorted.
func Select(sets []RecordSet, names []string) []RecordSet {
	out := []RecordSet{}
	for _, s := range sets {
		if Managed(s.Type) && slices.Contains(names, s.Name) {
			out = append(out, s)
		}
	}
	return SortSets(out)
}

// Change is one difference between two collections. Before is nil for a set that appears, After
// for one that goes.
type Change struct {
	Before *RecordSet `json:"before"`
	After  *RecordSet `json:"after"`
}

// Diff lists what must change to come from before to after, sorted by owner and type.
func Diff(before, after []RecordSet) []Change {
	old := make(map[string]RecordSet, len(before))
	for _, s := range before {
		old[s.Key()] = s
	}
	changes := []Change{}
	seen := make(map[string]bool, len(after))
	for _, s := range after {
		seen[s.Key()] = true
		was, found := old[s.Key()]
		switch {
		case !found:
			changes = append(changes, Change{After: &s})
		case !was.Equal(s):
			changes = append(changes, Change{Before: &was, After: &s})
		}
	}
	for _, s := range before {
		if !seen[s.Key()] {
			changes = append(changes, Change{Before: &s})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Key(), b.Key()) })
	return changes
}

// Key names the set that changes: owner and type.
func (c Change) Key() string {
	if c.After != nil {
		return c.After.Key()
	}
	return c.Before.Key()
}

// String renders the change for people: "-" goes, "+" comes.
func (c Change) String() string {
	switch {
	case c.Before == nil:
		return "+ " + c.After.String()
	case c.After == nil:
		return "- " + c.Before.String()
	default:
		return "- " + c.Before.String() + "\n+ " + c.After.String()
	}
}
