package failover

import (
	"fmt"
	"slices"
)

// NewBaseline returns the managed sets among current that may serve as the draft's baseline, which
// it ignores. A zone that points at our own fallback is never a baseline, and neither is one that
// lacks an address at a name.
func (d Draft) NewBaseline(current []RecordSet) ([]RecordSet, error) {
	sets := Select(current, d.Names)
	for _, s := range sets {
		if d.pointsAtFallback(s) {
			return nil, fmt.Errorf("%w: %s %s already points at the fallback, so the original record is not known here; "+
				"put the origin's record back in the zone, or restore the data directory", ErrDrift, s.Name, s.Type)
		}
	}
	d.Baseline = sets
	if _, err := d.Form(ToOrigin); err != nil {
		return nil, err
	}
	return sets, nil
}

// AdoptBaseline returns the baseline that follows when somebody changed the zone while the origin
// served it. A set that still carries our own low TTL keeps its original one, whatever else was
// changed about it; armed says whether we lowered TTLs.
func (d Draft) AdoptBaseline(current []RecordSet, armed bool) ([]RecordSet, error) {
	sets, err := d.NewBaseline(current)
	if err != nil || !armed {
		return sets, err
	}
	ours := map[string]RecordSet{}
	for _, s := range d.Baseline {
		ours[s.Key()] = s
	}
	for i, s := range sets {
		if was, found := ours[s.Key()]; found && d.armed([]RecordSet{was})[0].TTL == s.TTL {
			sets[i].TTL = was.TTL
		}
	}
	return sets, nil
}

// Refresh returns the baseline with the provider's own fields that the records carry now: a comment may
// be edited at any time while the values stay.
func Refresh(baseline, current []RecordSet) []RecordSet {
	now := map[string][]byte{}
	for _, s := range current {
		for _, r := range s.Records {
			now[s.Key()+" "+r.Value] = r.Opaque
		}
	}
	fresh := CloneSets(baseline)
	for i := range fresh {
		for k, r := range fresh[i].Records {
			if opaque, found := now[fresh[i].Key()+" "+r.Value]; found {
				fresh[i].Records[k].Opaque = opaque
			}
		}
	}
	return fresh
}

// PointsAtFallback tells whether any record of the sets is one of the fallback's own.
func (d Draft) PointsAtFallback(sets []RecordSet) bool {
	return slices.ContainsFunc(sets, d.pointsAtFallback)
}

// pointsAtFallback tells whether any record of the set is one of the fallback's own.
func (d Draft) pointsAtFallback(s RecordSet) bool {
	for _, r := range s.Records {
		switch s.Type {
		case TypeA:
			for _, a := range d.Fallback.IPv4 {
				if r.Value == a.String() {
					return true
				}
			}
		case TypeAAAA:
			for _, a := range d.Fallback.IPv6 {
				if r.Value == a.String() {
					return true
				}
			}
		case TypeCNAME:
			if d.Fallback.CNAME != "" && r.Value == d.Fallback.CNAME {
				return true
			}
		}
	}
	return false
}
