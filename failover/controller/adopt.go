package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover"
)

// readAll reads all zones of the site.
func (r *runner) readAll(ctx context.Context) (map[failover.ZoneRef][]failover.RecordSet, error) {
	r.mu.Lock()
	zones := r.running.Clone().Zones
	r.mu.Unlock()
	all := map[failover.ZoneRef][]failover.RecordSet{}
	for _, z := range zones {
		zone, err := r.c.opts.Zone(z.ZoneRef)
		if err != nil {
			return nil, err
		}
		if all[z.ZoneRef], err = zone.Read(failover.Urgent(ctx), z.Names); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// giveUpPlans ends the plans whose outcome is not known, where the zones can be adopted as they stand.
func (r *runner) giveUpPlans(cmd *command) error {
	if _, err := r.adoptAll(r.running.Clone(), cmd.current); err != nil {
		return err
	}
	for _, z := range r.entry.State.Clone().Zones {
		if z.Plan == nil {
			continue
		}
		if err := r.abandon(z, fmt.Sprintf("plan %d is given up: the zone is adopted as it stands", z.Plan.Generation)); err != nil {
			return err
		}
	}
	return nil
}

// adoptAll takes all zones of the site as they stand for their baselines, on an operator's word.
func (r *runner) adoptAll(s failover.State, all map[failover.ZoneRef][]failover.RecordSet) (failover.State, error) {
	for i, z := range s.Zones {
		w, current := r.work(z), all[z.ZoneRef]
		if w.busy || w.zone == nil {
			return s, fmt.Errorf("%w: a change of %s is under way; try again in a moment", failover.ErrRefused, z.Zone)
		}
		sets, err := r.draft(z, w).AdoptBaseline(current, lowered(z))
		if err != nil {
			return s, fmt.Errorf("%w: %w", failover.ErrRefused, err)
		}
		w.readAt, w.strange = time.Now(), stranger{}
		adopted := failover.ZoneState{ZoneRef: z.ZoneRef, Names: z.Names, Baseline: sets, BaselineAt: time.Now(),
			Applied: failover.ToOrigin, AppliedAt: z.AppliedAt, Fallbacks: z.Fallbacks, Lows: z.Lows}
		if z.Applied == failover.ToArmed {
			adopted.Applied, adopted.Written = failover.ToArmed, failover.Select(current, z.Names)
		}
		s.Zones[i] = adopted
	}
	return s, nil
}
