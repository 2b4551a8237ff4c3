package controller

import (
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover"
)

// confirmation says that all follow, and how long old answers may still be around.
func (c *chase) confirmation(answers []failover.Confirmation) string {
	if len(answers) == 0 {
		return fmt.Sprintf("plan %d: the authoritative servers of %s are not asked, for they answer with the proxy's addresses", c.plan.Generation, c.plan.Zone)
	}
	follow, last := count(answers)
	text := fmt.Sprintf("plan %d: all %d authoritative servers of %s answer the new records", c.plan.Generation, follow, c.plan.Zone)
	if n := len(answers) - follow; n > 0 {
		text = fmt.Sprintf("plan %d: all %d authoritative servers of %s that can be reached from here (%d cannot) answer the new records",
			c.plan.Generation, follow, c.plan.Zone, n)
	}
	until := last.Add(staleFor(c.plan.Before, c.plan.After))
	if c.elder.After(until) {
		until = c.elder
	}
	if until.After(last) {
		text += fmt.Sprintf("; resolvers that honour TTLs may hold the old ones until %s (%v)",
			until.UTC().Format(time.RFC3339), until.Sub(last).Round(time.Second))
	}
	return text
}

// staleFor is the longest time that a resolver may hold any set of before that is not in after. A
// proxied set has no TTL that a client sees.
func staleFor(before, after []failover.RecordSet) time.Duration {
	longest := uint32(0)
	for _, change := range failover.Diff(before, after) {
		if change.Before != nil && !change.Before.Proxied {
			longest = max(longest, change.Before.TTL)
		}
	}
	return time.Duration(longest) * time.Second
}

// count counts the servers that follow, and says when the last one did.
func count(answers []failover.Confirmation) (follow int, last time.Time) {
	for _, a := range answers {
		if a.OK {
			follow++
			if a.At.After(last) {
				last = a.At
			}
		}
	}
	return follow, last
}

// laggards says who does not follow a change that was applied.
func laggards(plan failover.Plan, answers []failover.Confirmation, err error) error {
	if len(answers) == 0 {
		return fmt.Errorf("plan %d is applied and read back, but the authoritative servers of %s could not be asked: %w", plan.Generation, plan.Zone, err)
	}
	follow, _ := count(answers)
	text := fmt.Sprintf("plan %d is applied and read back, but %d of %d authoritative servers of %s do not answer the new records yet",
		plan.Generation, len(answers)-follow, len(answers), plan.Zone)
	for _, a := range answers {
		if !a.OK {
			return fmt.Errorf("%s, such as %s at %s: %s", text, a.Server, a.Address, a.Detail)
		}
	}
	return fmt.Errorf("%s: %w", text, err)
}

// propagation says what the panel answers.
func (c *chase) propagation(answers []failover.Confirmation) string {
	follow, last := count(answers)
	text := fmt.Sprintf("plan %d: all %d resolvers of the panel answer the new records", c.plan.Generation, follow)
	if follow < len(answers) {
		text = fmt.Sprintf("plan %d: %d of %d resolvers of the panel answer the new records", c.plan.Generation, follow, len(answers))
	}
	if follow > 0 {
		text += fmt.Sprintf(", the last one after %v", last.Sub(c.begun).Round(100*time.Millisecond))
	}
	for _, a := range answers {
		if !a.OK {
			text += fmt.Sprintf("; %s: %s", a.Address, a.Detail)
		}
	}
	return text
}
