// Package dnsproviders makes zones careful, whoever provides them: a time limit on every call,
// retries for reads alone, and a look back where the outcome of a write is unknown. It also asks
// the authoritative servers of a zone whether they answer what was written. The providers
// themselves live in the folders below and do not know this package.
package dnsproviders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/failover-dns/failover/failover"
)

// CarefulOptions are the limits of a careful zone; zero values take the defaults.
type CarefulOptions struct {
	Timeout time.Duration // for one call of the provider; default 15 s
	Retries uint64        // of a read, after the first; default 3
	// MaxWait is the longest RetryAfter that a read waits for; default 5 s. A longer one is the
	// caller's business.
	MaxWait time.Duration
	Log     *slog.Logger
}

// Careful wraps a zone. A read is repeated when the provider was unavailable, with growing waits,
// or as long as it asked for when it limits rates and that is short. A Replace is never repeated:
// if its outcome is unknown the zone is read back, and the answer is nil (it is After), kind
// Unavailable (it is Before still: not done), drift, or, if reading fails too, Lost.
func Careful(z failover.Zone, o CarefulOptions) failover.Zone {
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Retries == 0 {
		o.Retries = 3
	}
	if o.MaxWait <= 0 {
		o.MaxWait = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &careful{zone: z, options: o}
}

type careful struct {
	zone    failover.Zone
	options CarefulOptions
}

func (c *careful) Abilities() failover.Abilities { return c.zone.Abilities() }

// Read reads with retries.
func (c *careful) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	wait := newWaits(c.options)
	attempt := func() ([]failover.RecordSet, error) {
		if err := ctx.Err(); err != nil { // backoff runs the first attempt whatever the context says
			return nil, backoff.Permanent(unavailable("read", "", err))
		}
		one, cancel := context.WithTimeout(ctx, c.options.Timeout)
		defer cancel()
		sets, err := c.zone.Read(one, names)
		if err != nil && !wait.worth(err) {
			return nil, backoff.Permanent(err)
		}
		return sets, err
	}
	var last error
	notify := func(err error, next time.Duration) {
		last = err
		c.options.Log.DebugContext(ctx, "zone read again", "error", err, "in", next)
	}
	sets, err := backoff.RetryNotifyWithData(attempt, backoff.WithContext(backoff.WithMaxRetries(wait, c.options.Retries), ctx), notify)
	if err != nil && failover.KindOf(err) == "" && last != nil {
		err = fmt.Errorf("%w (%w)", last, err) // the context ended during a wait; the reason for waiting says more
	}
	return sets, err
}

// waits is a backoff that takes the server's word over its own ladder.
type waits struct {
	backoff.BackOff
	longest time.Duration
	told    time.Duration
}

func newWaits(o CarefulOptions) *waits {
	ladder := backoff.NewExponentialBackOff(backoff.WithInitialInterval(200*time.Millisecond),
		backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0))
	return &waits{BackOff: ladder, longest: o.MaxWait}
}

// worth tells whether an error may go away by itself soon, and notes how long to wait.
func (w *waits) worth(err error) bool {
	var ze *failover.ZoneError
	if !errors.As(err, &ze) {
		return false
	}
	w.told = ze.RetryAfter
	switch ze.Kind {
	case failover.KindUnavailable:
		return w.told <= w.longest
	case failover.KindRateLimited:
		return w.told > 0 && w.told <= w.longest
	default:
		return false
	}
}

// NextBackOff is part of backoff.BackOff.
func (w *waits) NextBackOff() time.Duration {
	if w.told > 0 {
		return w.told
	}
	return w.BackOff.NextBackOff()
}

// Replace writes once, and looks back if it is not known what came of it.
func (c *careful) Replace(ctx context.Context, p failover.Plan) error {
	if err := ctx.Err(); err != nil {
		return unavailable("replace", p.Zone, err)
	}
	one, cancel := context.WithTimeout(ctx, c.options.Timeout)
	err := c.zone.Replace(one, p)
	cancel()
	if err == nil || failover.KindOf(err) != failover.KindLost && failover.KindOf(err) != "" {
		return err
	}
	c.options.Log.WarnContext(ctx, "outcome of a zone change unknown, reading back", "zone", p.Zone, "error", err)
	return c.settle(ctx, p, err)
}

// settle finds out what came of a Replace.
func (c *careful) settle(ctx context.Context, p failover.Plan, lost error) error {
	sets, err := c.Read(ctx, p.Names)
	if err != nil {
		return &failover.ZoneError{Kind: failover.KindLost, Zone: p.Zone, Op: "replace", Err: errors.Join(lost, err)}
	}
	current := failover.Select(sets, p.Names)
	switch {
	case failover.SameSets(current, p.After):
		return nil
	case failover.SameSets(current, p.Before):
		return unavailable("replace", p.Zone, fmt.Errorf("the zone is unchanged: %w", withoutKind(lost)))
	default:
		return &failover.ZoneError{Kind: failover.KindDrift, Zone: p.Zone, Op: "replace",
			Err: fmt.Errorf("%w after a change whose answer was lost:\n%s", failover.ErrDrift, failover.Diff(p.After, current)[0])}
	}
}

// withoutKind takes the reason out of a ZoneError, whose kind no longer holds.
func withoutKind(err error) error {
	var ze *failover.ZoneError
	if errors.As(err, &ze) && ze.Err != nil {
		return ze.Err
	}
	return err
}

func unavailable(op, zone string, err error) error {
	return &failover.ZoneError{Kind: failover.KindUnavailable, Zone: zone, Op: op, Err: err}
}
