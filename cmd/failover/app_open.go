package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
	"github.com/failover-dns/failover/failover/controller"
	"github.com/failover-dns/failover/failover/probe"
	"github.com/failover-dns/failover/fallback"
	"github.com/failover-dns/failover/fallback/certs"
	"github.com/failover-dns/failover/site"
)

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
