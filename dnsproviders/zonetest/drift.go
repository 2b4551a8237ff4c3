package zonetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/failover-dns/failover/failover"
)

// fallbackPlan points www and plain away, from what the zone holds.
func fallbackPlan(t *testing.T, b Backend) failover.Plan {
	t.Helper()
	names := []string{www, plain}
	return plan(names, failover.Select(read(t, b, names), names), []failover.RecordSet{
		Set(plain, "A", lowTTL, "198.51.100.7"), Set(www, "A", lowTTL, "198.51.100.7")})
}

// runDrift edits the zone between the making of a plan and its use: nothing may change.
func runDrift(t *testing.T, h Harness) {
	for _, c := range []struct {
		name string
		edit failover.RecordSet
	}{
		{"foreign value", Set(plain, "A", longTTL, "203.0.113.1")},
		{"one value more", Set(plain, "A", longTTL, "192.0.2.4", "203.0.113.1")},
		{"one value less", Set(www, "A", longTTL, "192.0.2.1")},
		{"extra AAAA", Set(plain, "AAAA", longTTL, "2001:db8::99")},
		{"extra HTTPS", Set(plain, "HTTPS", longTTL, `1 . alpn="h2"`)},
		{"TTL", Set(plain, "A", longTTL+60, "192.0.2.4")},
		{"set deleted", Set(www, "AAAA", 0)},
		{"name deleted", Set(plain, "A", 0)},
		{"half of it is there already", Set(plain, "A", lowTTL, "198.51.100.7")},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := h.Open(t, Apex, seed())
			p := fallbackPlan(t, b)
			put(t, b, c.edit)
			whole := dump(t, b)
			err := b.Zone.Replace(t.Context(), p)
			if !errors.Is(err, failover.ErrDrift) {
				t.Errorf("error is %v (kind %q), want drift", err, failover.KindOf(err))
			}
			wantSets(t, dump(t, b), whole)
		})
	}
}

// alreadyAfter finds the work done by somebody else.
func alreadyAfter(t *testing.T, h Harness) {
	b := h.Open(t, Apex, seed())
	p := fallbackPlan(t, b)
	for _, s := range []failover.RecordSet{Set(www, "AAAA", 0), Set(www, "HTTPS", 0), p.After[0], p.After[1]} {
		put(t, b, s)
	}
	whole := dump(t, b)
	if err := b.Zone.Replace(t.Context(), p); err != nil {
		t.Errorf("replace: %v", err)
	}
	wantSets(t, dump(t, b), whole)
}

// foreignTypes changes what no plan governs; the plan goes on and the change stays.
func foreignTypes(t *testing.T, h Harness) {
	b := h.Open(t, Apex, seed())
	p := fallbackPlan(t, b)
	put(t, b, Set(plain, "TXT", longTTL, `"new"`))
	put(t, b, Set(www, "TXT", lowTTL, `"another"`))
	put(t, b, Set("fresh."+Apex, "A", longTTL, "192.0.2.77"))
	replace(t, b, p, dump(t, b))
}

// runConcurrent applies plans at the same time.
func runConcurrent(t *testing.T, h Harness) {
	t.Run("different plans, one wins", func(t *testing.T) {
		b := h.Open(t, Apex, seed())
		before := failover.Select(read(t, b, []string{plain}), []string{plain})
		plans := make([]failover.Plan, 4)
		for i := range plans {
			plans[i] = plan([]string{plain}, before, []failover.RecordSet{Set(plain, "A", lowTTL, fmt.Sprintf("198.51.100.%d", i+1))})
		}
		winner := -1
		for i, err := range together(t, b, plans) {
			switch {
			case err == nil && winner < 0:
				winner = i
			case err == nil:
				t.Errorf("plans %d and %d both claim success", winner, i)
			case !errors.Is(err, failover.ErrDrift):
				t.Errorf("plan %d: %v, want drift", i, err)
			}
		}
		if winner < 0 {
			t.Fatal("no plan won")
		}
		wantSets(t, read(t, b, []string{plain}), plans[winner].After)
	})
	t.Run("the same plan, all succeed", func(t *testing.T) {
		b := h.Open(t, Apex, seed())
		p := fallbackPlan(t, b)
		w := watch(t, b, p)
		for i, err := range together(t, b, []failover.Plan{p, p, p, p}) {
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
		w.stop(t)
		wantSets(t, failover.Select(read(t, b, p.Names), p.Names), p.After)
	})
}

// together applies all plans at once and returns their errors in order.
func together(t *testing.T, b Backend, plans []failover.Plan) []error {
	errs := make([]error, len(plans))
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i, p := range plans {
		wait.Go(func() {
			<-start
			errs[i] = b.Zone.Replace(t.Context(), p)
		})
	}
	close(start)
	wait.Wait()
	return errs
}

// cancelled uses a context that has ended: nothing is sent, so nothing is lost either.
func cancelled(t *testing.T, h Harness) {
	b := h.Open(t, Apex, seed())
	p := fallbackPlan(t, b)
	whole := dump(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Zone.Read(ctx, p.Names); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v, want an error that wraps context.Canceled", err)
	}
	err := b.Zone.Replace(ctx, p)
	if !errors.Is(err, context.Canceled) || failover.KindOf(err) == failover.KindLost || errors.Is(err, failover.ErrDrift) {
		t.Errorf("replace: %v (kind %q), want an error that wraps context.Canceled and is neither lost nor drift", err, failover.KindOf(err))
	}
	wantSets(t, dump(t, b), whole)
}
