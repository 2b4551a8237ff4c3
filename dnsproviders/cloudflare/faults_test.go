package cloudflare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/failover"
)

const (
	www     = "www.example.org."
	lists   = "GET /zones/*/dns_records"
	batched = "POST /zones/*/dns_records/batch"
)

// seeded is an API with one zone, in this process.
func seeded(t *testing.T) *cloudflaretest.API {
	t.Helper()
	api := cloudflaretest.New(cloudflaretest.Options{Zones: []string{plain}, Tokens: []cloudflaretest.Token{{Value: token}}})
	if err := api.Load(plain, originals()...); err != nil {
		t.Fatal(err)
	}
	return api
}

// away is the plan of these tests: three addresses of www become one.
func away(t *testing.T, z failover.Zone) failover.Plan {
	t.Helper()
	return planFor(t, z, www, address(www, 60, "198.51.100.7"))
}

func TestWriteFaults(t *testing.T) {
	f := func(kind string, f cloudflaretest.Fault) cloudflaretest.Fault { f.Kind, f.Op = kind, batched; return f }
	for _, c := range []struct {
		name    string
		fault   cloudflaretest.Fault
		want    failover.ErrorKind
		applied bool
	}{
		{"refused with a reason", f(cloudflaretest.Refuse, cloudflaretest.Fault{Status: 400, Code: 9005, Message: "Content for A record must be a valid IPv4 address."}), failover.KindRejected, false},
		{"unauthorized", f(cloudflaretest.Refuse, cloudflaretest.Fault{Status: 401, Code: 10000}), failover.KindUnauthorized, false},
		{"forbidden", f(cloudflaretest.Refuse, cloudflaretest.Fault{Status: 403, Code: 9109}), failover.KindUnauthorized, false},
		{"bad credential as 400", f(cloudflaretest.Refuse, cloudflaretest.Fault{Status: 400, Code: 6003}), failover.KindUnauthorized, false},
		{"rate limit", f(cloudflaretest.RateLimit, cloudflaretest.Fault{RetryAfter: "30"}), failover.KindRateLimited, false},
		{"500", f(cloudflaretest.Refuse, cloudflaretest.Fault{Status: 500}), failover.KindLost, false},
		{"503 although applied", f(cloudflaretest.Refuse, cloudflaretest.Fault{Status: 503, Applied: true}), failover.KindLost, true},
		{"proxy's page", f(cloudflaretest.HTML, cloudflaretest.Fault{}), failover.KindLost, false},
		{"proxy's page although applied", f(cloudflaretest.HTML, cloudflaretest.Fault{Applied: true, Status: 524}), failover.KindLost, true},
		{"page with status 200", f(cloudflaretest.HTML, cloudflaretest.Fault{Status: 200}), failover.KindLost, false},
		{"empty", f(cloudflaretest.Empty, cloudflaretest.Fault{}), failover.KindLost, false},
		{"empty although applied", f(cloudflaretest.Empty, cloudflaretest.Fault{Applied: true}), failover.KindLost, true},
		{"truncated", f(cloudflaretest.Truncate, cloudflaretest.Fault{}), failover.KindLost, true},
		{"error in a 200, validation", f(cloudflaretest.SoftError, cloudflaretest.Fault{Code: 9021}), failover.KindRejected, false},
		{"error in a 200, credential", f(cloudflaretest.SoftError, cloudflaretest.Fault{Code: 10000}), failover.KindUnauthorized, false},
		{"error in a 200, unknown", f(cloudflaretest.SoftError, cloudflaretest.Fault{Code: 1000}), failover.KindLost, false},
		{"answer lost", f(cloudflaretest.Drop, cloudflaretest.Fault{Applied: true}), failover.KindLost, true},
		{"call lost", f(cloudflaretest.Drop, cloudflaretest.Fault{}), failover.KindLost, false},
		{"too slow", f(cloudflaretest.Slow, cloudflaretest.Fault{Delay: 30 * time.Second}), failover.KindLost, false},
		{"redirected", f(cloudflaretest.HTML, cloudflaretest.Fault{Status: 302}), failover.KindUnavailable, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { writeFault(t, c.fault, c.want, c.applied) })
		})
	}
}

