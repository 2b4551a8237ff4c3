package failover

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
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
	Proven         time.Time `json:"proven,omitzero"`
	Doubt          string    `json:"doubt,omitempty"` // why a failure may be ours all the same; set by the controller
	FallbackReady  bool      `json:"fallbackReady"`   // our own server serves every host, as seen through its public address
	FallbackDetail string    `json:"fallbackDetail,omitempty"`
}

// Judge combines observations. Only fresh ones vote, the newest of each look; a vantage whose
// references fail does not vote; more than half of the voting vantages must agree.
func (p Policy) Judge(observations []Observation, now time.Time) Verdict {
	byVantage := map[string][]Observation{}
	latest := newest(observations, now)
	for _, o := range latest {
		byVantage[o.Vantage] = append(byVantage[o.Vantage], o)
	}
	verdict := Verdict{Health: Unknown, Detail: "no fresh observation"}
	votes := map[Health][]Verdict{}
	voters, blind := 0, false
	for _, name := range slices.Sorted(maps.Keys(byVantage)) {
		proven, sees := p.sees(byVantage[name], now)
		if !sees {
			blind = true
			continue
		}
		v := p.origin(byVantage[name], now)
		v.Proven = proven
		votes[v.Health] = append(votes[v.Health], v)
		voters++
	}
	switch {
	case len(votes[Down])*2 > voters:
		verdict = votes[Down][0]
	case len(votes[Up])*2 > voters:
		verdict = votes[Up][0]
	case voters == 0 && blind:
		verdict.Detail = "too few references answer: our own network may be down"
	case len(votes[Unknown]) > 0:
		verdict.Detail = votes[Unknown][0].Detail
	}
	verdict.Blind = blind && voters == 0
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

// sees tells whether enough references answer, and when the last one that it takes did.
func (p Policy) sees(view []Observation, now time.Time) (proven time.Time, enough bool) {
	var up []time.Time
	for _, o := range view {
		if o.Role == RoleReference && o.Health == Up && now.Sub(o.At) <= p.Fresh {
			up = append(up, o.At)
		}
	}
	if p.Quorum == 0 || len(up) < p.Quorum {
		return time.Time{}, p.Quorum == 0
	}
	slices.SortFunc(up, time.Time.Compare)
	return up[len(up)-p.Quorum], true
}

// origin judges the origin from one vantage: an address is down when any check fails there, and
// the origin is down when all its addresses are (or, with AnyAddress, one).
func (p Policy) origin(view []Observation, now time.Time) Verdict {
	addresses := map[string]*Verdict{}
	for _, o := range view {
		if o.Role != RoleOrigin {
			continue
		}
		at := host(o.Address)
		a := addresses[at]
		if a == nil {
			a = &Verdict{Health: Up, Since: o.At, Until: o.At}
			addresses[at] = a
		}
		a.add(o, now.Sub(o.At) <= p.Fresh)
	}
	var up, down, unknown []string
	for _, at := range slices.Sorted(maps.Keys(addresses)) {
		switch addresses[at].Health {
		case Up:
			up = append(up, at)
		case Down:
			down = append(down, at)
		default:
			unknown = append(unknown, at)
		}
	}
	missing := max(0, p.Addresses-len(addresses)) + len(unknown)
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
			detail = o.Check + ": " + o.Detail
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

// host takes the port off an address.
func host(address string) string {
	if ap, err := netip.ParseAddrPort(address); err == nil {
		return ap.Addr().String()
	}
	return address
}
