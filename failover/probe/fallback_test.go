package probe

import (
	"context"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

func TestFallback(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	now := time.Now()
	ours := func(status int, site, retry string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != ReadyPath {
				status = http.StatusOK // a visitor who is handed on to the origin
			}
			if site != "" {
				w.Header().Set(SiteHeader, site)
			}
			if retry != "" {
				w.Header().Set("Retry-After", retry)
			}
			w.WriteHeader(status)
		}
	}
	year, hour := now.Add(365*24*time.Hour), now.Add(time.Hour)
	for name, c := range map[string]struct {
		host    string
		handler http.HandlerFunc
		ca      *authority
		names   string
		ends    time.Time
		cause   failover.Cause
	}{
		"serves":             {"www.example.org.", ours(503, "www", "300"), ca, "www.example.org", year, ""},
		"serves a wildcard":  {"*.example.org.", ours(503, "www", "300"), ca, "*.example.org", year, ""},
		"wildcard uncovered": {"*.example.org.", ours(503, "www", "300"), ca, "example.org", year, failover.CauseTLSWrongName},
		"another host's":     {"www.example.org.", ours(503, "www", "300"), ca, "example.org", year, failover.CauseTLSWrongName},
		"internal":           {"www.example.org.", ours(503, "www", "300"), other, "www.example.org", year, failover.CauseTLSUntrusted},
		"ends too soon":      {"www.example.org.", ours(503, "www", "300"), ca, "www.example.org", hour, failover.CauseTLSExpired},
		"unknown host":       {"www.example.org.", ours(421, "", ""), ca, "www.example.org", year, failover.CauseStatus},
		"200":                {"www.example.org.", ours(200, "www", "300"), ca, "www.example.org", year, failover.CauseStatus},
		"another server":     {"www.example.org.", ours(503, "", "300"), ca, "www.example.org", year, failover.CauseProtocol},
		"another site":       {"www.example.org.", ours(503, "shop", "300"), ca, "www.example.org", year, failover.CauseProtocol},
		"no Retry-After":     {"www.example.org.", ours(503, "www", ""), ca, "www.example.org", year, failover.CauseProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			at := serveHTTP(t, c.handler, c.ca.leaf(t, c.ends, c.names))
			look, err := Fallback("www", failover.Host{Name: c.host}, at, Options{Roots: ca.roots, MinValidity: 24 * time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			o := look(context.Background())
			want(t, o, c.cause)
			if o.Role != failover.RoleFallback || o.Check != c.host || o.Site != "www" || o.Address != at.String() {
				t.Errorf("identity: %+v", o)
			}
		})
	}
	if _, err := Fallback("www", failover.Host{Name: "www.example.org."}, netip.AddrPort{}, Options{}); err == nil {
		t.Error("no address, no error")
	}
}

// The decision core takes a look at the fallback for what it is.
func TestFallbackMakesReady(t *testing.T) {
	ca := newAuthority(t)
	at := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(SiteHeader, "www")
		w.Header().Set("Retry-After", "300")
		w.WriteHeader(503)
	}), ca.leaf(t, time.Now().Add(time.Hour), "www.example.org"))
	look, err := Fallback("www", failover.Host{Name: "www.example.org."}, at, Options{Roots: ca.roots})
	if err != nil {
		t.Fatal(err)
	}
	p := failover.Policy{Hosts: 1, FallbackFresh: time.Minute}
	if v := p.Judge([]failover.Observation{look(context.Background())}, time.Now()); !v.FallbackReady {
		t.Errorf("not ready: %s", v.FallbackDetail)
	}
}
