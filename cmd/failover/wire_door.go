package main

import (
	"context"
	"errors"
	"io"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
	"github.com/failover-dns/failover/failover/controller"
)

// door is the app as operators see it.
type door struct{ app *app }

var _ admin.Controller = (*door)(nil)

func (d *door) Status(ctx context.Context) ([]failover.SiteStatus, error) {
	return d.app.controller.Status(ctx)
}

func (d *door) Plan(ctx context.Context, site string, target failover.Target) ([]failover.Plan, error) {
	plans, err := d.app.controller.Plan(ctx, site, target)
	return plans, d.unknown(site, err)
}

func (d *door) Command(ctx context.Context, site string, c failover.Command, report func(failover.Entry)) error {
	return d.unknown(site, d.app.controller.Command(ctx, site, c, report))
}

func (d *door) History(ctx context.Context, site string, n int) ([]failover.Entry, error) {
	entries, err := d.app.controller.History(ctx, site, n)
	return entries, d.unknown(site, err)
}

// Check looks at the site's origin and at our own server for it, now.
func (d *door) Check(ctx context.Context, site string) ([]failover.Observation, error) {
	d.app.mu.RLock()
	origin, found := d.app.looks.origin[site]
	own := d.app.looks.own[site]
	d.app.mu.RUnlock()
	if !found {
		return nil, d.unknown(site, controller.ErrNoSite)
	}
	seen := append(all(ctx, origin), all(ctx, own)...)
	for _, o := range seen {
		d.app.controller.Observe(o)
	}
	return seen, nil
}

func (d *door) Export(_ context.Context, w io.Writer) error {
	if d.app.journal == nil {
		return d.app.damage
	}
	return d.app.journal.Export(w)
}

func (d *door) Reload(ctx context.Context) error { return d.app.reload(ctx) }

// unknown gives the error for a site that is not configured the nearest name.
func (d *door) unknown(site string, err error) error {
	if !errors.Is(err, controller.ErrNoSite) {
		return err
	}
	var names []string
	for _, s := range d.app.config().Sites {
		names = append(names, s.Name)
	}
	return admin.NewUnknownSite(site, names)
}
