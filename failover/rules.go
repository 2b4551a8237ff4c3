package failover

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Veto is a safety rule that objects to a switch.
type Veto struct {
	Rule    string `json:"rule"`    // one of the Veto constants
	Message string `json:"message"` // one sentence, with what to do
}

// Names of the safety rules. That no name is ever left empty and that nothing but the declared sets
// is written are no rules to be set aside: no plan can be made that does either.
const (
	// These bind automation alone. An operator who gives an order has judged for himself.
	VetoHeld   = "held"
	VetoManual = "manual-recovery"
	VetoDwell  = "dwell"
	VetoDoubt  = "mass-failure"
	VetoClock  = "clock"
	VetoUnseen = "provider-unseen" // an operator's order waits for the provider instead

	// These bind an operator too, unless overridden; see [OperatorRules].
	VetoFallback = "fallback-not-ready"
	VetoUnwell   = "origin-unwell" // on the way back; automation does not go back to such an origin anyway
	VetoBudget   = "switch-budget" // on the way back
	VetoDrift    = "drift"         // the zone holds what neither the baseline nor we put there; found when it is read to be changed
	VetoBaseline = "baseline-unverified"
	VetoNetwork  = "same-network"
	VetoUnable   = "provider-unable"
)

// OperatorRules are the safety rules that bind an operator as well as automation.
func OperatorRules() []string {
	return []string{VetoFallback, VetoUnwell, VetoBudget, VetoDrift, VetoBaseline, VetoNetwork, VetoUnable}
}

// overrides returns the rules that the command sets aside; nil for none.
func (c Command) overrides() ([]string, error) {
	if c.Force {
		return OperatorRules(), nil
	}
	for _, rule := range c.Override {
		if !slices.Contains(OperatorRules(), rule) {
			return nil, fmt.Errorf("%w: %q is no rule that binds an operator; try: %s", ErrRefused, rule, strings.Join(OperatorRules(), ", "))
		}
	}
	return c.Override, nil
}

// refuse returns the objection of the first rule that binds an operator and is not overridden; nil if
// there is none.
func refuse(vetoes []Veto, overrides []string) error {
	for _, v := range vetoes {
		if slices.Contains(OperatorRules(), v.Rule) && !slices.Contains(overrides, v.Rule) {
			hint := "--override " + v.Rule
			if strings.Contains(v.Message, hint) {
				return fmt.Errorf("%w: %s: %s", ErrRefused, v.Rule, v.Message)
			}
			return fmt.Errorf("%w: %s: %s; try: %s to go on all the same", ErrRefused, v.Rule, v.Message, hint)
		}
	}
	return nil
}

// vetoSwitch returns what stands against the switch to the fallback.
func (p Policy) vetoSwitch(s State, v Verdict, now time.Time) []Veto {
	vetoes := p.vetoBoth(s, p.Dwell, now)
	if v.Doubt != "" {
		vetoes = append(vetoes, Veto{VetoDoubt, v.Doubt + "; try: failover trigger, if you can see that it is not"})
	}
	return append(vetoes, v.Objections()...)
}

// Objections are what stands against any switch to the fallback, whoever wants it.
func (v Verdict) Objections() []Veto {
	if v.FallbackReady {
		return v.Against
	}
	return append([]Veto{{VetoFallback, "the fallback does not serve this site yet: " + v.FallbackDetail}}, v.Against...)
}

// vetoReturn returns what stands against the way back by automation.
func (p Policy) vetoReturn(s State, now time.Time) []Veto {
	vetoes := p.vetoBoth(s, p.holdDown(s), now)
	if p.ManualRecovery {
		vetoes = append(vetoes, Veto{VetoManual, "the origin is well, and recovery is manual; try: failover restore"})
	}
	return append(vetoes, p.budget(s, now)...)
}

// budget objects to the way back once the automatic switches of a day are used up.
func (p Policy) budget(s State, now time.Time) []Veto {
	used := len(within(slices.Clone(s.Failovers), 24*time.Hour, now))
	if p.MaxFailovers == 0 || used < p.MaxFailovers {
		return nil
	}
	return []Veto{{VetoBudget, fmt.Sprintf("the site failed over %d times within 24 h, and max_failovers is %d, so the way back is by hand; "+
		"try: failover restore --override %s, when the origin no longer flaps", used, p.MaxFailovers, VetoBudget)}}
}

// holdDown is the dwell before the way back. It doubles with every failover of the last 24 h, up
// to an hour: an origin that flaps leaves its visitors where they are answered.
func (p Policy) holdDown(s State) time.Duration {
	hold := p.Dwell
	for range len(s.Failovers) - 1 {
		hold = max(p.Dwell, min(2*hold, time.Hour))
	}
	return hold
}

func (p Policy) vetoBoth(s State, dwell time.Duration, now time.Time) []Veto {
	var vetoes []Veto
	if s.Held {
		vetoes = append(vetoes, Veto{VetoHeld, "held by an operator; try: failover release"})
	}
	if !s.Switched.IsZero() && now.Sub(s.Switched).Abs() < dwell { // far ahead only a clock can have put it that was wrong
		vetoes = append(vetoes, Veto{VetoDwell, fmt.Sprintf("the last switch is less than %v ago; nothing to do but wait, or act by hand", dwell)})
	}
	return vetoes
}

// Neighbours returns the network that two addresses share, and so probably their fate: the same /24 of
// IPv4 or /48 of IPv6. An address has no network in common with itself or with a loopback address.
func Neighbours(a, b netip.Addr) (shared netip.Prefix, found bool) {
	bits := 24
	if a.Is6() {
		bits = 48
	}
	network, err := a.Prefix(bits)
	if err != nil || a == b || a.IsLoopback() || !network.Contains(b) {
		return netip.Prefix{}, false
	}
	return network, true
}
