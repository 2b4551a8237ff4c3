package cloudflare

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/failover"
)

// grants returns how many calls in a row are granted, and the wait that the next one gets.
func grants(b *budget, now time.Time, urgent bool) (n int, wait time.Duration) {
	for n = 0; n < 5000; n++ {
		if wait = b.take(now, urgent); wait > 0 {
			return n, wait
		}
	}
	return n, 0
}

func TestBudgetKeepsAShareForSwitches(t *testing.T) {
	b, now := newBudget(1200), time.Now()
	if n, wait := grants(b, now, false); n != 720 || wait != window {
		t.Errorf("%d calls that are not urgent, then wait %v; want 720, %v", n, wait, window)
	}
	if n, wait := grants(b, now.Add(time.Minute), true); n != 480 || wait != 4*time.Minute {
		t.Errorf("%d urgent calls, then wait %v; want 480, 4m", n, wait)
	}
	if n, _ := grants(b, now.Add(window), true); n != 720 {
		t.Errorf("%d calls when the first 720 are 5 minutes old", n)
	}
}

func TestBudgetHoldsInEveryWindow(t *testing.T) {
	b, start := newBudget(100), time.Now()
	var made []time.Time
	for step := range 4000 { // 20 minutes, far more wishes than calls
		now := start.Add(time.Duration(step) * 300 * time.Millisecond)
		if b.take(now, step%3 == 0) == 0 {
			made = append(made, now)
		}
	}
	for i := range made {
		if j := i + 100; j < len(made) && made[j].Sub(made[i]) < window {
			t.Fatalf("101 calls within %v", made[j].Sub(made[i]))
		}
	}
	if len(made) < 400 {
		t.Errorf("only %d calls in 20 minutes", len(made))
	}
}

func TestServerHeadersAreHeeded(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name, limit, policy string
		calm, urgent        time.Duration // waits
	}{
		{"plenty", `"default";r=1100;t=120`, `"default";q=1200;w=300`, 0, 0},
		{"others used it", `"default";r=480;t=120`, `"default";q=1200;w=300`, 2 * time.Minute, 0},
		{"nothing left", `"default";r=0;t=45`, `"default";q=1200;w=300`, 45 * time.Second, 45 * time.Second},
		{"no policy", `"default";r=10;t=9`, ``, 9 * time.Second, 0},
		{"several", `"burst";r=90;t=1, "default";r=1;t=60`, `"burst";q=100;w=1, "default";q=1200;w=300`, time.Minute, 0},
		{"absurd", `"default";r=0;t=999999999`, ``, window, window},
		{"garbage", `r=;t;;;,,"x";r=-1;t=zzz,=`, `;;q=99999999999999999999`, 0, 0},
		{"absent", ``, ``, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBudget(1200)
			b.heed(now, http.Header{"Ratelimit": {c.limit}, "Ratelimit-Policy": {c.policy}})
			if got := b.take(now, false); got != c.calm {
				t.Errorf("a calm call waits %v, want %v", got, c.calm)
			}
			if got := b.take(now, true); got != c.urgent {
				t.Errorf("an urgent call waits %v, want %v", got, c.urgent)
			}
		})
	}
}

func TestChecksCannotStarveASwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := seeded(t)
		p := within(t, api, t.Output())
		z := zoneOf(t, p)
		plan := away(t, z)
		for {
			if _, err := z.Read(t.Context(), []string{www}); err != nil {
				var ze *failover.ZoneError
				if !errors.As(err, &ze) || ze.Kind != failover.KindRateLimited || ze.RetryAfter <= 0 {
					t.Fatal(err)
				}
				break
			}
		}
		if n := len(api.Log()); n < 700 || n > 720 {
			t.Errorf("%d calls, want 720", n)
		}
		if err := z.Replace(urgent(t), plan); err != nil {
			t.Errorf("the switch: %v", err)
		}
		for _, e := range api.Log() {
			if e.Status == http.StatusTooManyRequests {
				t.Fatal("the API had to refuse a call")
			}
		}
	})
}

func TestOthersCallsCountToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := cloudflaretest.New(cloudflaretest.Options{Zones: []string{plain}, Limit: 10, Tokens: []cloudflaretest.Token{{Value: token}}})
		z := zoneOf(t, within(t, api, t.Output()))
		for range 20 {
			_, _ = z.Read(t.Context(), []string{www})
		}
		if n := len(api.Log()); n != 6 {
			t.Errorf("%d calm calls at the server's limit of 10, want 6", n)
		}
		for range 20 {
			_, _ = z.Read(failover.Urgent(t.Context()), []string{www})
		}
		if n := len(api.Log()); n != 10 {
			t.Errorf("%d calls at the server's limit of 10", n)
		}
	})
}
