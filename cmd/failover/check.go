package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"github.com/failover-dns/failover/config"
	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/probe"
)

// checkup is the answer of `failover check -o json`.
type checkup struct {
	Site         string                 `json:"site"`
	Well         bool                   `json:"well"` // no look at the origin failed
	Observations []failover.Observation `json:"observations"`
	Layers       []probe.Layer          `json:"layers"`
}

// newCheck looks at a site from here.
func newCheck(p *program) *cobra.Command {
	ours := false
	c := oneSite(&cobra.Command{
		Use:   "check SITE",
		Short: "Look at a site's origin once, from here",
		Long: "Make every check of the site once at every address of its origin, look at the references, and show\n" +
			"layer by layer what is well, what broke, what that usually means and what to try. Works without a\n" +
			"running controller and changes nothing. The exit code is 7 when any look at the origin failed, also\n" +
			"when another address is well.",
	}, p)
	c.Flags().BoolVar(&ours, "fallback", false, "look at the fallback too, through its public addresses")
	output := outputFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cfg, err := p.load()
		if err != nil {
			return err
		}
		site, err := findSite(cfg, args[0])
		if err != nil {
			return err
		}
		looks, err := siteLooks(cfg, site, ours)
		if err != nil {
			return err
		}
		return p.report(site, lookAll(c.Context(), looks), *output == "json")
	}
	return c
}

// siteLooks returns all looks that tell something about the site.
func siteLooks(cfg *config.Config, site failover.Site, ours bool) ([]probe.Func, error) {
	var looks []probe.Func
	opt := probe.Options{Vantage: "here", MinValidity: cfg.Fallback.MinValidity}
	for _, h := range site.Hosts {
		opt.Hosts = append(opt.Hosts, h.Name)
	}
	add := func(look probe.Func, err error) error {
		looks = append(looks, look)
		return err
	}
	for _, r := range cfg.References.Checks {
		if err := add(probe.Reference(r.Kind, r.Address, cfg.References.Timeout, opt)); err != nil {
			return nil, err
		}
	}
	for _, check := range site.Checks {
		for _, address := range site.Origin {
			if err := add(probe.New(site.Name, check, address, opt)); err != nil {
				return nil, err
			}
		}
	}
	if !ours {
		return looks, nil
	}
	roots, err := visitorRoots(cfg.Fallback.CheckRoots)
	if err != nil {
		return nil, err
	}
	opt.Roots = roots
	for _, host := range site.Hosts {
		for _, at := range cfg.Fallback.CheckHTTPS {
			if err := add(probe.Fallback(site.Name, host, at, opt)); err != nil {
				return nil, err
			}
		}
	}
	return looks, nil
}

// lookAll makes all looks at the same time.
func lookAll(ctx context.Context, looks []probe.Func) []failover.Observation {
	observations := make([]failover.Observation, len(looks))
	var wg sync.WaitGroup
	for i, look := range looks {
		wg.Go(func() { observations[i] = look(ctx) })
	}
	wg.Wait()
	return observations
}

// report writes what was seen.
func (p *program) report(site failover.Site, observations []failover.Observation, asJSON bool) error {
	well := true
	for _, o := range observations {
		well = well && (o.Role != failover.RoleOrigin || o.Health != failover.Down)
	}
	layers := probe.Diagnose(site, observations, nil)
	var err error
	if asJSON {
		err = p.json(checkup{site.Name, well, observations, layers})
	} else {
		err = probe.WriteReport(p.out, site, layers)
	}
	switch {
	case err != nil:
		return fmt.Errorf("check: %w", err)
	case !well:
		return &saidError{errUnwell}
	}
	return nil
}
