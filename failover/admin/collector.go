package admin

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/failover-dns/failover/failover"
)

// scrapeTimeout bounds how long a scrape waits for the controller.
const scrapeTimeout = 5 * time.Second

// descs are the gauges that are read when scraped.
type descs struct {
	phase, health, held, latched, trouble, vetoes      *prometheus.Desc
	expiry, active, late, build, lastTurn, scrapeError *prometheus.Desc
}

func newDescs() descs {
	gauge := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return descs{
		phase:       gauge("failover_site_phase", "1 for the phase the site is in, 0 for the others.", "site", "phase"),
		health:      gauge("failover_site_health", "What fresh observations say of the origin: 1 up, 0 down, -1 unknown.", "site"),
		held:        gauge("failover_site_held", "1 while an operator holds the site: automation stands still.", "site"),
		latched:     gauge("failover_site_latched", "1 while the site is switched by hand: automation does not undo it.", "site"),
		trouble:     gauge("failover_site_trouble", "1 while the site's zones are not in the wanted form, or nothing is known of it.", "site"),
		vetoes:      gauge("failover_vetoes", "1 for each safety rule that stops a wanted switch.", "site", "rule"),
		expiry:      gauge("failover_certificate_expiry_timestamp_seconds", "When the fallback's certificate for the host ends, in Unix time.", "host"),
		active:      gauge("failover_probes_active", "Looks under way."),
		late:        gauge("failover_probe_lateness_seconds", "How late the newest look began, in whole seconds."),
		lastTurn:    gauge("failover_loop_last_turn_timestamp_seconds", "When the control loop last went round, in Unix time."),
		build:       gauge("failover_build_info", "Always 1; the labels say what runs.", "version", "revision", "goversion"),
		scrapeError: gauge("failover_scrape_error", "1 when the controller's status could not be read for this scrape."),
	}
}

// collector reads the controller at scrape time.
type collector struct {
	m *metrics
	d descs
}

// Describe sends nothing: the series depend on the configuration, which may be reloaded.
func (c collector) Describe(ch chan<- *prometheus.Desc) {}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	o := c.m.options
	set := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	set(c.d.build, 1, o.Version, o.Revision, o.GoVersion)
	if o.Turned != nil {
		set(c.d.lastTurn, float64(o.Turned().UnixMilli())/1000)
	}
	if o.Probes != nil {
		active, late := o.Probes()
		set(c.d.active, float64(active))
		set(c.d.late, float64(late))
	}
	if o.Certificates != nil {
		for host, end := range o.Certificates() {
			if !end.IsZero() { // a host without certificate has no end either; /readyz names it
				set(c.d.expiry, float64(end.Unix()), host)
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	sites, err := o.Controller.Status(ctx)
	set(c.d.scrapeError, flag(err != nil))
	if err != nil {
		return
	}
	c.m.prune(sites)
	for _, s := range sites {
		c.site(set, s)
	}
}

func (c collector) site(set func(*prometheus.Desc, float64, ...string), s failover.SiteStatus) {
	for _, phase := range []failover.Phase{failover.Primary, failover.Suspect, failover.InFallback, failover.Recovering} {
		set(c.d.phase, flag(s.State.Phase == phase), s.Site, string(phase))
	}
	health := map[failover.Health]float64{failover.Up: 1, failover.Down: 0}
	value, decided := health[s.Verdict.Health]
	if !decided {
		value = -1
	}
	set(c.d.health, value, s.Site)
	set(c.d.held, flag(s.State.Held), s.Site)
	set(c.d.latched, flag(s.State.Latched), s.Site)
	set(c.d.trouble, flag(s.Trouble != ""), s.Site)
	rules := map[string]bool{}
	for _, v := range s.State.Vetoes {
		if !rules[v.Rule] {
			rules[v.Rule] = true
			set(c.d.vetoes, 1, s.Site, v.Rule)
		}
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
