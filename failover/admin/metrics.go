package admin

import (
	"cmp"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/failover-dns/failover/failover"
)

// metrics are counted at the seams (Observe, Record, CountProviderError) or read when scraped
// (Collect). Labels hold names from the configuration and constants of the domain only; series of
// sites that left the configuration are dropped at the next scrape.
type metrics struct {
	options MonitorOptions

	probes    *prometheus.HistogramVec
	phases    *prometheus.HistogramVec
	failures  *prometheus.CounterVec
	switches  *prometheus.CounterVec
	providers *prometheus.CounterVec

	mu       sync.Mutex
	sites    map[string]bool      // that have counted series
	switched map[string]time.Time // the newest switch counted, per site
	started  time.Time
}

func newMetrics(o MonitorOptions, now time.Time) *metrics {
	// Few buckets: each is a series for every check of every site.
	seconds := []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: seconds}, labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &metrics{
		options:   o,
		probes:    histogram("failover_probe_duration_seconds", "Time a look at an origin took, failed ones included.", "site", "check"),
		phases:    histogram("failover_probe_phase_duration_seconds", "Time of one phase of a look, over all sites: resolve, connect, tls or first-byte.", "phase"),
		failures:  counter("failover_probe_failures_total", "Looks at an origin that failed, by cause.", "site", "cause"),
		switches:  counter("failover_switches_total", "Switches decided, by hand or not: to the fallback or to the origin.", "site", "direction"),
		providers: counter("failover_provider_errors_total", "Calls to a DNS provider that failed, by kind of error.", "zone", "kind"),
		sites:     map[string]bool{},
		switched:  map[string]time.Time{},
		started:   now,
	}
}

// observe counts one look at an origin.
func (m *metrics) observe(o failover.Observation) {
	if o.Role != failover.RoleOrigin {
		return
	}
	m.touch(o.Site)
	m.probes.WithLabelValues(o.Site, o.Check).Observe(o.Timings.Total.Seconds())
	for _, p := range [...]struct {
		name string
		took time.Duration
	}{{"resolve", o.Timings.Resolve}, {"connect", o.Timings.Connect}, {"tls", o.Timings.TLS}, {"first-byte", o.Timings.FirstByte}} {
		if p.took > 0 {
			m.phases.WithLabelValues(p.name).Observe(p.took.Seconds())
		}
	}
	if o.Health == failover.Down {
		m.failures.WithLabelValues(o.Site, string(cmp.Or(o.Cause, "other"))).Inc()
	}
}

// record counts a switch when an entry shows one that is newer than all counted before. It may
// see an entry twice, or miss some.
func (m *metrics) record(e failover.Entry) {
	m.touch(e.Site)
	m.mu.Lock()
	last, found := m.switched[e.Site]
	if !found {
		last = m.started
	}
	news := e.State.Switched.After(last)
	if news {
		m.switched[e.Site] = e.State.Switched
	}
	m.mu.Unlock()
	if !news {
		return
	}
	direction := "origin"
	if e.State.Phase.Serving() {
		direction = "fallback"
	}
	m.switches.WithLabelValues(e.Site, direction).Inc()
}

func (m *metrics) providerError(err error) {
	var ze *failover.ZoneError
	if errors.As(err, &ze) {
		m.providers.WithLabelValues(ze.Zone, string(ze.Kind)).Inc()
	}
}

func (m *metrics) touch(site string) {
	m.mu.Lock()
	m.sites[site] = true
	m.mu.Unlock()
}

// prune drops the series of sites that are gone.
func (m *metrics) prune(sites []failover.SiteStatus) {
	known := make(map[string]bool, len(sites))
	for _, s := range sites {
		known[s.Site] = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for site := range m.sites {
		if known[site] {
			continue
		}
		labels := prometheus.Labels{"site": site}
		m.probes.DeletePartialMatch(labels)
		m.failures.DeletePartialMatch(labels)
		m.switches.DeletePartialMatch(labels)
		delete(m.sites, site)
		delete(m.switched, site)
	}
}
