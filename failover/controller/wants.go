package controller

import (
	"time"

	"github.com/failover-dns/failover/failover"
)

// target is the form that the zones should have now.
func (r *runner) target(s failover.State) failover.Target {
	if r.leaving() {
		return failover.ToOrigin
	}
	return r.site.Policy.Target(s, time.Now())
}

// wants tells whether the zone, as far as we know, lacks the target's form.
func (r *runner) wants(z failover.ZoneState, w *zoneWork, target failover.Target) bool {
	if w.zone == nil || w.obeyed < r.forced {
		return true
	}
	form, err := r.draft(z, w).Form(target)
	if err != nil {
		return true // let change say what is wrong
	}
	// Where TTLs cannot be lowered, origin and armed are one form and need no change; but going
	// back to the origin's form is always recorded.
	return !failover.SameSets(form, known(z)) || target != z.Applied && target != failover.ToArmed
}

// spare tells whether a change is left out for now. Automation moves visitors only on what it sees at
// that moment: away from an origin that fails, to one that is well. A wish that could not be carried out
// when it was decided, for the provider or our own network was gone, may have been overtaken; and what
// took visitors away from the origin may have been another's write. When many sites fail at once, the
// calls that lowering TTLs would cost are needed for the switches.
func (r *runner) spare(z failover.ZoneState, target failover.Target) bool {
	s := r.running
	seen := time.Since(s.EvidenceAt).Abs() <= r.site.Policy.Fresh
	switch away := z.Applied == failover.ToFallback; {
	case target == failover.ToFallback:
		return !away && !s.Latched && (!seen || s.FailingSince.IsZero())
	case away:
		return (!seen || s.HealthySince.IsZero()) && !s.Overridden(failover.VetoUnwell)
	default:
		return target == failover.ToArmed && s.Phase == failover.Suspect && r.c.mass() != ""
	}
}

// anyWants tells whether any zone of the state still lacks the wanted form.
func (r *runner) anyWants(s failover.State) bool {
	target := r.target(s)
	for _, z := range s.Zones {
		if z.Plan != nil || !z.Known() || r.wants(z, r.work(z), target) {
			return true
		}
	}
	return false
}
