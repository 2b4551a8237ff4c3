package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"

	"github.com/failover-dns/failover/config"
	"github.com/failover-dns/failover/dnsproviders"
	"github.com/failover-dns/failover/dnsproviders/builtin"
	"github.com/failover-dns/failover/dnsproviders/cloudflare"
	"github.com/failover-dns/failover/dnsproviders/rfc2136"
	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/fallback/certs"
)

// account is an open `dns` block.
type account struct {
	block      config.DNS
	zone       func(apex string) (failover.Zone, error)
	challenges certs.DNSProvider           // for ACME DNS-01
	start      func(context.Context) error // nil: nothing to start
	close      func() error
}

// accounts are the open `dns` blocks. A reload swaps those that changed; zones that are in use
// find the new one at their next call.
type accounts struct {
	dir   string // for what builtin servers keep
	log   *slog.Logger
	count func(error) // hears every error of a provider

	mu   sync.RWMutex
	open map[string]account
}

// build opens accounts for the blocks that are new or changed and returns the whole set; nothing
// is swapped yet.
func (a *accounts) build(blocks []config.DNS) (map[string]account, error) {
	next := make(map[string]account, len(blocks))
	var errs []error
	for _, block := range blocks {
		a.mu.RLock()
		old, found := a.open[block.Name]
		a.mu.RUnlock()
		if found && sameBlock(old.block, block) {
			next[block.Name] = old
			continue
		}
		opened, err := a.openBlock(block)
		if err != nil {
			errs = append(errs, fmt.Errorf("dns %q: %w", block.Name, err))
		}
		next[block.Name] = opened
	}
	return next, errors.Join(errs...)
}

// swap puts a built set in place and closes what is no longer used.
func (a *accounts) swap(next map[string]account) error {
	a.mu.Lock()
	old := a.open
	a.open = next
	a.mu.Unlock()
	var errs []error
	for name, acc := range old {
		if now, stays := next[name]; !stays || !sameBlock(now.block, acc.block) {
			errs = append(errs, acc.close())
		}
	}
	return errors.Join(errs...)
}

func (a *accounts) get(name string) (account, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	acc, found := a.open[name]
	if !found {
		return account{}, fmt.Errorf("there is no dns block named %q", name)
	}
	return acc, nil
}

func (a *accounts) openBlock(b config.DNS) (account, error) {
	switch {
	case b.Cloudflare != nil:
		return a.openCloudflare(b)
	case b.RFC2136 != nil:
		p, err := rfc2136.Open(rfc2136.Options{Server: b.RFC2136.Server, TSIGName: b.RFC2136.TSIGName, TSIGAlgo: b.RFC2136.TSIGAlgo,
			TSIGSecret: b.RFC2136.TSIGSecret.Reveal(), Timeout: b.RFC2136.Timeout, Log: a.log})
		if err != nil {
			return account{}, err
		}
		zone := func(apex string) (failover.Zone, error) { return p.Zone(apex), nil }
		return account{block: b, zone: zone, challenges: p.ACME(), close: p.Close}, nil
	case b.Builtin != nil:
		return a.openBuiltin(b)
	default:
		return account{}, errors.New("a kind of provider that this program does not know")
	}
}

func (a *accounts) openCloudflare(b config.DNS) (account, error) {
	roots, err := loadRoots(b.Cloudflare.CAFile)
	if err != nil {
		return account{}, err
	}
	p, err := cloudflare.Open(cloudflare.Options{Token: b.Cloudflare.Token.Reveal(), ACMEToken: b.Cloudflare.ACMEToken.Reveal(),
		Endpoint: b.Cloudflare.Endpoint, Roots: roots, Zones: b.Zones, Log: a.log})
	if err != nil {
		return account{}, err
	}
	return account{block: b, zone: p.Zone, challenges: p.ACME(), close: p.Close}, nil
}

func (a *accounts) openBuiltin(b config.DNS) (account, error) {
	var zones []builtin.Zone
	for _, apex := range b.Zones {
		zones = append(zones, builtin.Zone{Apex: apex, Nameservers: b.Builtin.Nameservers, Records: b.Builtin.Records})
	}
	s, err := builtin.Open(builtin.Options{Listen: b.Builtin.Listen, Zones: zones, Dir: filepath.Join(a.dir, "zones"), Log: a.log})
	if err != nil {
		return account{}, err
	}
	zone := func(apex string) (failover.Zone, error) {
		if z := s.Zone(apex); z != nil {
			return z, nil
		}
		return nil, fmt.Errorf("dns %q does not serve the zone %s", b.Name, apex)
	}
	return account{block: b, zone: zone, challenges: s.ACME(), start: s.Start, close: s.Close}, nil
}

// careful opens a zone for the controller: with time limits, retries of what may be retried, and
// its errors counted. It follows the account through reloads.
func (a *accounts) careful(ref failover.ZoneRef) (failover.Zone, error) {
	follow := &followed{accounts: a, ref: ref}
	if _, err := follow.zone(); err != nil {
		return nil, err
	}
	return dnsproviders.Careful(follow, dnsproviders.CarefulOptions{Log: a.log}), nil
}

// followed is a zone of whatever account bears the name now.
type followed struct {
	accounts *accounts
	ref      failover.ZoneRef
}

func (f *followed) zone() (failover.Zone, error) {
	acc, err := f.accounts.get(f.ref.Provider)
	if err != nil {
		return nil, err
	}
	return acc.zone(f.ref.Zone)
}

func (f *followed) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	z, err := f.zone()
	if err != nil {
		return nil, err
	}
	sets, err := z.Read(ctx, names)
	f.accounts.count(err)
	return sets, err
}

func (f *followed) Replace(ctx context.Context, plan failover.Plan) error {
	z, err := f.zone()
	if err != nil {
		return err
	}
	err = z.Replace(ctx, plan)
	f.accounts.count(err)
	return err
}

func (f *followed) Abilities() failover.Abilities {
	z, err := f.zone()
	if err != nil {
		return failover.Abilities{}
	}
	return z.Abilities()
}

// solver returns who takes the challenge records of a host, which comes without "*.": the account
// that the acme block names, else the host's own.
func (a *accounts) solver(cfg *config.Config, host string) (certs.DNSProvider, error) {
	name := cfg.ACME.DNS
	for _, s := range cfg.Sites {
		for _, h := range s.Hosts {
			if strings.TrimPrefix(h.Name, "*.") == host {
				name = cmp.Or(name, h.Provider)
			}
		}
	}
	acc, err := a.get(name)
	return acc.challenges, err
}

// loadRoots reads a PEM file of trusted roots; no file gives nil, the system's.
func loadRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("trusted roots: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("trusted roots: %s holds no certificate in PEM form", path)
	}
	return pool, nil
}

// sameBlock tells whether two blocks would open alike.
func sameBlock(a, b config.DNS) bool { return reflect.DeepEqual(a, b) }
