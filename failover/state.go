package failover

import (
	"reflect"
	"slices"
	"time"
)

// Phase is where a site stands.
type Phase string

const (
	Primary    Phase = "primary"    // the origin serves and is well
	Suspect    Phase = "suspect"    // the origin fails, not for long enough yet
	InFallback Phase = "fallback"   // the fallback serves
	Recovering Phase = "recovering" // the fallback serves, the origin is well again, not for long enough yet
)

// Serving tells whether the fallback serves the site in this phase.
func (p Phase) Serving() bool { return p == InFallback || p == Recovering }

// State is all that is known and decided about a site. The newest journal entry holds it.
type State struct {
	Phase Phase     `json:"phase"`
	Since time.Time `json:"since"` // when the phase began

	FailingSince time.Time `json:"failingSince,omitzero"` // start of the unbroken run of failure
	HealthySince time.Time `json:"healthySince,omitzero"` // start of the unbroken run of health
	EvidenceAt   time.Time `json:"evidenceAt,omitzero"`   // when fresh observations last decided anything
	OutageSince  time.Time `json:"outageSince,omitzero"`  // start of the failure that led to the switch

	Cause  Cause  `json:"cause,omitempty"`  // of the newest failure
	Detail string `json:"detail,omitempty"` // of the newest failure

	Latched bool `json:"latched,omitempty"` // switched by hand: automation does not undo it
	// Overrides are the rules that the operator's last word sets aside until it is carried out.
	Overrides []string `json:"overrides,omitempty"`
	Held      bool     `json:"held,omitempty"`   // automation stands still
	Armed     bool     `json:"armed,omitempty"`  // an operator keeps TTLs low
	Reason    string   `json:"reason,omitempty"` // the operator's words for the latch or the hold

	TroubleAt time.Time   `json:"troubleAt,omitzero"`  // when the site last came back to primary
	Switched  time.Time   `json:"switched,omitzero"`   // the last switch, either way
	Failovers []time.Time `json:"failovers,omitempty"` // automatic switches to the fallback in the last 24 h
	LameUntil time.Time   `json:"lameUntil,omitzero"`  // visitors may still come to the fallback until then
	Vetoes    []Veto      `json:"vetoes,omitempty"`    // why a wanted switch does not happen

	Generation uint64      `json:"generation"` // of the newest plan
	Zones      []ZoneState `json:"zones,omitempty"`
}

// ZoneState is what is known of one zone of a site.
type ZoneState struct {
	ZoneRef
	Names      []string    `json:"names"`
	Baseline   []RecordSet `json:"baseline"` // managed sets, as they were before we touched them
	BaselineAt time.Time   `json:"baselineAt"`
	// Applied is the form that a read-back confirmed last; Origin until we touch the zone.
	Applied   Target    `json:"applied"`
	AppliedAt time.Time `json:"appliedAt,omitzero"`
	// Written holds the sets of the last plan that was applied; nil while the zone is as others left it.
	Written []RecordSet `json:"written,omitempty"`
	// Fallbacks are the records that ever pointed the zone at a fallback of ours, as "TYPE value", the
	// newest last. None of them is an original, whatever the configuration says now.
	Fallbacks []string `json:"fallbacks,omitempty"`
	// Taken are the keys of the baseline's sets that a switch took away, until they are seen to be back.
	Taken []string `json:"taken,omitempty"`
	// Lows are the TTLs (seconds) that records of the zone were lowered to, the newest last.
	Lows []uint32 `json:"lows,omitempty"`
	// Hearsay: only a reading says that the zone points at the fallback. It may have been a stale one.
	Hearsay bool `json:"hearsay,omitempty"`
	// Obeyed: the word that [State] Overrides belong to was carried out here.
	Obeyed bool `json:"obeyed,omitempty"`
	// Reasserted counts how often somebody else's change was put right in this outage.
	Reasserted int `json:"reasserted,omitempty"`
	// Plan is the change that was begun and whose outcome is not yet confirmed.
	Plan *Plan `json:"plan,omitempty"`
	// Following is the newest change that was applied, while the authoritative servers are still asked
	// whether they follow.
	Following *Plan `json:"following,omitempty"`
	// Trouble is why the zone is not in the wanted form, for people; empty when it is.
	Trouble string `json:"trouble,omitempty"`
}

