package controller

import (
	"fmt"

	"github.com/failover-dns/failover/failover"
)

// fewest is how many sites have to fail at once before it can be a mass failure.
const fewest = 3

// herd knows which sites fail at this moment. When more than a share of them do, the cause may be
// ours: then only references that are clearly fine, all of them, let anything switch. If they are,
// everything switches, for a provider's outage is what this is for. c.mu guards it.
type herd map[string]bool

// fails notes whether a site fails now.
func (c *Controller) fails(site string, down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if down {
		c.herd[site] = true
	} else {
		delete(c.herd, site)
	}
}

// mass tells whether so many sites fail at once that our own eyes are in doubt, in words; "" if not.
func (c *Controller) mass() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	failing, all := len(c.herd), len(c.runners)
	if failing < fewest || float64(failing) <= c.opts.MassShare*float64(all) {
		return ""
	}
	return fmt.Sprintf("%d of %d sites fail at once", failing, all)
}

// doubt adds to the verdict what makes it doubtful, for the policy to veto.
func (c *Controller) doubt(site string, v failover.Verdict) failover.Verdict {
	c.fails(site, v.Health == failover.Down)
	if mass := c.mass(); mass != "" && !v.ReferencesClear {
		v.Doubt = mass + ", and not every reference answers: our own network may be the cause"
	}
	return v
}
