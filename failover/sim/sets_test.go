package sim

import (
	"slices"

	"github.com/failover-dns/failover/failover"
)

// exact is Equal with the provider's own fields.
func exact(a, b failover.RecordSet) bool {
	return a.Equal(b) && slices.Equal(opaque(a), opaque(b))
}

func opaque(s failover.RecordSet) []string {
	var list []string
	for _, r := range s.Records {
		list = append(list, r.Value+" "+string(r.Opaque))
	}
	return sorted(list)
}

func sorted(list []string) []string {
	list = slices.Clone(list)
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

// find returns a copy of the set of a key, or nil.
func find(sets []failover.RecordSet, key string) *failover.RecordSet {
	i := slices.IndexFunc(sets, func(s failover.RecordSet) bool { return s.Key() == key })
	if i < 0 {
		return nil
	}
	s := sets[i].Clone()
	return &s
}

func addressed(sets []failover.RecordSet, name string) bool {
	return slices.ContainsFunc(sets, func(s failover.RecordSet) bool {
		return s.Name == name && len(s.Records) > 0 && (s.Type == failover.TypeA || s.Type == failover.TypeAAAA || s.Type == failover.TypeCNAME)
	})
}
