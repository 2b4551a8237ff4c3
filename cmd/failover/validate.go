package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/failover-dns/failover/config"
)

// validation is the answer of `failover validate -o json`.
type validation struct {
	Valid    bool                `json:"valid"`
	Sites    int                 `json:"sites"`
	Hosts    int                 `json:"hosts"`
	Zones    int                 `json:"zones"`
	Mistakes []config.Diagnostic `json:"mistakes"`
	Warnings []config.Diagnostic `json:"warnings"`
}

// newValidate checks a configuration.
func newValidate(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "validate [PATH]",
		Short: "Check a configuration",
		Long:  "Check a configuration, a file or a directory, by default that of --config. Nothing is started and no\nconnection is opened. Mistakes come with file, line and a way out.",
		Args:  args(cobra.MaximumNArgs(1)),
	}
	output := outputFlag(c)
	c.RunE = func(_ *cobra.Command, given []string) error {
		if len(given) == 1 {
			p.config = given[0]
		}
		cfg, err := p.load()
		if *output == "json" {
			return p.validateJSON(cfg, err)
		}
		if err != nil {
			return err
		}
		for _, w := range cfg.Warnings {
			p.warn("%v", w)
		}
		if broken := inspectPages(cfg); len(broken) > 0 {
			return &configError{errors.Join(broken...)}
		}
		v := summary(cfg)
		_, err = fmt.Fprintf(p.out, "configuration is valid: %s, %s, %s\n", count(v.Sites, "site"), count(v.Hosts, "host"), count(v.Zones, "zone"))
		return err
	}
	return c
}

// validateJSON tells mistakes as data; an unreadable file stays an error.
func (p *program) validateJSON(cfg *config.Config, err error) error {
	var invalid *config.Error
	switch {
	case errors.As(err, &invalid):
		v := validation{Mistakes: invalid.Diagnostics(), Warnings: []config.Diagnostic{}}
		return errors.Join(p.json(v), &saidError{err})
	case err != nil:
		return err
	}
	return p.json(summary(cfg))
}

func summary(cfg *config.Config) validation {
	v := validation{Valid: true, Sites: len(cfg.Sites), Mistakes: []config.Diagnostic{}, Warnings: append([]config.Diagnostic{}, cfg.Warnings...)}
	for _, s := range cfg.Sites {
		v.Hosts += len(s.Hosts)
	}
	for _, d := range cfg.DNS {
		v.Zones += len(d.Zones)
	}
	return v
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
