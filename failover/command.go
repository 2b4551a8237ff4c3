package failover

import (
	"errors"
	"fmt"
	"time"
)

// Action is what an operator can ask for.
type Action string

const (
	Trigger Action = "trigger" // switch to the fallback now, and latch
	Restore Action = "restore" // switch back to the origin now
	Hold    Action = "hold"    // automation stands still
	Release Action = "release" // automation acts again
	Arm     Action = "arm"     // bring TTLs down ahead of time, and keep them down
	Disarm  Action = "disarm"  // let TTLs return to what they were
	Adopt   Action = "adopt"   // the zone is right as it is: take it as the new baseline
)

// Command is an operator's word.
type Command struct {
	Action Action `json:"action"`
	Reason string `json:"reason"`
	By     string `json:"by"` // who asked, such as "operator uid 0"
	// Override names the safety rules that shall not object this time, of those that bind operators.
	Override []string `json:"override,omitempty"`
	Force    bool     `json:"force,omitempty"` // override all of them
}

// ErrRefused is matched by errors of [Policy.Command], and of a controller: a safety rule objects, and was not overridden.
var ErrRefused = errors.New("refused")

// unwell objects to the way back to an origin that is not seen to be well.
func unwell(v Verdict) []Veto {
	if v.Health == Up {
		return nil
	}
	return []Veto{{VetoUnwell, "the origin is not seen to be well (" + v.Detail + "); going back all the same also holds the site"}}
}

// Command applies an operator's word to the state. It is pure. [OperatorRules] bind an operator as they
// bind automation, unless overridden; holds, dwell and doubts bind automation alone.
func (p Policy) Command(s State, c Command, v Verdict, now time.Time) (State, error) {
	s = s.Clone()
	s.Vetoes = nil
	overrides, err := c.overrides()
	if err != nil {
		return s, err
	}
	switch c.Action {
	case Trigger:
		if err := refuse(v.Objections(), overrides); err != nil {
			return s, err
		}
		if !s.Phase.Serving() {
			s.toFallback(now)
			s.Cause, s.Detail = CauseOperator, c.Reason
		} else if s.Phase == Recovering {
			s.enter(InFallback, now)
		}
		s.order(true, overrides, c.Reason)
	case Restore:
		against := unwell(v)
		if !s.Latched { // what a human switched says nothing of flapping
			against = append(against, p.budget(s, now)...)
		}
		if err := refuse(against, overrides); err != nil {
			return s, err
		}
		s.order(false, overrides, c.Reason)
		s.Held = s.Held || v.Health != Up // else automation would undo what a human forced
		if s.Phase.Serving() {
			s.toPrimary(now)
		}
	case Hold:
		s.Held, s.Reason = true, c.Reason
	case Release:
		s.Held = false
		if !s.Latched {
			s.Reason = ""
		}
	case Arm:
		s.Armed = true
	case Disarm:
		if p.Armed {
			return s, fmt.Errorf("%w: the configuration keeps this site armed; try: armed = false in its site block", ErrRefused)
		}
		s.Armed = false
	case Adopt:
		s.Latched, s.Overrides = false, nil
		if s.Phase.Serving() {
			s.toPrimary(now)
		}
	default:
		return s, fmt.Errorf("%w: unknown action %q", ErrRefused, c.Action)
	}
	return s, nil
}

// order takes up a word that moves visitors. No zone has obeyed it yet.
func (s *State) order(latched bool, overrides []string, reason string) {
	s.Latched, s.Overrides, s.Reason = latched, overrides, reason
	for i := range s.Zones {
		s.Zones[i].Obeyed = false
	}
}
