package controller

import (
	"fmt"
	"slices"
	"strings"
	"time"

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
	return fmt.Sprintf("more than %.0f %% of the %d sites fail at once", 100*c.opts.MassShare, all) // how many is not news each time
}

// doubt adds to the verdict what makes it doubtful, for the policy to veto.
func (c *Controller) doubt(site string, v failover.Verdict) failover.Verdict {
	c.fails(site, v.Health == failover.Down)
	if mass := c.mass(); mass != "" && !c.clearlySees() {
		v.Doubt = mass + ", and not every reference answers: our own network may be the cause"
	}
	return v
}

// noteBlind keeps why a site cannot be judged; "" if it can. The controller has one alarm while any cannot.
func (c *Controller) noteBlind(site, why string) {
	c.mu.Lock()
	if why == "" {
		delete(c.blind, site)
	} else {
		c.blind[site] = why
	}
	blind := len(c.blind)
	for _, other := range c.blind {
		why = max(why, other) // the same words, whoever of them looked last
	}
	c.mu.Unlock()
	if blind > 0 {
		c.raise("", AlarmBlind, why+", so what is seen that way changes nothing")
	} else {
		c.clear("", AlarmBlind)
	}
}

// longDead is for how long a reference must have failed before it says nothing about now.
const longDead = 10 * time.Minute

// clearlySees tells whether every reference answers but those that are long dead, and some do. An
// address family in which none answers is no doubt: what is seen over it does not count anyway.
func (c *Controller) clearlySees() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	answers, fails := map[bool]bool{}, map[bool]bool{} // by family
	for key, o := range c.references {
		six := failover.IPv6(o.Address)
		if o.Health == failover.Up {
			answers[six] = true
		} else if time.Since(c.lost[key]) < longDead {
			fails[six] = true
		}
	}
	for six := range answers {
		if fails[six] {
			return false
		}
	}
	return len(answers) > 0
}

// noteReference keeps since when a reference fails; c.mu is held.
func (c *Controller) noteReference(o failover.Observation) {
	c.references[o.Key()] = o
	if o.Health == failover.Up {
		c.answered[failover.IPv6(o.Address)] = true
		delete(c.lost, o.Key())
	} else if c.lost[o.Key()].IsZero() {
		c.lost[o.Key()] = time.Now()
	}
}

// checkReferences raises an alarm while a reference is long dead: fewer and fewer can say that our
// own network is well. Where none of an address family has ever answered, the machine has no such network,
// and what is seen over it does not count anyway.
func (c *Controller) checkReferences() {
	c.mu.Lock()
	var dead []string
	for key, since := range c.lost {
		if time.Since(since) >= longDead && c.answered[failover.IPv6(key.Address)] {
			dead = append(dead, key.Check)
		}
	}
	c.mu.Unlock()
	if len(dead) == 0 {
		c.clear("", AlarmReference)
		return
	}
	slices.Sort(dead)
	c.raise("", AlarmReference, "a reference has not answered for 10 minutes or more: "+strings.Join(dead, ", ")+"; put another in its place")
}