// SameDecision tells whether two states differ at most in their running evidence, which is not
// worth a journal entry.
func (s State) SameDecision(o State) bool {
	for _, p := range []*State{&s, &o} {
		p.FailingSince, p.HealthySince, p.EvidenceAt = time.Time{}, time.Time{}, time.Time{}
		p.Cause, p.Detail = "", ""
	}
	return reflect.DeepEqual(s, o)
}

// Overridden tells whether an operator set the rule aside.
func (s State) Overridden(rule string) bool { return slices.Contains(s.Overrides, rule) }

// Zone returns the state of one zone, or nil.
func (s *State) Zone(ref ZoneRef) *ZoneState {
	for i := range s.Zones {
		if s.Zones[i].ZoneRef == ref {
			return &s.Zones[i]
		}
	}
	return nil
}

// Clone returns a copy whose slices are its own; record sets are shared, and never changed in place.
func (s State) Clone() State {
	s.Failovers = append([]time.Time(nil), s.Failovers...)
	s.Vetoes = append([]Veto(nil), s.Vetoes...)
	s.Zones = append([]ZoneState(nil), s.Zones...)
	return s
}

// Known tells whether there is a baseline for every name of the zone.
func (z ZoneState) Known() bool { return len(z.Baseline) > 0 && !z.BaselineAt.IsZero() }

// Takes returns the keys of the baseline's sets that are not among the sets.
func (z ZoneState) Takes(sets []RecordSet) []string {
	var keys []string
	for _, s := range z.Baseline {
		if !find(sets, s.Key()) {
			keys = append(keys, s.Key())
		}
	}
	return keys
}

// Missing returns which of the sets that a switch took away are not among the sets.
func (z ZoneState) Missing(sets []RecordSet) []string {
	return slices.DeleteFunc(slices.Clone(z.Taken), func(key string) bool { return find(sets, key) })
}

// Renamed returns the state of an untouched zone for other names: what is known of those that stay is
// kept, and the baseline is read again.
func (z ZoneState) Renamed(names []string) ZoneState {
	z.Baseline, z.BaselineAt, z.Written = Select(z.Baseline, names), time.Time{}, nil
	z.Names, z.Following, z.Taken, z.Trouble = names, nil, nil, ""
	return z
}

// Lowers adds a TTL to those that records were lowered to.
func (z ZoneState) Lowers(ttl uint32) []uint32 {
	if slices.Contains(z.Lows, ttl) {
		return z.Lows
	}
	lows := append(slices.Clone(z.Lows), ttl)
	return lows[max(0, len(lows)-kept):]
}

// Untouched tells whether the zone is as others left it: nothing of ours is in it or on its way.
func (z ZoneState) Untouched() bool { return z.Applied == ToOrigin && z.Plan == nil }

// LowFrom tells from when on no resolver that honours TTLs can hold one longer than the armed TTL
// (seconds): one old TTL after the zone was armed. It is false while the zone's TTLs are not low.
func (z ZoneState) LowFrom(armed uint32) (time.Time, bool) {
	longest := uint32(0)
	for _, s := range z.Baseline {
		if !s.Proxied { // where the provider's proxy answers there is no client TTL
			longest = max(longest, s.TTL)
		}
	}
	switch {
	case len(z.Baseline) == 0:
		return time.Time{}, false
	case longest <= armed:
		return z.BaselineAt, true
	case z.Applied == ToOrigin:
		return time.Time{}, false
	default:
		return z.AppliedAt.Add(time.Duration(longest) * time.Second), true
	}
}

// Visitors tells whether visitors of the site may come to the fallback: it serves, or did so a
// moment ago, or a change towards it may be under way.
func (s State) Visitors(now time.Time) bool {
	return s.Phase.Serving() || now.Before(s.LameUntil) || slices.ContainsFunc(s.Zones, func(z ZoneState) bool {
		return z.Applied == ToFallback || z.Plan != nil && z.Plan.Target == ToFallback
	})
}
