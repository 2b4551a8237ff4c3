package failover

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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

// OperatorRules are the safety rules that bind an operator as well as automation.
func OperatorRules() []string { return []string{VetoFallback, VetoUnwell, VetoDrift} }

// overrides returns the rules that the command sets aside; nil for none.
func (c Command) overrides() ([]string, error) {
	if c.Force {
		return OperatorRules(), nil
	}
	for _, rule := range c.Override {
		if !slices.Contains(OperatorRules(), rule) {
			return nil, fmt.Errorf("%w: there is no rule %q to override; try: %s", ErrRefused, rule, strings.Join(OperatorRules(), ", "))
		}
	}
	return c.Override, nil
}

func refuse(rule, why string) error {
	return fmt.Errorf("%w: %s: %s; try: --override %s to go on all the same", ErrRefused, rule, why, rule)
}

// ErrRefused is matched by errors of [Policy.Command], and of a controller: a safety rule objects, and was not overridden.
var ErrRefused = errors.New("refused")

// Command applies an operator's word to the state. It is pure. Holds, dwell and budget bind
// automation alone; [OperatorRules] bind an operator too, unless overridden.
func (p Policy) Command(s State, c Command, v Verdict, now time.Time) (State, error) {
	s = s.Clone()
	s.Vetoes = nil
	overrides, err := c.overrides()
	if err != nil {
		return s, err
	}
	switch c.Action {
	case Trigger:
		if !v.FallbackReady && !slices.Contains(overrides, VetoFallback) {
			return s, refuse(VetoFallback, v.FallbackDetail)
		}
		if !s.Phase.Serving() {
			s.toFallback(now)
			s.Cause, s.Detail = CauseOperator, c.Reason
		} else if s.Phase == Recovering {
			s.enter(InFallback, now)
		}
		s.Latched, s.Overrides, s.Reason = true, overrides, c.Reason
	case Restore:
		if v.Health != Up && !slices.Contains(overrides, VetoUnwell) {
			return s, refuse(VetoUnwell, "the origin is not seen to be well ("+v.Detail+"); going back all the same also holds the site")
		}
		s.Latched, s.Overrides, s.Reason = false, overrides, c.Reason
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
