package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
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
	"github.com/failover-dns/failover/site"
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

func (a *app) openAccounts() error {
	a.accounts = &accounts{dir: a.cfg.Controller.DataDir, log: a.log, count: func(err error) { a.monitor.CountProviderError(err) }}
	next, err := a.accounts.build(a.cfg.DNS)
	if err != nil {
		return err
	}
	a.onClose(func() error { return a.accounts.swap(nil) })
	if err := a.accounts.swap(next); err != nil {
		return err
	}
	for _, acc := range next {
		if acc.start != nil {
			if err := acc.start(context.Background()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *app) openCertificates() (err error) {
	a.arrivals = newArrivals()
	o := certs.Options{Dir: filepath.Join(a.cfg.Controller.DataDir, "certificates"), Obtained: a.arrivals.add, Log: a.log}
	if acme := a.cfg.ACME; acme != nil {
		if o.TrustedRoots, err = loadRoots(acme.TrustedRoots); err != nil {
			return err
		}
		o.Directory, o.Email, o.Profile, o.Resolvers, o.RenewBefore = acme.Directory, acme.Email, acme.Profile, acme.Resolvers, acme.RenewBefore
		o.EAB = certs.EAB{KeyID: acme.EABKeyID, MACKey: acme.EABHMAC.Reveal()}
		o.Solver = func(host string) (certs.DNSProvider, error) { return a.accounts.solver(a.config(), host) }
	}
	if a.certs, err = certs.New(o); err != nil {
		return err
	}
	a.onClose(func() error { a.certs.Stop(); return nil })
	return a.certs.Manage(context.Background(), hosts(a.cfg))
}

func (a *app) openFallback() error {
	a.server = fallback.New(fallback.Options{HTTP: a.cfg.Fallback.HTTP, HTTPS: a.cfg.Fallback.HTTPS, GetCertificate: a.certs.GetCertificate,
		Log: a.log, Health: a.health, AtOrigin: a.atOrigin})
	a.pages = &publisher{store: site.NewStore(a.log), server: a.server}
	return a.pages.set(a.cfg.Sites, a.recorded)
}

// serve lets visitors in, once there is everything to answer them from.
func (a *app) serve() error {
	if err := a.server.Start(); err != nil {
		return err
	}
	a.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return a.server.Stop(ctx)
	})
	return nil
}

func (a *app) openController() (err error) {
	a.hooks = &hooks{log: a.log}
	a.onClose(func() error { a.hooks.stop(); return nil })
	if err := a.hooks.set(a.cfg.Controller.Webhooks); err != nil {
		return err
	}
	a.controller = controller.New(controller.Options{
		Journal: a.ledger(), Zone: a.accounts.careful, Confirm: a.askAuthority, Panel: a.askPanel,
		Publish: a.pages.publish, Look: a.lookAtOurselves, Record: a.record, Alarm: a.hooks.alarm, Log: a.log,
		MassShare: float64(a.cfg.References.MassFailure) / 100,
		Suspect:   func() { a.scheduler.Kick(isReference) },
	})
	a.scheduler = probe.NewScheduler(probe.SchedulerOptions{Seed: uint64(time.Now().UnixNano()), Log: a.log, Report: func(o failover.Observation) {
		a.monitor.Observe(o)
		a.controller.Observe(o)
	}})
	if a.looks, err = newLooks(a.cfg, a.lookOptions()); err != nil {
		return err
	}
	a.scheduler.Set(a.looks.jobs)
	a.controller.Set(a.cfg.Sites, a.cfg.Fallback.Fallback)
	return nil
}

func (a *app) openMonitor() (err error) {
	a.monitor = admin.NewMonitor(admin.MonitorOptions{
		Controller: a.controller, Turned: a.controller.Turned, Certificates: a.held, Config: a.stale,
		Probes: func() (active, late int) {
			s := a.scheduler.Stats()
			return s.Active, int(s.Late / time.Second)
		},
		Version: a.options.Version, Revision: buildRevision(), GoVersion: runtime.Version(),
	})
	if !a.cfg.Controller.Admin.IsValid() {
		return nil
	}
	if a.monitorAt, err = net.Listen("tcp", a.cfg.Controller.Admin.String()); err != nil {
		return fmt.Errorf("admin listener: %w; try: controller { admin = \"\" } for none", err)
	}
	a.log.Info("admin listens", "address", a.monitorAt.Addr().String())
	server := &http.Server{Handler: a.monitor, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
	a.tasks.Go(func() {
		if err := server.Serve(a.monitorAt); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("admin stopped listening", "err", err)
		}
	})
	a.onClose(func() error { err := server.Close(); a.tasks.Wait(); return err })
	return nil
}

func (a *app) openDoor() error {
	a.door = admin.NewServer(admin.Options{Socket: a.cfg.Controller.Socket, Controller: &door{a}, Log: a.log})
	if err := a.door.Start(); err != nil {
		return err
	}
	a.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return a.door.Stop(ctx)
	})
	return nil
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
