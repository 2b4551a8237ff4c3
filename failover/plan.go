package failover

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Plan is a change to one zone, as data: it moves exactly Before to exactly After.
type Plan struct {
	Site string `json:"site"`
	ZoneRef
	// Names are the owner names governed: every managed set at these names is in Before or After,
	// and a managed set in neither must not exist.
	Names      []string    `json:"names"`
	Generation uint64      `json:"generation"`
	Target     Target      `json:"target"`
	Before     []RecordSet `json:"before"` // as re-read from the zone, opaque fields included
	After      []RecordSet `json:"after"`  // opaque fields where the baseline has them
}

// Empty tells whether the plan changes nothing.
func (p Plan) Empty() bool { return SameSets(p.Before, p.After) }

// Changes lists what the plan changes, sorted.
func (p Plan) Changes() []Change { return Diff(p.Before, p.After) }

// Draft is what a plan is made from.
type Draft struct {
	Site string
	ZoneRef
	Names     []string
	Baseline  []RecordSet // managed sets
	Fallback  Fallback
	ArmedTTL  uint32 // seconds
	Abilities Abilities
	Written   []RecordSet // what we wrote last, if anything; known even when the configuration changed since
	Lows      []uint32    // see [ZoneState]
	Fallbacks []string    // see [ZoneState]; without what is an origin's address now
	Force     bool        // an operator accepts that a zone in an unknown form is overwritten
}

// ErrDrift is matched by errors that say: the zone is not what the plan was made from. Nothing was changed.
var ErrDrift = errors.New("the zone is not as expected")

// ErrNoPlan is matched by errors that say: the target cannot be reached by any safe plan.
var ErrNoPlan = errors.New("no safe plan")

// MakePlan returns the plan that brings the zone from current, all record sets read at the names,
// to the target. It is pure. The plan never empties a name and never names a set that is not
// managed. A current zone in none of the forms that the draft knows is drift.
func MakePlan(d Draft, target Target, current []RecordSet) (Plan, error) {
	before := Select(current, d.Names)
	if len(d.Baseline) == 0 {
		return Plan{}, fmt.Errorf("%w: what %s holds while all is well is not known here", ErrNoPlan, d.Zone)
	}
	after, err := d.Form(target)
	if err != nil {
		return Plan{}, err
	}
	if _, known := d.Recognise(before); !known && !d.Force {
		return Plan{}, fmt.Errorf("%w: %s holds neither what it held before nor what we wrote: %s; "+
			"put it back by hand, or: failover trigger/restore --override drift", ErrDrift, d.Zone, d.strange(before))
	}
	if err := d.coexist(after, current); err != nil {
		return Plan{}, err
	}
	for _, c := range Diff(before, after) {
		if c.Before != nil && c.Before.Locked {
			return Plan{}, fmt.Errorf("%w: %s belongs to another product of the provider and cannot be changed through its DNS API; "+
				"detach it there, or take the host out of the site", ErrNoPlan, c.Before.Key())
		}
	}
	return Plan{Site: d.Site, ZoneRef: d.ZoneRef, Names: d.Names, Target: target, Before: before, After: after}, nil
}

// strange says how sets differ from what they were last known to be.
func (d Draft) strange(sets []RecordSet) string {
	last := d.Baseline
	if len(d.Written) > 0 {
		last = d.Written
	}
	text := ""
	for _, c := range Diff(last, sets) {
		text += ", " + strings.ReplaceAll(c.String(), "\n", " ")
	}
	return strings.TrimPrefix(text, ", ")
}

// Form returns the managed sets that the zone has in the target's form.
func (d Draft) Form(target Target) ([]RecordSet, error) {
	if name, found := unaddressed(d.Names, d.Baseline); found {
		return nil, fmt.Errorf("%w: the zone held no A, AAAA or CNAME at %s; create the record, or take the host out of the site", ErrNoPlan, name)
	}
	switch target {
	case ToOrigin:
		return CloneSets(d.Baseline), nil
	case ToArmed:
		return d.armed(d.Baseline), nil
	case ToFallback:
		return d.fallback()
	default:
		return nil, fmt.Errorf("%w: unknown target %q", ErrNoPlan, target)
	}
}

