package controller

import (
	"fmt"
	"strings"
	"time"

	"github.com/failover-dns/failover/failover"
)

// rounds is how often an overwritten zone is put right in one outage before it is called a fight.
const rounds = 3

// overwritten deals with somebody else's change while the fallback serves. The origin's own
// records, as a routine run of Terraform writes them, are put right after a grace period, unless
// the site says hold; anything else is drift and is left to an operator.
func (r *runner) overwritten(z failover.ZoneState, w *zoneWork, sets []failover.RecordSet) error {
	d := r.draft(z, w)
	form, recognised := d.Recognise(sets)
	recognised = recognised || d.Mixed(sets)
	what := fmt.Sprintf("somebody changed %s while the fallback serves: %s", z.Zone, changes(failover.Diff(known(z), sets)))
	if !recognised || form == failover.ToFallback {
		return r.drift(z, what)
	}
	if !w.insisted { // else an operator wants it put right at once
		if err := r.bide(z, w, sets, what); err != nil {
			return err
		}
	}
	z.Reasserted++
	z.Written, z.Trouble, w.strange = sets, "", stranger{}
	return r.append(failover.EventDrift, "controller", what+"; it is put right now", r.with(z), nil)
}

// bide says why the origin's own records are not put right by automation, or not yet; nil if they may be.
func (r *runner) bide(z failover.ZoneState, w *zoneWork, sets []failover.RecordSet, what string) error {
	switch {
	case r.site.Overwrite.Hold:
		return r.drift(z, what+"; the origin's records are back, and the site says on_overwrite = \"hold\"")
	case z.Reasserted >= rounds:
		return r.drift(z, fmt.Sprintf("%s; it was put right %d times, and somebody goes on undoing it: stop what writes these records", what, rounds))
	}
	if left := r.site.Overwrite.Grace - w.strange.seen(sets); left > 0 {
		w.readAt = time.Now().Add(left - r.refresh(z.ZoneRef))
		return &standing{left: left, err: r.drift(z, fmt.Sprintf("%s; it is put right in %v, unless it is held; try: failover hold", what, r.site.Overwrite.Grace))}
	}
	if r.running.Held {
		return r.drift(z, what+"; the site is held")
	}
	return nil
}

func (r *runner) drift(z failover.ZoneState, what string) error {
	return r.trouble(z, failover.EventDrift, fmt.Errorf("%w: %s; put it back by hand, or: failover trigger --override drift, or failover adopt", failover.ErrDrift, what))
}

// unreturned deals with a zone that left the fallback without the sets that the switch took away. Where
// all the rest is ours, the way back stopped half-way, and goes on; where somebody wrote, he may have left
// them out on purpose.
func (r *runner) unreturned(z failover.ZoneState, sets []failover.RecordSet, missing []string) error {
	if w := r.work(z); !r.draft(z, w).Ours(sets) {
		return r.drift(z, fmt.Sprintf("somebody changed %s: %s; and what the switch took away is not back: %s", z.Zone,
			changes(failover.Diff(known(z), sets)), strings.Join(missing, ", ")))
	}
	z.Applied, z.AppliedAt, z.Written, z.Trouble = failover.ToArmed, time.Now(), sets, ""
	return r.append(failover.EventDrift, "controller", fmt.Sprintf("%s still lacks what the switch took away: %s; it is put back now",
		z.Zone, strings.Join(missing, ", ")), r.with(z), nil)
}

// late takes note that the zone points at the fallback although it should not: a write of ours that
// came through late, or an old one that was repeated. The way back follows from that.
func (r *runner) late(z failover.ZoneState, w *zoneWork, sets []failover.RecordSet) error {
	w.readAt = time.Now()
	z.Applied, z.AppliedAt, z.Written, z.Trouble = failover.ToFallback, time.Now(), sets, ""
	z.Hearsay, z.Taken, z.Fallbacks = true, z.Takes(z.Written), failover.Remember(z.Fallbacks, r.draft(z, w).Pointers(z.Written))
	return r.append(failover.EventDrift, "controller", z.Zone+" points at the fallback, which was not wanted: a late write, or another controller's", r.with(z), nil)
}

// unhear takes back what a stale reading said: the zone never pointed at the fallback. Anything that is
// not the origin's is drift.
func (r *runner) unhear(z failover.ZoneState, w *zoneWork, sets []failover.RecordSet) error {
	d := r.draft(z, w)
	switch form, known := d.Recognise(sets); {
	case d.Mixed(sets):
		return r.late(z, w, sets)
	case !known || form == failover.ToFallback:
		return r.overwritten(z, w, sets)
	}
	w.readAt = time.Now()
	z.Applied, z.AppliedAt, z.Written, z.Trouble, z.Hearsay = failover.ToArmed, time.Now(), sets, "", false
	return r.append(failover.EventDrift, "controller", z.Zone+" does not point at the fallback after all: an earlier reading was stale", r.with(z), nil)
}
