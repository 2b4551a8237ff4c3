package controller

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// verdict judges what was seen, and adds what stands against a switch as far as the loop knows it.
func (r *runner) verdict(now time.Time) failover.Verdict {
	v := r.anew(r.site.Policy.Judge(r.view(), now), now)
	v.Against = append(r.objections(v.Until), r.byClock(v)...)
	r.mu.Lock()
	r.against = v.Against
	r.mu.Unlock()
	return v
}

// anew lets a failure count only once all of it was seen again after the references failed: what was seen
// of the origin while they did may have been our own network's doing.
func (r *runner) anew(v failover.Verdict, now time.Time) failover.Verdict {
	switch {
	case v.Blind:
		r.blindAt = now
	case v.Health == failover.Down && !v.Until.After(r.blindAt):
		v.Health, v.Detail = failover.Unknown, "not every address was looked at since the references answer again"
	}
	return v
}

// objections are the safety rules that the loop can tell to be broken.
func (r *runner) objections(until time.Time) []failover.Veto {
	list := slices.Clone(r.shared)
	for _, z := range r.entry.State.Zones {
		w := r.work(z)
		if !z.Known() {
			list = append(list, failover.Veto{Rule: failover.VetoBaseline, Message: fmt.Sprintf("the records of %s are not known yet: %s",
				z.Zone, cmp.Or(z.Trouble, w.silence()))})
		}
		if w.unable != "" {
			list = append(list, failover.Veto{Rule: failover.VetoUnable, Message: w.unable})
		}
	}
	if r.running.Phase == failover.Suspect && len(list) == len(r.shared) && !r.heardAny(until) {
		list = append(list, failover.Veto{Rule: failover.VetoUnseen, Message: r.unseen()})
	}
	return list
}

// unseen says which provider was not heard of, the first of the site's.
func (r *runner) unseen() string {
	zones := r.entry.State.Zones
	if len(zones) == 0 {
		return ""
	}
	return fmt.Sprintf("the DNS provider of %s has not answered while the origin failed, so the cause may be on our side: %s",
		zones[0].Zone, r.work(zones[0]).silence())
}

// silence says why nothing is known of a zone, in words that do not change with each error.
func (w *zoneWork) silence() string {
	if w.failure != "" {
		return "it does not answer as it should"
	}
	return "it is being asked"
}

// neighbours objects to a fallback in the origin's network, unless the configuration accepts that.
func neighbours(site failover.Site, fallback failover.Fallback) []failover.Veto {
	if fallback.SameNetwork {
		return nil
	}
	for _, origin := range site.Origin {
		for _, own := range slices.Concat(fallback.IPv4, fallback.IPv6) {
			if network, found := failover.Neighbours(origin, own); found {
				return []failover.Veto{{Rule: failover.VetoNetwork, Message: fmt.Sprintf("the fallback's %s is in the network of the origin's %s (%s), "+
					"and what takes the one down may take the other; to accept that for good: same_network = true in the fallback block", own, origin, network)}}
			}
		}
	}
	return nil
}

// providers knows when each provider was last heard of, and last asked whether it can be. c.mu guards it.
type providers map[string]*contact

type contact struct {
	call  // the newest that was answered
	asked time.Time
}

// call is when a call was begun and answered: it may have hung, and been repeated.
type call struct{ begun, answered time.Time }

// hear notes that a call to the provider, begun at a time, came back. Any answer shows that it can be
// reached, also one that refuses.
func (c *Controller) hear(provider string, begun time.Time, err error) {
	switch failover.KindOf(err) {
	case failover.KindUnavailable, failover.KindLost:
		return
	case "":
		if err != nil {
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.provider(provider); begun.After(p.begun) {
		p.call = call{begun, time.Now()}
	}
}

// provider returns what is known of a provider; c.mu is held.
func (c *Controller) provider(name string) *contact {
	if c.providers[name] == nil {
		c.providers[name] = &contact{}
	}
	return c.providers[name]
}

// heard tells whether the zone's provider answered a call that was begun after the origin began to fail,
// and did so before the origin was last seen to fail, or asked not to be called now.
func (r *runner) heard(w *zoneWork, until time.Time) bool {
	if time.Now().Before(w.told) {
		return true
	}
	failing := r.running.FailingSince
	if w.heard.begun.Before(failing) { // the first answer of this failure is the one that counts
		r.c.mu.Lock()
		w.heard = r.c.provider(w.ref.Provider).call
		r.c.mu.Unlock()
	}
	return !w.heard.begun.Before(failing) && !w.heard.answered.After(until)
}

// heardAny tells whether any of the site's providers was heard: one that is down itself does not hold
// up what can be done at another.
func (r *runner) heardAny(until time.Time) bool {
	return slices.ContainsFunc(r.entry.State.Zones, func(z failover.ZoneState) bool { return r.heard(r.work(z), until) })
}

// waitsFor tells whether the switch is due but for the zone's provider.
func (r *runner) waitsFor(w *zoneWork) bool {
	return r.running.Phase == failover.Suspect && time.Since(r.running.FailingSince) >= r.site.Policy.DownAfter && !r.heard(w, time.Now())
}

// asking is how long one site's question whether the provider can be reached is waited for before
// another site asks as well.
const asking = 5 * time.Second

// mustAsk tells whether the zone is to be read now because a switch may be due soon: to know that the
// provider can be reached, where one site asks for all, or whether what it was unable to do still holds.
func (r *runner) mustAsk(w *zoneWork) bool {
	if r.running.Phase != failover.Suspect {
		return false
	}
	if w.unable != "" && time.Since(w.from) >= asking {
		return true
	}
	if r.heard(w, time.Now()) {
		return false
	}
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	p := r.c.provider(w.ref.Provider)
	if time.Since(p.asked) < asking {
		return false
	}
	p.asked = time.Now()
	return true
}
