package failover

import (
	"slices"
	"time"
)

// Policy holds a site's limits. All durations are positive; the zero Policy is not valid.
type Policy struct {
	DownAfter time.Duration // unbroken failure before the switch
	UpAfter   time.Duration // unbroken health before the way back
	Dwell     time.Duration // least time between two automatic switches
	Quiet     time.Duration // how long TTLs stay low after trouble
	Fresh     time.Duration // an older observation of an origin or a reference does not vote
	// FallbackFresh is the age up to which an observation of our own server counts.
	FallbackFresh time.Duration

	Armed          bool // TTLs are kept low at all times
	ManualRecovery bool // the way back is an operator's decision
	AnyAddress     bool // one failing address is enough; by default all of them must fail
	MaxFailovers   int  // automatic switches to the fallback in 24 h, after which the way back is manual; 0: no limit

	Addresses int // how many addresses the origin has
	Hosts     int // how many hosts the fallback must be ready for
	// Quorum and Quorum6 are how many references must answer at IPv4 and at IPv6 for looks at such
	// addresses to vote. A family with 0 has no references and is judged by the other's; both 0: no
	// references at all.
	Quorum, Quorum6 int
}

// Target is a form that a zone can have.
type Target string

const (
	ToOrigin   Target = "origin"   // exactly the baseline
	ToArmed    Target = "armed"    // the baseline with low TTLs
	ToFallback Target = "fallback" // the fallback's addresses with low TTLs
)

// Next judges the observations and returns the state that follows. It is pure; applied to its own
// result with the same observations and time it changes nothing; the order of observations does
// not matter. Observations that decide nothing leave the state as it is.
func (p Policy) Next(s State, observations []Observation, now time.Time) State {
	return p.Follow(s, p.Judge(observations, now), now)
}

// Follow is Next with the verdict at hand.
func (p Policy) Follow(s State, v Verdict, now time.Time) State {
	if v.Health == Unknown {
		return s
	}
	s = s.Clone()
	s.Vetoes = nil
	s.Failovers = within(s.Failovers, 24*time.Hour, now)
	if now.Sub(s.EvidenceAt).Abs() > p.Fresh { // a gap in what we saw, or a clock that was set: a run of failure or health starts anew
		s.FailingSince, s.HealthySince = time.Time{}, time.Time{}
	}
	s.EvidenceAt = now
	if v.Health == Down {
		s.HealthySince = time.Time{}
		if s.FailingSince.IsZero() {
			s.FailingSince = v.Since
		}
	} else {
		s.FailingSince = time.Time{}
		if s.HealthySince.IsZero() {
			s.HealthySince = v.Since
		}
	}
	if v.Cause != "" {
		s.Cause, s.Detail = v.Cause, v.Detail
	}
	for { // each step leads closer to the verdict's end, so this ends
		next := p.step(s, v, now)
		if next.Phase == s.Phase {
			return next
		}
		s = next
	}
}

// step makes at most one change of phase.
func (p Policy) step(s State, v Verdict, now time.Time) State {
	down, up := v.Health == Down, v.Health == Up
	switch s.Phase {
	case Primary:
		if down {
			s.enter(Suspect, now)
		}
	case Suspect:
		switch {
		case up:
			s.enter(Primary, now)
			s.TroubleAt = now
		case v.Until.Sub(s.FailingSince) >= p.DownAfter && p.couldSee(s, v):
			if s.Vetoes = p.vetoSwitch(s, v, now); len(s.Vetoes) == 0 {
				s.toFallback(now)
				s.Overrides = nil // they were for the operator's word
				s.Failovers = append(s.Failovers, now)
			}
		}
	case InFallback:
		if up && !s.Latched { // what a human switched, a human restores
			s.enter(Recovering, now)
		}
	case Recovering:
		switch {
		case down:
			s.enter(InFallback, now)
		case v.Until.Sub(s.HealthySince) >= p.UpAfter:
			if s.Vetoes = p.vetoReturn(s, now); len(s.Vetoes) == 0 {
				s.toPrimary(now)
				s.Overrides = nil
			}
		}
	}
	return s
}

// couldSee tells whether enough references answered after the origin began to fail. Those that
// answered before say nothing of the moment when our own network may have gone.
func (p Policy) couldSee(s State, v Verdict) bool {
	return p.Quorum+p.Quorum6 == 0 || !v.Proven.Before(s.FailingSince)
}

func (s *State) enter(phase Phase, now time.Time) { s.Phase, s.Since = phase, now }

func (s *State) toFallback(now time.Time) {
	s.OutageSince = s.FailingSince
	if s.OutageSince.IsZero() {
		s.OutageSince = now
	}
	s.enter(InFallback, now)
	s.Switched = now
}

func (s *State) toPrimary(now time.Time) {
	s.enter(Primary, now)
	s.Switched, s.TroubleAt = now, now
	s.OutageSince = time.Time{}
}

// Target returns the form that the site's zones should have.
func (p Policy) Target(s State, now time.Time) Target {
	switch {
	case s.Phase.Serving():
		return ToFallback
	case s.Phase == Suspect, s.Armed, p.Armed, now.Sub(s.TroubleAt).Abs() < p.Quiet:
		return ToArmed
	default:
		return ToOrigin
	}
}

// within keeps the times that are no further from now than d. What lies far ahead was noted by a
// clock that has been set since.
func within(times []time.Time, d time.Duration, now time.Time) []time.Time {
	times = slices.DeleteFunc(times, func(t time.Time) bool { return now.Sub(t).Abs() > d })
	if len(times) == 0 {
		return nil
	}
	return times
}
