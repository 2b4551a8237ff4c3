package main

import (
	"context"
	"net/netip"
	"reflect"
	"sync"

	"github.com/failover-dns/failover/config"
	"github.com/failover-dns/failover/dnsproviders"
	"github.com/failover-dns/failover/failover"
)

// askAuthority is the controller's failover.Confirm; it follows the configuration.
func (a *app) askAuthority(ctx context.Context, plan failover.Plan) ([]failover.Confirmation, error) {
	cfg := a.config()
	o := dnsproviders.AuthorityOptions{Resolvers: cfg.Controller.Resolvers, Servers: map[string][]netip.AddrPort{}, Log: a.log}
	for _, block := range cfg.DNS {
		for _, zone := range block.Zones {
			if servers := authoritative(block); len(servers) > 0 {
				o.Servers[zone] = servers
			}
		}
	}
	authority, err := dnsproviders.NewAuthority(o)
	if err != nil {
		return nil, err
	}
	return authority.Confirm(ctx, plan)
}

// authoritative returns the servers that the block names, or, of a builtin server, where it
// listens; none if the zone's NS set has to say.
func authoritative(block config.DNS) []netip.AddrPort {
	if len(block.Authoritative) > 0 || block.Builtin == nil {
		return block.Authoritative
	}
	var servers []netip.AddrPort
	for _, at := range block.Builtin.Listen {
		if !at.Addr().IsUnspecified() {
			servers = append(servers, at)
		}
	}
	return servers
}

// panel is the panel of resolvers as the configuration has it. All plans share it: it paces the
// questions.
type panel struct {
	mu    sync.Mutex
	block config.Propagation
	panel *dnsproviders.Panel
}

// askPanel is the controller's failover.Confirm for resolvers; it follows the configuration.
func (a *app) askPanel(ctx context.Context, plan failover.Plan) ([]failover.Confirmation, error) {
	p, err := a.resolvers(a.config().Propagation)
	if err != nil {
		return nil, err
	}
	return p.Ask(ctx, plan)
}

// resolvers returns the panel that the block describes.
func (a *app) resolvers(block config.Propagation) (*dnsproviders.Panel, error) {
	a.panel.mu.Lock()
	defer a.panel.mu.Unlock()
	if a.panel.panel == nil || !reflect.DeepEqual(block, a.panel.block) {
		p, err := dnsproviders.NewPanel(dnsproviders.PanelOptions{Resolvers: block.Resolvers, Within: block.Within, Log: a.log})
		if err != nil {
			return nil, err
		}
		a.panel.block, a.panel.panel = block, p
	}
	return a.panel.panel, nil
}
