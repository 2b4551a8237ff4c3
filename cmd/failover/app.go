package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/failover-dns/failover/config"
	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
	"github.com/failover-dns/failover/failover/controller"
	"github.com/failover-dns/failover/failover/journal"
	"github.com/failover-dns/failover/failover/probe"
	"github.com/failover-dns/failover/fallback"
	"github.com/failover-dns/failover/fallback/certs"
)

// app is a controller with all its parts. Its life is newApp, run, and close in reverse order of
// opening; a reload in between swaps parts.
type app struct {
	options appOptions
	log     *slog.Logger
	closers []func() error // run last to first

	journal    *journal.Journal // nil: damaged
	damage     error            // why the journal cannot be used
	backup     *journal.Backup
	accounts   *accounts
	hooks      *hooks
	monitor    *admin.Monitor
	monitorAt  net.Listener
	server     *fallback.Server
	pages      *publisher
	certs      *certs.Manager
	scheduler  *probe.Scheduler
	controller *controller.Controller
	door       *admin.Server

	reloading  sync.Mutex      // held while the configuration is replaced
	life       context.Context // of run; nil before. reloading guards it and watch
	unfinished bool            // the last reload left something behind; reloading guards it
	mu         sync.RWMutex
	cfg        *config.Config
	refused    error // why the last reload did not happen
	looks      *looks
	panel      panel
	watch      context.CancelFunc // ends the watching of the page directories
	arrivals   arrivals
	tasks      sync.WaitGroup
}

// appOptions are what an app is made from beside the configuration.
type appOptions struct {
	Load    func() (*config.Config, error) // reads the configuration, at start and at every reload
	Version string
	Log     io.Writer // where log lines go

	// Record hears every journal entry; may be nil.
	Record func(failover.Entry)
}

// newApp opens everything that can fail, in an order in which nothing is touched before the
// configuration is known to be good. The caller runs or closes what is returned.
func newApp(o appOptions) (*app, error) {
	cfg, err := o.Load()
	if err != nil {
		return nil, err
	}
	a := &app{options: o, cfg: cfg, log: newLog(o.Log, cfg.Controller)}
	for _, open := range []func() error{a.openJournal, a.openAccounts, a.openCertificates, a.openFallback, a.openController, a.openMonitor, a.serve, a.openDoor} {
		if err := open(); err != nil {
			return nil, errors.Join(err, a.close())
		}
	}
	return a, nil
}

// onClose adds what ends a part.
func (a *app) onClose(f func() error) { a.closers = append(a.closers, f) }

// close ends the parts, the last opened first.
func (a *app) close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	a.closers = nil
	return errors.Join(errs...)
}

func (a *app) config() *config.Config {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.cfg
}

func (a *app) lookOptions() lookOptions {
	vantage, err := os.Hostname()
	if err != nil {
		vantage = "here"
	}
	return lookOptions{vantage: vantage, version: a.options.Version, certificate: a.certs.Trouble}
}

// record hears every journal entry.
func (a *app) record(e failover.Entry) {
	a.monitor.Record(e)
	a.backup.Note()
	a.hooks.entry(e)
	if a.options.Record != nil {
		a.options.Record(e)
	}
}

func (a *app) lookAtOurselves(ctx context.Context, s failover.Site) []failover.Observation {
	a.mu.RLock()
	own := a.looks.own[s.Name]
	a.mu.RUnlock()
	return all(ctx, own)
}

// stale tells why the newest configuration is not the one that runs, or nil.
func (a *app) stale() error {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.refused
}

// health tells visitors' pages whether a site's origin is well.
func (a *app) health(name string) (healthy, known bool) {
	state := a.controller.State(name)
	if state == nil {
		return false, false
	}
	return state.Phase == failover.Primary || state.Phase == failover.Recovering, true
}

// held returns the ends of the certificates we hold.
func (a *app) held() map[string]time.Time {
	ends := map[string]time.Time{}
	for _, c := range a.certs.Status() {
		ends[c.Host] = c.NotAfter
	}
	return ends
}

func references(cfg *config.Config) []string {
	var addresses []string
	for _, r := range cfg.References.Checks {
		addresses = append(addresses, r.Address)
	}
	return addresses
}

func hosts(cfg *config.Config) []string {
	var names []string
	for _, s := range cfg.Sites {
		for _, h := range s.Hosts {
			names = append(names, h.Name)
		}
	}
	return names
}

// newLog returns the log that the configuration asks for.
func newLog(w io.Writer, c config.Controller) *slog.Logger {
	level := slog.LevelInfo
	if err := level.UnmarshalText([]byte(cmp.Or(c.LogLevel, "info"))); err != nil {
		level = slog.LevelInfo // the configuration was checked
	}
	o := &slog.HandlerOptions{Level: level}
	if c.LogJSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