// Recognise tells which form the managed sets have. Where the baseline's TTLs are low already,
// origin and armed are the same form, called origin. Sets that we wrote under an older
// configuration are known too, and have no target's name.
func (d Draft) Recognise(sets []RecordSet) (target Target, known bool) {
	for _, target := range []Target{ToOrigin, ToArmed, ToFallback} {
		if form, err := d.Form(target); err == nil && SameSets(form, sets) {
			return target, true
		}
	}
	return "", len(d.Written) > 0 && SameSets(d.Written, sets)
}

// armed lowers TTLs; a proxied set has none to lower.
func (d Draft) armed(sets []RecordSet) []RecordSet {
	out := CloneSets(sets)
	for i := range out {
		if !out[i].Proxied {
			out[i].TTL = min(out[i].TTL, d.LowTTL())
		}
	}
	return out
}

// LowTTL is what TTLs are lowered to, in seconds.
func (d Draft) LowTTL() uint32 { return max(d.ArmedTTL, d.Abilities.MinTTL, 1) }

// fallback builds the sets that point every name at the fallback. A proxied name stays proxied.
func (d Draft) fallback() ([]RecordSet, error) {
	sets := []RecordSet{}
	for _, name := range d.Names {
		proxied := d.proxied(name)
		add := func(rrtype string, values []string) {
			if len(values) == 0 {
				return
			}
			set := RecordSet{Name: name, Type: rrtype, TTL: d.fallbackTTL(name), Proxied: proxied}
			if proxied {
				set.TTL = 1
			}
			for _, v := range values {
				set.Records = append(set.Records, Record{Value: v})
			}
			sets = append(sets, set)
		}
		if d.Fallback.CNAME != "" {
			add(TypeCNAME, []string{d.Fallback.CNAME})
			continue
		}
		add(TypeA, addresses(d.Fallback.IPv4))
		add(TypeAAAA, addresses(d.Fallback.IPv6))
	}
	if name, found := unaddressed(d.Names, sets); found {
		return nil, fmt.Errorf("%w: the fallback has no address for %s", ErrNoPlan, name)
	}
	return SortSets(sets), nil
}

// fallbackTTL is the armed TTL, or the least that the name had, if that is lower.
func (d Draft) fallbackTTL(name string) uint32 {
	ttl := d.LowTTL()
	for _, s := range d.Baseline {
		if s.Name == name && !s.Proxied {
			ttl = min(ttl, s.TTL)
		}
	}
	return ttl
}

func (d Draft) proxied(name string) bool {
	return slices.ContainsFunc(d.Baseline, func(s RecordSet) bool { return s.Name == name && s.Proxied })
}

// coexist refuses a CNAME beside other data or at the apex (RFC 1034 section 3.6.2).
func (d Draft) coexist(after, current []RecordSet) error {
	if d.Abilities.FlattensCNAME {
		return nil
	}
	for _, set := range after {
		if set.Type != TypeCNAME {
			continue
		}
		if set.Name == d.Zone {
			return fmt.Errorf("%w: a CNAME cannot stand at the apex %s; give the fallback addresses instead", ErrNoPlan, d.Zone)
		}
		for _, other := range current {
			if other.Name == set.Name && !Managed(other.Type) {
				return fmt.Errorf("%w: a CNAME cannot stand beside the %s record at %s; give the fallback addresses instead", ErrNoPlan, other.Type, set.Name)
			}
		}
	}
	return nil
}

// unaddressed returns the first of the names that has no address among the sets.
func unaddressed(names []string, sets []RecordSet) (name string, found bool) {
	for _, name := range names {
		if !hasAddress(sets, name) {
			return name, true
		}
	}
	return "", false
}

func hasAddress(sets []RecordSet, name string) bool {
	return slices.ContainsFunc(sets, func(s RecordSet) bool {
		return s.Name == name && len(s.Records) > 0 && (s.Type == TypeA || s.Type == TypeAAAA || s.Type == TypeCNAME)
	})
}

func addresses[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.String()
	}
	return out
}
