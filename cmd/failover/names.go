package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/failover-dns/failover/config"
	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/probe"
)

// namesTimeout bounds asking one provider, and one question to the resolver.
const namesTimeout = 10 * time.Second

// askNames asks the providers what the site's zones hold, and the resolver here what its hosts
// resolve to. A zone of a builtin server is left out: only the running controller may open it.
func askNames(ctx context.Context, cfg *config.Config, site failover.Site) []probe.Name {
	var names []probe.Name
	for _, ref := range site.Zones() {
		block, found := blockOf(cfg, ref.Provider)
		if !found || block.Builtin != nil {
			continue
		}
		sets, err := readZone(ctx, block, ref.Zone, site.Names(ref.Zone))
		for _, host := range site.Names(ref.Zone) {
			n := probe.Name{Host: host, Published: published(sets, host), PublishedErr: err}
			n.Resolved, n.ResolvedErr = resolve(ctx, host)
			names = append(names, n)
		}
	}
	return names
}

func blockOf(cfg *config.Config, name string) (config.DNS, bool) {
	for _, b := range cfg.DNS {
		if b.Name == name {
			return b, true
		}
	}
	return config.DNS{}, false
}

// readZone reads the names with an account of its own.
func readZone(ctx context.Context, block config.DNS, apex string, names []string) (sets []failover.RecordSet, err error) {
	a := &accounts{log: slog.New(slog.DiscardHandler), count: func(error) {}}
	account, err := a.openBlock(block)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, account.close()) }()
	zone, err := account.zone(apex)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, namesTimeout)
	defer cancel()
	return zone.Read(ctx, names)
}

// published returns the addresses of a host, or the target of its CNAME.
func published(sets []failover.RecordSet, host string) []string {
	var out []string
	for _, s := range sets {
		if s.Name == host && (s.Type == failover.TypeA || s.Type == failover.TypeAAAA || s.Type == failover.TypeCNAME) {
			out = append(out, s.Values()...)
		}
	}
	return out
}

// resolve asks the system's resolver; a wildcard has no address of its own.
func resolve(ctx context.Context, host string) ([]string, error) {
	if strings.HasPrefix(host, "*.") {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, namesTimeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, a := range sorted(addresses) {
		out = append(out, a.String())
	}
	return out, nil
}
