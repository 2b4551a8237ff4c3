package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Replace implements failover.Zone: look, compare, one batch, look again.
func (z *zone) Replace(ctx context.Context, plan failover.Plan) error {
	if err := z.replace(ctx, plan); err != nil {
		return z.fault("replace", err)
	}
	return nil
}

func (z *zone) replace(ctx context.Context, plan failover.Plan) error {
	if err := z.acceptable(plan); err != nil {
		return err
	}
	names := slices.Sorted(slices.Values(plan.Names))
	names = slices.Compact(names)
	release, err := z.names.acquire(ctx, names)
	if err != nil {
		return &failover.ZoneError{Kind: failover.KindUnavailable, Err: err}
	}
	defer release()
	records, err := z.read(ctx, names)
	if err != nil {
		return err
	}
	current := failover.Select(recordSets(records), names)
	if failover.SameSets(current, plan.After) {
		return nil
	}
	if !failover.SameSets(current, plan.Before) {
		return drift(plan.Before, current)
	}
	b, err := makeBatch(records, current, plan.After)
	if err != nil {
		return err
	}
	if len(b.readOnly) > 0 {
		return readOnly("replace", z.apex, b.readOnly)
	}
	if b.size() > maxBatch {
		return &failover.ZoneError{Kind: failover.KindRejected,
			Err:  fmt.Errorf("the change concerns %d records, and Cloudflare takes %d in one transaction", b.size(), maxBatch),
			Hint: "spread the hosts over several sites"}
	}
	return z.apply(ctx, plan, names, b)
}

// apply posts the batch, once, and reads back what came of it.
func (z *zone) apply(ctx context.Context, plan failover.Plan, names []string, b batch) error {
	path, err := z.records(ctx)
	if err != nil {
		return err
	}
	_, err = z.client.call(ctx, http.MethodPost, path+"/batch", b)
	z.log.Debug("batch", "site", plan.Site, "target", plan.Target, "deletes", len(b.Deletes),
		"patches", len(b.Patches), "posts", len(b.Posts), "error", err)
	switch {
	case err == nil:
		return z.confirm(ctx, plan, names)
	case raced(err):
		return z.refused(ctx, plan, names, err)
	default:
		z.forget(err)
		return err
	}
}

// pauses are the times to wait before each look after a batch: an API's reads may lag its writes.
var pauses = [...]time.Duration{0, 300 * time.Millisecond, 700 * time.Millisecond}

// confirm reads back until the zone is what the plan wants. If it never is, something or somebody
// else was at work, and what is true is not known.
func (z *zone) confirm(ctx context.Context, plan failover.Plan, names []string) error {
	var current []failover.RecordSet
	for _, pause := range pauses {
		records, err := z.look(ctx, names, pause)
		if err != nil {
			return &failover.ZoneError{Kind: failover.KindLost, Err: fmt.Errorf("the change was accepted, but could not be read back: %w", err)}
		}
		if current = failover.Select(recordSets(records), names); failover.SameSets(current, plan.After) {
			z.reportLosses(plan.After, current)
			return nil
		}
	}
	return &failover.ZoneError{Kind: failover.KindLost,
		Err: fmt.Errorf("the change was accepted, but the zone does not hold it: %v", failover.Diff(plan.After, current))}
}

// refused finds out why the API said that a record is gone, or there already: another writer came
// first, or our look was stale and the change had been made before.
func (z *zone) refused(ctx context.Context, plan failover.Plan, names []string, cause error) error {
	var current []failover.RecordSet
	for _, pause := range pauses {
		records, err := z.look(ctx, names, pause)
		if err != nil {
			return errors.Join(err, cause)
		}
		if current = failover.Select(recordSets(records), names); !failover.SameSets(current, plan.Before) {
			break
		}
	}
	switch {
	case failover.SameSets(current, plan.After):
		return nil
	case failover.SameSets(current, plan.Before):
		return &failover.ZoneError{Kind: failover.KindUnavailable, Err: fmt.Errorf("the API's reads lag behind its writes: %w", cause)}
	default:
		return drift(plan.Before, current)
	}
}

// look waits and reads.
func (z *zone) look(ctx context.Context, names []string, pause time.Duration) ([]record, error) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return z.read(ctx, names)
	case <-ctx.Done():
		return nil, &failover.ZoneError{Kind: failover.KindUnavailable, Err: ctx.Err()}
	}
}

func drift(want, found []failover.RecordSet) error {
	return &failover.ZoneError{Kind: failover.KindDrift,
		Err: fmt.Errorf("%w: want (-), found (+): %v", failover.ErrDrift, failover.Diff(want, found))}
}

// acceptable refuses a plan that no zone may carry out: one that reaches beyond its names and the
// managed types, or that leaves a name without an address. Plans are not made so; this is the last gate.
func (z *zone) acceptable(plan failover.Plan) error {
	if failover.CanonicalName(plan.Zone) != z.apex {
		return fmt.Errorf("the plan is for the zone %s", plan.Zone)
	}
	addressed := map[string]bool{}
	seen := map[string]bool{}
	for _, s := range plan.After {
		if !slices.Contains(plan.Names, s.Name) || !failover.Managed(s.Type) || seen[s.Key()] {
			return fmt.Errorf("the plan holds %s, which it does not govern, or twice", s.Key())
		}
		seen[s.Key()] = true
		values := s.Values()
		if len(values) == 0 || len(slices.Compact(values)) != len(s.Records) {
			return fmt.Errorf("the plan's %s is empty or holds a value twice", s.Key())
		}
		if s.Type != failover.TypeHTTPS && s.Type != failover.TypeSVCB {
			addressed[s.Name] = true
		}
	}
	for _, name := range plan.Names {
		if !addressed[name] {
			return fmt.Errorf("the plan leaves %s without an address", name)
		}
	}
	return nil
}
