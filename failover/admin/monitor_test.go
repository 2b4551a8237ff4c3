package admin_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
)

// get returns status and body of a GET.
func get(m http.Handler, path string) (int, string) {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// full is a monitor with every source, which has seen one of everything.
func full(now time.Time) (*admin.Monitor, *fake) {
	f := &fake{statuses: sites("shop", "www")}
	f.statuses[1].State.Phase = failover.Suspect
	f.statuses[1].State.Held = true
	f.statuses[1].State.Vetoes = []failover.Veto{{Rule: failover.VetoHeld}, {Rule: failover.VetoDwell}, {Rule: failover.VetoDwell}}
	f.statuses[1].Verdict.Health = failover.Down
	f.statuses[1].Trouble = "provider unavailable"
	m := admin.NewMonitor(admin.MonitorOptions{
		Controller: f,
		Turned:     func() time.Time { return now },
		Certificates: func() map[string]time.Time {
			return map[string]time.Time{"example.org.": time.Unix(1800000000, 0), "bare.example.org.": {}}
		},
		Probes:  func() (int, int) { return 3, 1 },
		Version: "1.2.3", Revision: "abc", GoVersion: "go1.26",
	})
	m.Observe(failover.Observation{Site: "www", Role: failover.RoleOrigin, Check: "front", Health: failover.Down, Cause: failover.CauseRefused,
		Timings: failover.Timings{Connect: 20 * time.Millisecond, Total: 30 * time.Millisecond}})
	m.Observe(failover.Observation{Role: failover.RoleReference, Check: "ref", Health: failover.Down})
	e := failover.Entry{Site: "www", State: failover.State{Phase: failover.InFallback, Switched: now.Add(time.Second)}}
	m.Record(e)
	m.Record(e) // the same switch
	e.State.Phase, e.State.Switched = failover.Primary, now.Add(time.Minute)
	m.Record(e)
	m.Record(failover.Entry{Site: "shop", State: failover.State{Phase: failover.InFallback, Switched: now.Add(-time.Hour)}}) // before our time
	m.CountProviderError(&failover.ZoneError{Zone: "example.org.", Kind: failover.KindRateLimited, Err: errors.New("slow down")})
	m.CountProviderError(nil)
	m.CountProviderError(errors.New("other"))
	return m, f
}

func TestMetrics(t *testing.T) {
	m, f := full(time.Now())
	_, body := get(m, "/metrics")
	for _, want := range []string{
		`failover_site_phase{phase="suspect",site="www"} 1`,
		`failover_site_phase{phase="primary",site="www"} 0`,
		`failover_site_health{site="www"} 0`,
		`failover_site_health{site="shop"} -1`,
		`failover_site_held{site="www"} 1`,
		`failover_site_latched{site="www"} 0`,
		`failover_site_trouble{site="www"} 1`,
		`failover_vetoes{rule="dwell",site="www"} 1`,
		`failover_probe_duration_seconds_count{check="front",site="www"} 1`,
		`failover_probe_phase_duration_seconds_sum{phase="connect"} 0.02`,
		`failover_probe_failures_total{cause="refused",site="www"} 1`,
		`failover_switches_total{direction="fallback",site="www"} 1`,
		`failover_switches_total{direction="origin",site="www"} 1`,
		`failover_certificate_expiry_timestamp_seconds{host="example.org."} 1.8e+09`,
		`failover_provider_errors_total{kind="rate-limited",zone="example.org."} 1`,
		`failover_probes_active 3`,
		`failover_probe_lateness_seconds 1`,
		`failover_scrape_error 0`,
		`failover_build_info{goversion="go1.26",revision="abc",version="1.2.3"} 1`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("missing: %s", want)
		}
	}
	for _, wrong := range []string{`failover_switches_total{direction="fallback",site="shop"}`, `check="ref"`, `host="bare.example.org."`, `failover_vetoes{rule="dwell",site="shop"}`} {
		if strings.Contains(body, wrong) {
			t.Errorf("should not be there: %s", wrong)
		}
	}
	f.statuses = sites("shop")
	get(m, "/metrics") // drops what was counted for www
	if _, body = get(m, "/metrics"); strings.Contains(body, `site="www"`) {
		t.Error("series of a site that is gone stay:\n", body)
	}
}

func TestEveryMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	m, _ := full(time.Now())
	_, body := get(m, "/metrics")
	names := func(re, s string) []string {
		var out []string
		for _, match := range regexp.MustCompile(re).FindAllStringSubmatch(s, -1) {
			out = append(out, match[1])
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	served := names(`(?m)^# TYPE (failover_\w+) `, body)
	documented := names("(?m)^\\| `(failover_\\w+)", string(text))
	if !slices.Equal(served, documented) {
		t.Errorf("served     %q\ndocumented %q", served, documented)
	}
}

func TestHealthz(t *testing.T) {
	now := time.Now()
	for lag, want := range map[time.Duration]int{0: 200, time.Hour: 503} {
		m := admin.NewMonitor(admin.MonitorOptions{Controller: &fake{}, Turned: func() time.Time { return now.Add(-lag) }})
		if code, body := get(m, "/healthz"); code != want {
			t.Errorf("lag %v: %d %s", lag, code, body)
		}
	}
}

func TestReadyz(t *testing.T) {
	now := time.Now()
	zone := failover.ZoneState{ZoneRef: failover.ZoneRef{Provider: "main", Zone: "example.org."}}
	well := zone
	well.Baseline = []failover.RecordSet{{Name: "www.example.org.", Type: "A"}}
	host := "www.example.org."
	for _, test := range []struct {
		name   string
		zones  []failover.ZoneState
		certs  map[string]time.Time
		config error
		listen error
		want   string // the reasons, joined; empty: ready
	}{
		{name: "ready", zones: []failover.ZoneState{well}, certs: map[string]time.Time{host: now.Add(time.Hour)}},
		{name: "zones unread", certs: map[string]time.Time{host: now.Add(time.Hour)}, want: "site www: its zones were not read yet"},
		{name: "no baseline", zones: []failover.ZoneState{zone}, certs: map[string]time.Time{host: now.Add(time.Hour)}, want: "site www: no baseline of zone example.org. yet"},
		{name: "no certificate", zones: []failover.ZoneState{well}, certs: map[string]time.Time{}, want: "site www: no certificate for www.example.org. yet"},
		{name: "expired", zones: []failover.ZoneState{well}, certs: map[string]time.Time{host: time.Unix(0, 0)}, want: "site www: the certificate for www.example.org. ended at 1970-01-01T00:00:00Z"},
		{name: "not loaded", zones: []failover.ZoneState{well}, certs: map[string]time.Time{host: now.Add(time.Hour)}, config: errors.New("line 3"), listen: errors.New("port taken"),
			want: "the configuration: line 3|the fallback: port taken"},
	} {
		f := &fake{statuses: []failover.SiteStatus{{Site: "www", Hosts: []string{host}, State: failover.State{Zones: test.zones}}}}
		m := admin.NewMonitor(admin.MonitorOptions{
			Controller: f, Certificates: func() map[string]time.Time { return test.certs },
			Config: func() error { return test.config }, Listening: func() error { return test.listen },
		})
		code, body := get(m, "/readyz")
		var r admin.Readiness
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(r.Reasons, "|"); got != test.want || r.Ready != (test.want == "") || (code == 200) != r.Ready {
			t.Errorf("%s: %d %s", test.name, code, body)
		}
	}
}

func TestReadyzIsBounded(t *testing.T) {
	f := &fake{}
	for range 5000 {
		f.statuses = append(f.statuses, sites("www")...)
	}
	_, body := get(admin.NewMonitor(admin.MonitorOptions{Controller: f}), "/readyz")
	var r admin.Readiness
	if err := json.Unmarshal([]byte(body), &r); err != nil || len(r.Reasons) != 100 || r.Reasons[99] != "and 4901 more" {
		t.Errorf("%d reasons, %v", len(r.Reasons), err)
	}
}

func TestMonitorChangesNothing(t *testing.T) {
	m := admin.NewMonitor(admin.MonitorOptions{Controller: &fake{}})
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/v1/sites", "/"} {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		if w.Code < 400 {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
}
