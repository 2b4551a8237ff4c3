package failover

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Verdict is what fresh observations say together.
type Verdict struct {
	Health Health    `json:"health"`
	Cause  Cause     `json:"cause,omitempty"`  // of the failure, or CausePartial beside Up
	Detail string    `json:"detail,omitempty"` // one sentence
	Since  time.Time `json:"since,omitzero"`   // when the last observation needed for the verdict was made
	Until  time.Time `json:"until,omitzero"`   // every part of the origin was seen so at this time or later

	Blind bool `json:"blind"` // references were asked and too few answered: we may be the ones offline
	// Proven is when enough references were last seen to answer; zero without references.
	Proven time.Time `json:"proven,omitzero"`
	Doubt  string    `json:"doubt,omitempty"` // why a failure may be ours all the same; set by the controller
	// Against is what else stands against a switch to the fallback; set by the controller.
	Against        []Veto `json:"against,omitempty"`
	FallbackReady  bool   `json:"fallbackReady"` // our own server serves every host, as seen through its public address
	FallbackDetail string `json:"fallbackDetail,omitempty"`
}

// Judge combines observations. Only fresh ones vote, the newest of each look; looks at an address
// family in which a vantage's references fail do not; more than half of the voting vantages must agree.
func (p Policy) Judge(observations []Observation, now time.Time) Verdict {
	byVantage := map[string][]Observation{}
	latest := newest(observations, now)
	for _, o := range latest {
		byVantage[o.Vantage] = append(byVantage[o.Vantage], o)
	}
	verdict := Verdict{Health: Unknown, Detail: "no fresh observation"}
	votes := map[Health][]Verdict{}
	voters, blind := 0, ""
	for _, name := range slices.Sorted(maps.Keys(byVantage)) {
		v := p.origin(byVantage[name], now)
		if v.Blind {
			blind = v.Detail
			continue
		}
		votes[v.Health] = append(votes[v.Health], v)
		voters++
	}
	switch {
	case len(votes[Down])*2 > voters:
		verdict = votes[Down][0]
	case len(votes[Up])*2 > voters:
		verdict = votes[Up][0]
	case voters == 0 && blind != "":
		verdict.Blind, verdict.Detail = true, blind
	case len(votes[Unknown]) > 0:
		verdict.Detail = votes[Unknown][0].Detail
	}
	verdict.FallbackReady, verdict.FallbackDetail = p.fallback(latest, now)
	return verdict
}

// newest keeps the newest observation of each key that is not from the future, in a fixed order.
func newest(observations []Observation, now time.Time) []Observation {
	latest := map[ObservationKey]Observation{}
	for _, o := range observations {
		if o.At.After(now) {
			continue
		}
		old, found := latest[o.Key()]
		if !found || newer(o, old) {
			latest[o.Key()] = o
		}
	}
	return slices.SortedFunc(maps.Values(latest), func(a, b Observation) int {
		return cmp.Or(cmp.Compare(a.Vantage, b.Vantage), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Check, b.Check))
	})
}

// newer orders two observations of one key; what happened at the same time is ordered by content,
// so that the order of arrival does not matter.
func newer(a, b Observation) bool {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Health, b.Health), cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Detail, b.Detail)) > 0
}

// origin judges the origin from one vantage: an address is down when any check fails there, and
// the origin is down when all its addresses are (or, with AnyAddress, one). Addresses of a family
// that the vantage cannot see abstain.
func (p Policy) origin(view []Observation, now time.Time) Verdict {
	eyes := p.eyes(view, now)
	addresses, unseen := map[string]*Verdict{}, map[string]bool{}
	for _, o := range view {
		if o.Role != RoleOrigin {
			continue
		}
		at, sight := host(o.Address), eyes.at(o.Address)
		if !sight.clear {
			unseen[at] = true
			continue
		}
		a := addresses[at]
		if a == nil {
			a = &Verdict{Health: Up, Since: o.At, Until: o.At, Proven: sight.proven}
			addresses[at] = a
		}
		a.add(o, now.Sub(o.At) <= p.Fresh)
	}
	if eyes.shut() || len(unseen) > 0 && len(unseen) >= p.Addresses {
		return Verdict{Health: Unknown, Blind: true, Detail: eyes.complaint()}
	}
	return p.tally(addresses, max(0, p.Addresses-len(addresses)-len(unseen)))
}

// tally judges the origin by its addresses; missing ones were not looked at.
func (p Policy) tally(addresses map[string]*Verdict, missing int) Verdict {
	var up, down []string
	for _, at := range slices.Sorted(maps.Keys(addresses)) {
		switch addresses[at].Health {
		case Up:
			up = append(up, at)
		case Down:
			down = append(down, at)
		default:
			missing++
		}
	}
	switch {
	case len(down) > 0 && (p.AnyAddress || len(up) == 0 && missing == 0):
		return merge(Down, addresses, down)
	case len(up) > 0 && len(down) > 0 && !p.AnyAddress:
		v := merge(Up, addresses, up)
		v.Cause = CausePartial
		v.Detail = fmt.Sprintf("%d of %d addresses fail; %s: %s", len(down), len(addresses), down[0], addresses[down[0]].Detail)
		return v
	case len(up) > 0 && len(down) == 0 && (missing == 0 || !p.AnyAddress):
		return merge(Up, addresses, up)
	default:
		return Verdict{Health: Unknown, Detail: "not every address was looked at lately"}
	}
}

// add lets one look at an address count: failure wins over staleness, staleness over health.
func (v *Verdict) add(o Observation, fresh bool) {
	health := o.Health
	if !fresh {
		health = Unknown
	}
	switch {
	case health == Down && v.Health != Down:
		v.Health, v.Cause, v.Detail, v.Since, v.Until = Down, o.Cause, o.Detail, o.At, o.At
	case health == Down:
		if o.At.After(v.Until) {
			v.Until = o.At
		}
	case v.Health == Down:
	case health == Unknown:
		v.Health = Unknown
	case v.Health == Up:
		if o.At.After(v.Since) {
			v.Since = o.At
		}
		if o.At.Before(v.Until) {
			v.Until = o.At
		}
	}
}

// merge combines the addresses that decided.
func merge(health Health, addresses map[string]*Verdict, decided []string) Verdict {
	v := *addresses[decided[0]]
	v.Health = health
	for _, at := range decided[1:] {
		a := addresses[at]
		if a.Since.After(v.Since) {
			v.Since = a.Since
		}
		if a.Until.Before(v.Until) {
			v.Until = a.Until
		}
		if a.Proven.Before(v.Proven) {
			v.Proven = a.Proven
		}
	}
	return v
}

// fallback tells whether our own server was seen to serve every host.
func (p Policy) fallback(latest []Observation, now time.Time) (bool, string) {
	hosts := map[string]bool{}
	detail := ""
	for _, o := range latest {
		if o.Role != RoleFallback || now.Sub(o.At) > p.FallbackFresh {
			continue
		}
		well, seen := hosts[o.Check]
		hosts[o.Check] = o.Health == Up && (well || !seen)
		if o.Health != Up && detail == "" {
			detail = o.Check + " at " + o.Address + ": " + o.Detail
		}
	}
	ready := 0
	for _, well := range hosts {
		if well {
			ready++
		}
	}
	switch {
	case detail != "":
		return false, detail
	case ready < p.Hosts:
		return false, fmt.Sprintf("%d of %d hosts were checked; try: failover check", ready, p.Hosts)
	default:
		return true, ""
	}
}
