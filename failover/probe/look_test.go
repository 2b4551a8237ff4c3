package probe

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failover-dns/failover/failover"
)

// What is our own fault says nothing about the origin.
func TestOurOwnFaultIsUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		ask    ask
		health failover.Health
		cause  failover.Cause
	}{
		"a shortage": {func(context.Context, *failover.Observation) error { return &failure{detail: "no more files"} }, failover.Unknown, ""},
		"a timeout": {func(ctx context.Context, _ *failover.Observation) error {
			<-ctx.Done()
			return talking("x").failed(ctx.Err())
		},
			failover.Down, failover.CauseTimeout},
		"stopped for a while": {func(ctx context.Context, _ *failover.Observation) error {
			time.Sleep(time.Minute)
			return talking("x").failed(ctx.Err())
		}, failover.Unknown, ""},
		"stopped, but well": {func(context.Context, *failover.Observation) error { time.Sleep(time.Minute); return nil }, failover.Up, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := look{address: netip.MustParseAddrPort("192.0.2.1:443"), timeout: 5 * time.Second, ask: c.ask}
				o := l.start(Options{})(t.Context())
				if o.Health != c.health || o.Cause != c.cause || (o.Health != failover.Up && o.Detail == "") {
					t.Errorf("got %+v", o)
				}
			})
		})
	}
}

func TestDefaultTimeouts(t *testing.T) {
	for _, c := range []struct{ check, option, want time.Duration }{
		{0, 0, 5 * time.Second}, {0, time.Second, time.Second}, {2 * time.Second, time.Second, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := look{timeout: c.check, ask: func(ctx context.Context, _ *failover.Observation) error {
				<-ctx.Done()
				return talking("x").failed(ctx.Err())
			}}
			if o := l.start(Options{Timeout: c.option})(t.Context()); o.Timings.Total != c.want {
				t.Errorf("%+v: took %v", c, o.Timings.Total)
			}
		})
	}
}
