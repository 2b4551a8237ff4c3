package admin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/failover-dns/failover/failover"
)

// defaultLag is how long the control loop may take for one round before it counts as stuck.
const defaultLag = 30 * time.Second

// MonitorOptions are the sources of what a Monitor shows. Only Controller is required; a source
// that is nil is left out. All are called at any time and from any goroutine.
type MonitorOptions struct {
	Controller interface {
		Status(ctx context.Context) ([]failover.SiteStatus, error)
	}
	Turned       func() time.Time            // when the control loop last went round
	MaxLag       time.Duration               // 30 s when 0
	Config       func() error                // why the configuration is not loaded, or nil
	Listening    func() error                // why the fallback does not listen, or nil
	Certificates func() map[string]time.Time // NotAfter by canonical host, of what the fallback holds
	Probes       func() (active, late int)   // looks under way; by how many seconds the newest began late

	Version, Revision, GoVersion string
}

// Monitor answers /metrics, /healthz and /readyz. It reads only.
type Monitor struct {
	options MonitorOptions
	metrics *metrics
	mux     *http.ServeMux
}

// NewMonitor returns a Monitor with a registry of its own.
func NewMonitor(o MonitorOptions) *Monitor {
	if o.MaxLag == 0 {
		o.MaxLag = defaultLag
	}
	m := &Monitor{options: o, metrics: newMetrics(o, time.Now()), mux: http.NewServeMux()}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{m.metrics, newDescs()},
		m.metrics.probes, m.metrics.phases, m.metrics.failures, m.metrics.switches, m.metrics.providers,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// The status is read by the first collector, which also drops the series of sites that are
	// gone; ContinueOnError shows what can be shown.
	m.mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	m.mux.HandleFunc("GET /healthz", m.healthz)
	m.mux.HandleFunc("GET /readyz", m.readyz)
	return m
}

func (m *Monitor) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// Observe counts one look; looks at anything but an origin are ignored.
func (m *Monitor) Observe(o failover.Observation) { m.metrics.observe(o) }

// Record counts the switch that a journal entry tells of, if any, once.
func (m *Monitor) Record(e failover.Entry) { m.metrics.record(e) }

// CountProviderError counts an error that is a [failover.ZoneError]; others, and nil, are ignored.
func (m *Monitor) CountProviderError(err error) { m.metrics.providerError(err) }

// healthz says whether the process lives and its loop goes round.
func (m *Monitor) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if m.options.Turned != nil {
		if lag := time.Since(m.options.Turned()); lag > m.options.MaxLag {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "the control loop has not gone round for %v\n", lag.Round(time.Second))
			return
		}
	}
	io.WriteString(w, "ok\n")
}

// Readiness is the answer of /readyz: 200 when Ready, else 503.
type Readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"` // why not, one sentence each; at most 100
}

const maxReasons = 100

func (m *Monitor) readyz(w http.ResponseWriter, r *http.Request) {
	reasons := m.reasons(r.Context())
	status := http.StatusOK
	if len(reasons) > 0 {
		status = http.StatusServiceUnavailable
	}
	if more := len(reasons) - maxReasons; more > 0 {
		reasons = append(reasons[:maxReasons-1], fmt.Sprintf("and %d more", more+1))
	}
	writeJSON(w, status, Readiness{Ready: len(reasons) == 0, Reasons: reasons})
}

// reasons lists what keeps the process from protecting every site.
func (m *Monitor) reasons(ctx context.Context) []string {
	reasons := []string{}
	for what, f := range map[string]func() error{"the configuration": m.options.Config, "the fallback": m.options.Listening} {
		if f == nil {
			continue
		}
		if err := f(); err != nil {
			reasons = append(reasons, fmt.Sprintf("%s: %v", what, err))
		}
	}
	slices.Sort(reasons)
	sites, err := m.options.Controller.Status(ctx)
	if err != nil {
		return append(reasons, fmt.Sprintf("the controller: %v", err))
	}
	var held map[string]time.Time
	if m.options.Certificates != nil {
		held = m.options.Certificates()
	}
	for _, s := range sites {
		reasons = append(reasons, unready(s, held, m.options.Certificates != nil, time.Now())...)
	}
	return reasons
}

// unready lists what a site lacks: a baseline of each of its zones, a certificate for each of its hosts.
func unready(s failover.SiteStatus, held map[string]time.Time, known bool, now time.Time) []string {
	var reasons []string
	if len(s.State.Zones) == 0 {
		reasons = append(reasons, fmt.Sprintf("site %s: its zones were not read yet", s.Site))
	}
	for _, z := range s.State.Zones {
		if len(z.Baseline) == 0 {
			reasons = append(reasons, fmt.Sprintf("site %s: no baseline of zone %s yet", s.Site, z.ZoneRef.Zone))
		}
	}
	if !known {
		return reasons
	}
	for _, host := range s.Hosts {
		if end := held[host]; end.IsZero() {
			reasons = append(reasons, fmt.Sprintf("site %s: no certificate for %s yet", s.Site, host))
		} else if !end.After(now) {
			reasons = append(reasons, fmt.Sprintf("site %s: the certificate for %s ended at %s", s.Site, host, end.UTC().Format(time.RFC3339)))
		}
	}
	return reasons
}