func writeFault(t *testing.T, fault cloudflaretest.Fault, want failover.ErrorKind, applied bool) {
	var log bytes.Buffer
	api := seeded(t)
	z := zoneOf(t, within(t, api, &log))
	plan := away(t, z)
	api.Fail(fault)
	started := time.Now()
	err := z.Replace(urgent(t), plan)
	if failover.KindOf(err) != want {
		t.Fatalf("kind %q, want %q: %v", failover.KindOf(err), want, err)
	}
	if took := time.Since(started); took > callTimeout+time.Second {
		t.Errorf("it took %v", took)
	}
	if n := len(batches(api)); n > 1 {
		t.Errorf("%d batches, want one: never repeated blindly", n)
	}
	if got := holds(t, api, "198.51.100.7"); got != applied {
		t.Errorf("applied: %v, want %v", got, applied)
	}
	var ze *failover.ZoneError
	if !errors.As(err, &ze) || ze.Zone != apex || ze.Op != "replace" {
		t.Errorf("the error does not say where: %#v", err)
	}
	if said := err.Error() + fmt.Sprintf("%+v", err) + log.String(); strings.Contains(said, token) || strings.Contains(said, "<html") {
		t.Errorf("says too much: %s", said)
	}
	time.Sleep(window) // fake time: whatever was refused may be tried again
	if err := z.Replace(urgent(t), plan); err != nil {
		t.Fatalf("after the fault: %v", err)
	}
	if !holds(t, api, "198.51.100.7") {
		t.Error("after the fault the zone does not hold the plan")
	}
	if writes := len(api.Versions(plain)) - 2; writes != 1 {
		t.Errorf("the zone was written %d times, want once", writes)
	}
}

func holds(t *testing.T, api *cloudflaretest.API, content string) bool {
	t.Helper()
	for _, r := range api.Records(plain) {
		if r.Content == content {
			return true
		}
	}
	return false
}

func TestReadFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault cloudflaretest.Fault
		want  failover.ErrorKind // with the fault for ever
		calls int                // that are made then
	}{
		{"500", cloudflaretest.Fault{Kind: cloudflaretest.Refuse, Status: 500}, failover.KindUnavailable, 3},
		{"proxy's page", cloudflaretest.Fault{Kind: cloudflaretest.HTML}, failover.KindUnavailable, 3},
		{"empty", cloudflaretest.Fault{Kind: cloudflaretest.Empty}, failover.KindUnavailable, 3},
		{"truncated", cloudflaretest.Fault{Kind: cloudflaretest.Truncate}, failover.KindUnavailable, 3},
		{"dropped", cloudflaretest.Fault{Kind: cloudflaretest.Drop}, failover.KindUnavailable, 3},
		{"too slow", cloudflaretest.Fault{Kind: cloudflaretest.Slow, Delay: time.Minute}, failover.KindUnavailable, 3},
		{"error in a 200", cloudflaretest.Fault{Kind: cloudflaretest.SoftError, Code: 1000}, failover.KindUnavailable, 3},
		{"unauthorized", cloudflaretest.Fault{Kind: cloudflaretest.Refuse, Status: 401, Code: 1000}, failover.KindUnauthorized, 1},
		{"rejected", cloudflaretest.Fault{Kind: cloudflaretest.Refuse, Status: 400, Code: 1004}, failover.KindRejected, 1},
		{"rate limit", cloudflaretest.Fault{Kind: cloudflaretest.RateLimit, RetryAfter: "60"}, failover.KindRateLimited, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := seeded(t)
				z := zoneOf(t, within(t, api, t.Output()))
				c.fault.Op, c.fault.Times = lists, -1
				api.Fail(c.fault)
				_, err := z.Read(t.Context(), []string{www})
				if failover.KindOf(err) != c.want {
					t.Errorf("kind %q, want %q: %v", failover.KindOf(err), c.want, err)
				}
				if c.fault.Kind != cloudflaretest.Slow && len(api.Log()) != 1+c.calls {
					t.Errorf("%d calls, want %d", len(api.Log())-1, c.calls)
				}
				api.Heal()
				time.Sleep(window)
				if c.want != failover.KindUnavailable {
					return
				}
				c.fault.Times = 2
				api.Fail(c.fault)
				if sets, err := z.Read(t.Context(), []string{www}); err != nil || len(sets) != 2 {
					t.Errorf("a third try gives %v, %v", sets, err)
				}
			})
		})
	}
}

