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
	By     string `json:"by"`              // who asked, such as "operator uid 0"
	Force  bool   `json:"force,omitempty"` // go on although a safety rule objects
}

// ErrRefused is matched by errors of [Policy.Command], and of a controller: a safety rule objects, and force was not given.
var ErrRefused = errors.New("refused")

// Command applies an operator's word to the state. It is pure. Holds, dwell and budget bind
// automation alone; readiness of the fallback and health of the origin bind an operator too, unless forced.
func (p Policy) Command(s State, c Command, v Verdict, now time.Time) (State, error) {
	s = s.Clone()
	s.Vetoes = nil
	switch c.Action {
	case Trigger:
		if !v.FallbackReady && !c.Force {
			return s, fmt.Errorf("%w: %s: %s; try: --force to switch all the same", ErrRefused, VetoFallback, v.FallbackDetail)
		}
		if !s.Phase.Serving() {
			s.toFallback(now)
			s.Cause, s.Detail = CauseOperator, c.Reason
		} else if s.Phase == Recovering {
			s.enter(InFallback, now)
		}
		s.Latched, s.Forced, s.Reason = true, c.Force, c.Reason
	case Restore:
		if v.Health != Up && !c.Force {
			return s, fmt.Errorf("%w: the origin is not seen to be well (%s); try: --force to go back all the same, which also holds the site", ErrRefused, v.Detail)
		}
		s.Latched, s.Forced, s.Reason = false, c.Force, c.Reason
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
		s.Latched, s.Forced = false, false
		if s.Phase.Serving() {
			s.toPrimary(now)
		}
	default:
		return s, fmt.Errorf("%w: unknown action %q", ErrRefused, c.Action)
	}
	return s, nil
}
