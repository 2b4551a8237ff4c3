package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/failover-dns/failover/failover"
)

// ask does the talking of one look. It fills in timings, expiry and warning as it learns them and
// returns nil, a *failure, or an error of the network.
type ask func(ctx context.Context, o *failover.Observation) error

// look is everything about a look that does not change from one to the next.
type look struct {
	identity failover.Observation
	address  netip.AddrPort
	timeout  time.Duration
	slow     time.Duration
	ask      ask
	log      *slog.Logger
}

// start fills in the defaults and returns the look as a function.
func (l look) start(opt Options) Func {
	l.identity.Vantage = opt.Vantage
	l.identity.Address = l.address.String()
	for _, t := range []time.Duration{opt.Timeout, defaultTimeout} {
		if l.timeout <= 0 {
			l.timeout = t
		}
	}
	if l.log = opt.Log; l.log == nil {
		l.log = slog.Default()
	}
	return l.look
}

func (l *look) look(parent context.Context) (o failover.Observation) {
	o = l.identity
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			o = panicked(l.identity, p, l.log)
		}
		o.At = time.Now()
		o.Timings.Total = o.At.Sub(start)
	}()
	ctx, cancel := context.WithTimeout(parent, l.timeout)
	defer cancel()
	err := l.ask(ctx, &o)
	l.judge(parent, &o, err, time.Since(start))
	return o
}

// starved is how late a timeout may be noticed: later, and the answer may have waited for us.
const starved = 500 * time.Millisecond

// judge turns the outcome of a look into health and cause.
func (l *look) judge(parent context.Context, o *failover.Observation, err error, took time.Duration) {
	var f *failure
	switch {
	case errors.Is(parent.Err(), context.Canceled):
		o.Health, o.Detail = failover.Unknown, "the look was cut short"
	case isTimeout(err) && took > l.timeout+starved:
		o.Health = failover.Unknown
		o.Detail = fmt.Sprintf("we noticed the timeout of %v after %v only: this machine is overloaded or was stopped, "+
			"so the silence says nothing; try: more CPU, or fewer checks", l.timeout, round(took))
	case errors.As(err, &f):
		o.Health, o.Cause, o.Detail = failover.Down, f.cause, f.detail
		if f.cause == "" {
			o.Health = failover.Unknown
		}
	case err != nil: // cannot happen: every ask sorts its errors
		o.Health, o.Cause, o.Detail = failover.Down, failover.CauseProtocol, err.Error()
	case l.slow > 0 && took > l.slow:
		o.Health, o.Cause = failover.Down, failover.CauseSlow
		o.Detail = fmt.Sprintf("a right answer after %v, more than the %v allowed", round(took), l.slow)
	default:
		o.Health = failover.Up
	}
}

// panicked is the observation of a look that met a defect of ours.
func panicked(identity failover.Observation, p any, log *slog.Logger) failover.Observation {
	log.Error("a probe panicked", "site", identity.Site, "check", identity.Check, "address", identity.Address,
		"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	identity.Health, identity.Cause = failover.Down, failover.CausePanic
	identity.Detail = "a defect of the probe itself, see the log; the look counts as failed"
	return identity
}

// round makes a duration short enough for people.
func round(d time.Duration) time.Duration {
	switch {
	case d > 10*time.Second:
		return d.Round(time.Second)
	case d > 10*time.Millisecond:
		return d.Round(time.Millisecond)
	default:
		return d.Round(10 * time.Microsecond)
	}
}
