package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// show lets the fallback answer as the state wants, before the zone is touched.
func (r *runner) show() {
	want := published{done: true, serving: r.running.Visitors(time.Now()), out: r.running.Phase.Serving(), since: r.running.OutageSince}
	if r.published == want {
		return
	}
	if err := r.c.opts.Publish(r.site, r.running, want.serving); err != nil {
		r.c.raise(r.site.Name, AlarmPage, "the page could not be published: "+err.Error())
		return
	}
	r.c.clear(r.site.Name, AlarmPage)
	r.published = want
}

// note raises and clears the alarms that follow from a verdict and the state.
func (r *runner) note(v failover.Verdict) {
	blind := ""
	if v.Blind && r.asked() {
		blind = v.Detail
	}
	r.c.noteBlind(r.site.Name, blind)
	unable := ""
	if would := slices.IndexFunc(v.Against, func(v failover.Veto) bool { return v.Rule == failover.VetoUnable || v.Rule == failover.VetoNetwork }); would >= 0 {
		unable = fmt.Sprintf("a switch would not be made: %s: %s", v.Against[would].Rule, v.Against[would].Message)
	}
	r.c.alarm(r.site.Name, AlarmUnable, unable)
	if v.FallbackReady {
		r.c.clear(r.site.Name, AlarmFallback)
	} else if r.lookedAll() {
		r.c.raise(r.site.Name, AlarmFallback, "the fallback is not ready: "+v.FallbackDetail)
	}
	r.c.alarm(r.site.Name, AlarmExpiry, r.ending())
	veto := ""
	needsHuman := slices.IndexFunc(r.running.Vetoes, func(v failover.Veto) bool { return v.Rule != failover.VetoDwell })
	if needsHuman >= 0 {
		veto = r.running.Vetoes[needsHuman].Message
	}
	r.c.alarm(r.site.Name, AlarmVeto, veto)
}

// asked tells whether so many references were asked that silence means something; right after the
// start it does not.
func (r *runner) asked() bool {
	four, six := 0, 0
	for _, o := range r.c.seen() {
		if failover.IPv6(o.Address) {
			six++
		} else {
			four++
		}
	}
	return four >= r.site.Policy.Quorum && six >= r.site.Policy.Quorum6
}

// ending says which of the fallback's certificates ends and cannot be renewed; "" if none.
func (r *runner) ending() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	worst := ""
	for _, o := range r.observations {
		if o.Role == failover.RoleFallback && o.Warning != "" {
			worst = max(worst, o.Check+": "+o.Warning)
		}
	}
	return worst
}

// lookedAll tells whether our own server was looked at for every host since start.
func (r *runner) lookedAll() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	hosts := map[string]bool{}
	for key := range r.observations {
		if key.Role == failover.RoleFallback {
			hosts[key.Check] = true
		}
	}
	return len(hosts) >= len(r.site.Hosts)
}

// look looks at our own server beside the loop.
func (r *runner) look(ctx context.Context) {
	if r.looking {
		return
	}
	r.looking = true
	r.aside(ctx, func() func() {
		seen := r.c.opts.Look(ctx, r.site)
		return func() {
			r.looking = false
			for _, o := range seen {
				r.observe(o)
			}
		}
	})
}
