package main

import (
	"fmt"
	"strings"

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
		names := askNames(c.Context(), cfg, site)
		return p.report(site, all(c.Context(), looks), names, *output == "json")
	}
	return c
}

// siteLooks returns all looks that tell something about the site.
func siteLooks(cfg *config.Config, site failover.Site, ours bool) ([]probe.Func, error) {
	one := *cfg
	one.Sites = []failover.Site{site}
	l, err := newLooks(&one, lookOptions{vantage: "here", version: buildVersion()})
	if err != nil {
		return nil, err
	}
	list := l.origin[site.Name]
	if ours {
		list = append(list, l.own[site.Name]...)
	}
	for _, job := range l.jobs {
		if job.Site == "" && strings.HasPrefix(job.Key, "reference ") {
			list = append(list, job.Look)
		}
	}
	return list, nil
}

// report writes what was seen.
func (p *program) report(site failover.Site, observations []failover.Observation, names []probe.Name, asJSON bool) error {
	well := true
	for _, o := range observations {
		well = well && (o.Role != failover.RoleOrigin || o.Health != failover.Down)
	}
	layers := probe.Diagnose(site, observations, names)
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
