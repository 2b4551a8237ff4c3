package controller

import (
	"cmp"
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover"
)

// foresee raises an alarm while no switch of the zone is possible, long before one is needed.
func (r *runner) foresee(z failover.ZoneState, w *zoneWork, baseline, current []failover.RecordSet) {
	d := r.draft(z, w)
	d.Baseline, d.Written = baseline, failover.Select(current, z.Names)
	r.compare(w, z, baseline)
	if _, err := failover.MakePlan(d, failover.ToFallback, current); err != nil {
		w.unable = err.Error()
	} else {
		w.unable = ""
	}
}

// recover takes what the configuration declares for the baseline of a zone that points at the fallback,
// where neither the journal nor a copy of it remembers the original.
func (r *runner) recover(z failover.ZoneState, w *zoneWork, declared, current []failover.RecordSet) error {
	w.readAt, w.strange = time.Now(), stranger{}
	z.Baseline, z.BaselineAt, z.Trouble = declared, time.Now(), ""
	z.Applied, z.AppliedAt, z.Written, z.Taken = failover.ToFallback, time.Now(), current, z.Takes(current)
	z.Fallbacks = failover.Remember(z.Fallbacks, r.draft(z, w).Pointers(current))
	s := r.with(z)
	if !s.Phase.Serving() { // the way back is the one of every outage
		s.Phase, s.Since, s.OutageSince = failover.InFallback, time.Now(), time.Now()
	}
	return r.append(failover.EventBaseline, "controller", fmt.Sprintf("%s points at the fallback, and nothing remembers what it held: "+
		"its baseline is what the configuration declares: %s", z.Zone, changes(failover.Diff(nil, declared))), s, nil)
}

// compare raises an alarm while the configuration declares other records than the zone holds: they would
// be wrong on the day that nothing else remembers them.
func (r *runner) compare(w *zoneWork, z failover.ZoneState, baseline []failover.RecordSet) {
	declared := failover.ProxiedAs(baseline, failover.Select(r.site.Records, z.Names))
	w.undeclared = ""
	if len(declared) > 0 && !failover.SameSets(declared, baseline) {
		w.undeclared = fmt.Sprintf("the configuration declares other records than %s holds (%s); bring `records` of the site up to date",
			z.Zone, changes(failover.Diff(declared, baseline)))
	}
	differ := ""
	for _, other := range r.zones {
		differ = cmp.Or(differ, other.undeclared)
	}
	r.c.alarm(r.site.Name, AlarmRecords, differ)
}
