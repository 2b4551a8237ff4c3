package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"syscall"
	"time"

	"github.com/failover-dns/failover/config"
)

// runOptions is what `failover run` was told on the command line.
type runOptions struct {
	Config  string // file or directory
	Socket  string // overrides the configuration's when not empty
	Version string // for logs and metrics
	Stderr  io.Writer
}

// runController runs the controller and the fallback until ctx ends.
func runController(ctx context.Context, o runOptions) error {
	a, err := newApp(appOptions{Version: o.Version, Log: o.Stderr, Load: func() (*config.Config, error) {
		cfg, err := config.Load(o.Config)
		if err == nil {
			err = inspect(cfg)
		}
		if err != nil {
			return nil, &configError{err}
		}
		if o.Socket != "" {
			cfg.Controller.Socket = o.Socket
		}
		return cfg, nil
	}})
	if err != nil {
		return err
	}
	a.log.Info("failover starts", "version", o.Version, "config", o.Config, "sites", len(a.cfg.Sites))
	for _, w := range a.cfg.Warnings {
		a.log.Warn("configuration", "warning", w.String())
	}
	changed := make(chan struct{}, 1)
	return a.run(ctx, func(ctx context.Context) {
		a.tasks.Go(func() { a.obey(ctx, changed) })
		if err := config.Watch(ctx, o.Config, func() { poke(changed) }); err != nil && ctx.Err() == nil {
			a.log.Warn("the configuration is not watched; a SIGHUP still reloads it", "err", err)
		}
	})
}

// run runs the parts until ctx ends and closes them. beside runs next to them until ctx ends.
func (a *app) run(ctx context.Context, beside func(context.Context)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a.reloading.Lock()
	a.life = ctx
	a.watchPages(ctx)
	a.reloading.Unlock()
	a.tasks.Go(func() { a.everyMinute(ctx) })
	a.tasks.Go(func() { a.lookAtArrivals(ctx) })
	endBackup := a.startBackup(ctx)
	if beside != nil {
		a.tasks.Go(func() { beside(ctx) })
	}
	if err := a.controller.Orphans(); err != nil {
		a.log.Error("the journal cannot be read", "err", err)
	}
	a.tasks.Go(func() { a.scheduler.Run(ctx) })
	a.controller.Run(ctx) // returns when ctx has ended and no change is under way
	a.log.Info("failover stops")
	endBackup()
	err := a.close()
	a.tasks.Wait()
	return err
}

// obey reloads at a SIGHUP and when the configuration's files changed.
func (a *app) obey(ctx context.Context, changed <-chan struct{}) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		case <-changed:
		}
		_ = a.reload(ctx) // it has said what was wrong
	}
}

// everyMinute renders pages that tell the time.
func (a *app) everyMinute(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.pages.refresh()
		}
	}
}

// watchPages follows the page directories of the configuration, instead of those before.
func (a *app) watchPages(ctx context.Context) {
	if a.watch != nil {
		a.watch()
	}
	ctx, a.watch = context.WithCancel(ctx)
	var dirs []string
	for _, s := range a.config().Sites {
		dirs = append(dirs, s.Page)
	}
	a.tasks.Go(func() { a.pages.store.Watch(ctx, dirs, func(string) { a.pages.refresh() }) })
}

// reload replaces the configuration, whole or not at all. All that can fail happens before
// anything live is touched.
func (a *app) reload(ctx context.Context) (err error) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	defer func() {
		a.mu.Lock()
		a.refused = err
		a.mu.Unlock()
		if err != nil {
			a.log.Error("the configuration was not reloaded; the old one goes on", "err", err)
		}
	}()
	cfg, err := a.options.Load()
	if err != nil {
		return err
	}
	old := a.config()
	if reflect.DeepEqual(old, cfg) && !a.unfinished {
		if a.stale() != nil {
			a.log.Info("the configuration is in order again, and is the one that runs")
		}
		return nil
	}
	if err := fixed(old, cfg); err != nil {
		return err
	}
	looks, err := newLooks(cfg, a.lookOptions())
	if err != nil {
		return err
	}
	next, err := a.accounts.build(cfg.DNS)
	if err != nil {
		return err
	}
	if a.life == nil {
		return errors.New("failover is just starting; try again in a moment")
	}
	if err := a.controller.Ready(ctx, cfg.Sites); err != nil {
		return err
	}
	ctx = a.life // whoever asked may hang up: from here on it is done whole
	a.mu.Lock()
	a.cfg, a.looks = cfg, looks
	a.mu.Unlock()
	if err := errors.Join(a.accounts.swap(next), a.pages.set(cfg.Sites, a.recorded), a.certs.Manage(ctx, hosts(cfg)),
		a.hooks.set(cfg.Controller.Webhooks)); err != nil {
		a.log.Error("reloaded, and something was left behind; the next reload tries again", "err", err)
		a.unfinished = true
	} else {
		a.unfinished = false
	}
	a.controller.Set(cfg.Sites, cfg.Fallback.Fallback)
	a.controller.KeepReferences(references(cfg))
	a.scheduler.Set(looks.jobs)
	a.watchPages(ctx)
	a.log.Info("configuration reloaded", "sites", len(cfg.Sites))
	for _, w := range cfg.Warnings {
		a.log.Warn("configuration", "warning", w.String())
	}
	return nil
}

// fixed refuses changes of what only a restart can change.
func fixed(old, cfg *config.Config) error {
	own := func(c *config.Config) (blocks []config.DNS) {
		for _, b := range c.DNS {
			if b.Builtin != nil {
				blocks = append(blocks, b)
			}
		}
		return blocks
	}
	var changed []string
	for _, part := range []struct {
		name string
		same bool
	}{
		{"controller.data_dir", old.Controller.DataDir == cfg.Controller.DataDir},
		{"controller.socket", old.Controller.Socket == cfg.Controller.Socket},
		{"controller.admin", old.Controller.Admin == cfg.Controller.Admin},
		{"controller.backup", reflect.DeepEqual(old.Controller.Backup, cfg.Controller.Backup) && old.Controller.BackupKeep == cfg.Controller.BackupKeep},
		{"references.mass_failure", old.References.MassFailure == cfg.References.MassFailure},
		{"controller.log_level", old.Controller.LogLevel == cfg.Controller.LogLevel},
		{"controller.log_format", old.Controller.LogJSON == cfg.Controller.LogJSON},
		{"acme", reflect.DeepEqual(old.ACME, cfg.ACME)},
		{"fallback.http", reflect.DeepEqual(old.Fallback.HTTP, cfg.Fallback.HTTP)},
		{"fallback.https", reflect.DeepEqual(old.Fallback.HTTPS, cfg.Fallback.HTTPS)},
		{"the builtin dns blocks", reflect.DeepEqual(own(old), own(cfg))},
	} {
		if !part.same {
			changed = append(changed, part.name)
		}
	}
	if len(changed) > 0 {
		return fmt.Errorf("%v changed, which needs a restart; try: restart failover", changed)
	}
	return nil
}

func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
