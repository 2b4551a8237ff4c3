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
			return nil, fmt.Errorf("%w: %s %s already points at the fallback, and what it held before is not known here; "+
				"try: declare `records` in the site (a reload is enough), or put the origin's record back, or: failover state import BACKUP", ErrDrift, s.Name, s.Type)
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
		was, found := ours[s.Key()]
		mine := found && d.armed([]RecordSet{was})[0].TTL == s.TTL
		mine = mine || found && s.TTL < was.TTL && slices.Contains(d.Lows, s.TTL) // the armed TTL of then may be another than that of now
		if mine {
			sets[i].TTL = was.TTL
		}
	}
	return sets, nil
}

// Declared returns the declared sets at the draft's names, for a zone that points at the fallback and
// whose original nobody remembers. It is false where a name lacks an address, or the zone is not ours.
func (d Draft) Declared(declared, current []RecordSet) ([]RecordSet, bool) {
	now := Select(current, d.Names)
	sets := ProxiedAs(now, Select(declared, d.Names))
	if _, found := unaddressed(d.Names, sets); found {
		return nil, false
	}
	return sets, d.PointsAtFallback(now) && !d.PointsAtFallback(sets)
}

// ProxiedAs returns sets with those at the names proxied that are proxied in now: master files have no
// words for that.
func ProxiedAs(now, sets []RecordSet) []RecordSet {
	out := slices.Clone(sets)
	for i, s := range out {
		if slices.ContainsFunc(now, func(n RecordSet) bool { return n.Name == s.Name && n.Proxied }) {
			out[i].Proxied, out[i].TTL = true, 1
		}
	}
	return out
}

// PointsAtFallback tells whether any record of the sets is one of the fallback's own.
func (d Draft) PointsAtFallback(sets []RecordSet) bool {
	return slices.ContainsFunc(sets, d.pointsAtFallback)
}

// pointsAtFallback tells whether any record of the set is one of the fallback's own, or was.
func (d Draft) pointsAtFallback(s RecordSet) bool { return len(d.Pointers([]RecordSet{s})) > 0 }

// Pointers returns the records of sets that are the fallback's own, or were, as "TYPE value".
func (d Draft) Pointers(sets []RecordSet) []string {
	own := slices.Concat(records(TypeA, addresses(d.Fallback.IPv4)...), records(TypeAAAA, addresses(d.Fallback.IPv6)...),
		records(TypeCNAME, d.Fallback.CNAME), d.Fallbacks)
	return slices.DeleteFunc(all(sets), func(r string) bool { return !slices.Contains(own, r) })
}

// all returns the records of sets as "TYPE value".
func all(sets []RecordSet) []string {
	var out []string
	for _, s := range sets {
		out = append(out, records(s.Type, s.Values()...)...)
	}
	return out
}

// records renders records as "TYPE value".
func records(rrtype string, values ...string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = rrtype + " " + v
	}
	return out
}

// kept is how many records of fallbacks are remembered for a zone.
const kept = 16

// Remember adds records that point at the fallback to those that did before.
func Remember(before, pointers []string) []string {
	known := slices.Clone(before)
	for _, r := range pointers {
		if !slices.Contains(known, r) {
			known = append(known, r)
		}
	}
	return known[max(0, len(known)-kept):]
}

// Recall completes the state of a zone as versions wrote it that did not keep its fallbacks: what we wrote
// there for the fallback and is not the origin's.
func (z ZoneState) Recall() ZoneState {
	if len(z.Fallbacks) > 0 {
		return z
	}
	var wrote []string
	if z.Applied == ToFallback {
		wrote = all(z.Written)
	}
	if z.Plan != nil && z.Plan.Target == ToFallback {
		wrote = append(wrote, all(z.Plan.After)...)
	}
	theirs := all(z.Baseline)
	z.Fallbacks = Remember(nil, slices.DeleteFunc(wrote, func(r string) bool { return slices.Contains(theirs, r) }))
	return z
}
