package main

import (
	"errors"
	"fmt"

	"github.com/failover-dns/failover/config"
	"github.com/failover-dns/failover/site"
)

// inspect reads the files that a configuration names. What it finds keeps the program from running.
func inspect(cfg *config.Config) error {
	var errs []error
	roots := func(attribute, path string) {
		if _, err := loadRoots(path); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w; try: the path of a file with certificates in PEM form", attribute, err))
		}
	}
	roots("fallback: check_roots", cfg.Fallback.CheckRoots)
	if cfg.ACME != nil {
		roots("acme: trusted_roots", cfg.ACME.TrustedRoots)
	}
	for _, d := range cfg.DNS {
		if d.Cloudflare != nil {
			roots(fmt.Sprintf("dns %q: ca_file", d.Name), d.Cloudflare.CAFile)
		}
	}
	return errors.Join(errs...)
}

// inspectPages reads the page directories. A broken page does not keep the program from running: it
// serves the embedded page instead.
func inspectPages(cfg *config.Config) []error {
	var errs []error
	seen := map[string]bool{}
	for _, s := range cfg.Sites {
		if seen[s.Page] {
			continue
		}
		seen[s.Page] = true
		if _, err := site.Load(s.Page); err != nil {
			errs = append(errs, fmt.Errorf("site %q: page: %w", s.Name, err))
		}
	}
	return errs
}
