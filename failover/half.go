package failover

import (
	"fmt"
	"maps"
	"slices"
)

// Half tells whether sets, read at the plan's names, are what a provider leaves that changes one record
// after the other and stopped on the way: nothing but records of before the plan and of after it, all
// that are in both, something of every set that is in both, and no name empty. It can be asked of every
// provider, for what is written down as one transaction may not always be one.
func (p Plan) Half(sets []RecordSet) bool {
	before, after, now := lines(p.Before), lines(p.After), lines(sets)
	for line := range now {
		if !before[line] && !after[line] {
			return false
		}
	}
	for line := range before {
		if after[line] && !now[line] {
			return false
		}
	}
	if _, deleted := unaddressed(p.Names, sets); deleted {
		return false
	}
	for _, set := range p.Before { // what stays is changed in place; if it is gone, somebody deleted it
		if find(p.After, set.Key()) && !find(sets, set.Key()) {
			return false
		}
	}
	return true
}

// Mixed tells whether sets are a mixture of forms of ours that points at the fallback in part. Nobody
// else leaves such a zone; but a set that the origin's and the fallback's form both have, and that is not
// there, somebody deleted.
func (d Draft) Mixed(sets []RecordSet) bool {
	if !d.PointsAtFallback(sets) || !d.Ours(sets) {
		return false
	}
	away, err := d.Form(ToFallback)
	return err == nil && !slices.ContainsFunc(d.Baseline, func(s RecordSet) bool {
		return find(away, s.Key()) && !find(sets, s.Key())
	})
}

// Ours tells whether every record is one of the origin's, the armed or the fallback's form or of what we
// wrote last, and no name is empty.
func (d Draft) Ours(sets []RecordSet) bool {
	ours := lines(d.Written)
	for _, target := range []Target{ToOrigin, ToArmed, ToFallback} {
		if form, err := d.Form(target); err == nil {
			maps.Copy(ours, lines(form))
		}
	}
	for line := range lines(sets) {
		if !ours[line] {
			return false
		}
	}
	_, deleted := unaddressed(d.Names, sets)
	return !deleted
}

// Undeleted returns the sets with those of the plan's end that the fallback's form lacks: on the way back
// it was we who took them away, though a stale reading may have shown them to the plan.
func (d Draft) Undeleted(p Plan, sets []RecordSet) []RecordSet {
	away, err := d.Form(ToFallback)
	if err != nil {
		return sets
	}
	all := slices.Clone(sets)
	for _, s := range p.After {
		if !find(away, s.Key()) && !find(all, s.Key()) {
			all = append(all, s)
		}
	}
	return all
}

func find(sets []RecordSet, key string) bool {
	return slices.ContainsFunc(sets, func(s RecordSet) bool { return s.Key() == key })
}

// lines are the single records of sets, each as the world sees it.
func lines(sets []RecordSet) map[string]bool {
	all := map[string]bool{}
	for _, s := range sets {
		for _, value := range s.Values() {
			all[fmt.Sprintf("%s %d %v %s", s.Key(), s.TTL, s.Proxied, value)] = true
		}
	}
	return all
}