func TestNothingIsSentWhenNobodyAnswers(t *testing.T) {
	p, err := Open(Options{Token: token, Endpoint: "http://127.0.0.1:1/client/v4"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.client.call(t.Context(), http.MethodPost, "/zones/x/dns_records/batch", batch{})
	if failover.KindOf(err) != failover.KindUnavailable {
		t.Errorf("refused connection: %v, want unavailable: no call was made", err)
	}
}

func TestRateLimitBlocksEveryCallWithoutSleeping(t *testing.T) {
	for retryAfter, want := range map[string]time.Duration{
		"1": time.Second, "30": 30 * time.Second, "3600": window, "": window, "soon": window, "-5": window, "0": time.Second,
		"Sat, 01 Jan 2000 00:01:00 GMT": time.Minute, // synctest's clock starts at midnight
		"Fri, 31 Dec 1999 00:00:00 GMT": time.Second,
	} {
		t.Run(retryAfter, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := seeded(t)
				z := zoneOf(t, within(t, api, t.Output()))
				plan := away(t, z)
				api.Fail(cloudflaretest.Fault{Kind: cloudflaretest.RateLimit, RetryAfter: retryAfter})
				calls := len(api.Log()) + 1
				for range 3 {
					started := time.Now()
					err := z.Replace(urgent(t), plan)
					var ze *failover.ZoneError
					if !errors.As(err, &ze) || ze.Kind != failover.KindRateLimited || ze.RetryAfter != want {
						t.Fatalf("%v, want rate-limited for %v", err, want)
					}
					if time.Since(started) > 0 {
						t.Errorf("slept for %v", time.Since(started))
					}
				}
				if len(api.Log()) != calls {
					t.Errorf("%d calls although refused", len(api.Log())-calls)
				}
				time.Sleep(want)
				if err := z.Replace(urgent(t), plan); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestStaleReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := seeded(t)
		z := zoneOf(t, within(t, api, t.Output()))
		plan := planFor(t, z, www, address(www, 60, "198.51.100.7", "198.51.100.8", "198.51.100.9", "198.51.100.10"))
		api.Behave(cloudflaretest.Behaviour{StaleReads: 2})
		if err := z.Replace(urgent(t), plan); err != nil {
			t.Errorf("two stale reads: %v", err)
		}
		back := failover.Plan{ZoneRef: plan.ZoneRef, Names: plan.Names, Before: plan.After, After: plan.Before}
		api.Behave(cloudflaretest.Behaviour{StaleReads: 8})
		if err := z.Replace(urgent(t), back); failover.KindOf(err) != failover.KindLost {
			t.Errorf("many stale reads: %v, want lost", err)
		}
		want := bareForms(api.Records(plain))
		// Five stale reads are left: the zone seems not to be written yet, and the batch finds what is.
		if err := z.Replace(urgent(t), back); err == nil || errors.Is(err, failover.ErrDrift) {
			t.Errorf("again, still stale: %v, want neither success nor drift", err)
		}
		for range 4 {
			if err := z.Replace(urgent(t), back); err == nil {
				break
			} else if errors.Is(err, failover.ErrDrift) {
				t.Errorf("stale reads taken for drift: %v", err)
			}
		}
		if got := bareForms(api.Records(plain)); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestRaceBetweenLookAndWrite(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*cloudflaretest.API) error
		want failover.ErrorKind
	}{
		{"somebody deletes a record", func(api *cloudflaretest.API) error {
			return api.Put(plain, "www.example.org", "A", cloudflaretest.Record{Name: "www", Type: "A", Content: "203.0.113.9"})
		}, failover.KindDrift},
		{"somebody made the same change", func(api *cloudflaretest.API) error {
			if err := api.Put(plain, "www.example.org", "HTTPS"); err != nil {
				return err
			}
			return api.Put(plain, "www.example.org", "A", cloudflaretest.Record{Name: "www", Type: "A", Content: "198.51.100.7", TTL: 60})
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := seeded(t)
				p := within(t, api, t.Output())
				plan := away(t, zoneOf(t, p))
				p.client.http.Transport = before{batched, func() {
					if err := c.edit(api); err != nil {
						t.Error(err)
					}
				}, p.client.http.Transport}
				err := zoneOf(t, p).Replace(urgent(t), plan)
				if failover.KindOf(err) != c.want {
					t.Errorf("%v, want kind %q", err, c.want)
				}
			})
		})
	}
}

// before does something just before a call is made.
type before struct {
	op   string
	do   func()
	next http.RoundTripper
}

func (b before) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(b.op, r.Method) {
		b.do()
	}
	return b.next.RoundTrip(r)
}

func TestContextEndsDuringTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := seeded(t)
		z := zoneOf(t, within(t, api, t.Output()))
		plan := away(t, z)
		api.Fail(cloudflaretest.Fault{Kind: cloudflaretest.Slow, Op: batched, Delay: 5 * time.Second})
		ctx, cancel := context.WithTimeout(urgent(t), time.Second)
		defer cancel()
		err := z.Replace(ctx, plan)
		if failover.KindOf(err) != failover.KindLost || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want lost", err)
		}
	})
}
