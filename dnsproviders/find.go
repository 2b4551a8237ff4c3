package dnsproviders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
)

const (
	maxServers = 64 // addresses asked for one zone
	resolvConf = "/etc/resolv.conf"
)

// find returns every address of every nameserver of the zone, sorted. It tries until ctx ends.
func (a *Authority) find(ctx context.Context, zone string) ([]server, error) {
	if fixed := a.servers[zone]; len(fixed) > 0 {
		servers := make([]server, len(fixed))
		for i, addr := range fixed {
			servers[i] = server{name: addr.Addr().String(), addr: addr}
		}
		return servers, nil
	}
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		servers, err := a.findOnce(ctx, zone)
		if err == nil || errors.Is(err, errNone) {
			return servers, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}

func (a *Authority) findOnce(ctx context.Context, zone string) ([]server, error) {
	found, err := a.resolve(ctx, zone, dns.TypeNS)
	if err != nil {
		return nil, err
	}
	var servers []server
	for _, rr := range found {
		name := dns.CanonicalName(rr.(*dns.NS).Ns)
		addrs, err := a.addresses(ctx, name)
		if err != nil { // it must not hide the others
			servers = append(servers, server{name: name, trouble: err})
		}
		for _, addr := range addrs {
			servers = append(servers, server{name: name, addr: netip.AddrPortFrom(addr, 53)})
		}
	}
	slices.SortFunc(servers, func(a, b server) int {
		return cmp.Or(strings.Compare(a.name, b.name), a.addr.Compare(b.addr))
	})
	return servers[:min(len(servers), maxServers)], nil
}

// addresses returns the IPv4 and IPv6 addresses of a nameserver.
func (a *Authority) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	var trouble error
	for _, rrtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		rrs, err := a.resolve(ctx, name, rrtype)
		if err != nil && !errors.Is(err, errNone) {
			trouble = err
		}
		for _, rr := range rrs {
			if addr, err := netip.ParseAddr(wire.Value(rr)); err == nil {
				addrs = append(addrs, addr)
			}
		}
	}
	if len(addrs) == 0 && trouble == nil {
		trouble = fmt.Errorf("%s: %w", name, errNone)
	}
	return addrs, trouble
}

// resolve asks the resolvers in order until one answers. Records are those of the type, wherever
// a CNAME led.
func (a *Authority) resolve(ctx context.Context, name string, rrtype uint16) ([]dns.RR, error) {
	resolvers, err := a.resolverAddresses()
	if err != nil {
		return nil, err
	}
	question := name + " " + dns.Type(rrtype).String()
	var reasons []error
	for _, r := range resolvers {
		q := wire.Query(name, rrtype)
		q.RecursionDesired = true
		m, err := wire.Client{Server: r, Timeout: a.timeout}.Exchange(ctx, q)
		if err == nil && m.Rcode != dns.RcodeNameError {
			err = wire.Check(r, m)
		}
		if err != nil {
			reasons = append(reasons, err)
			continue
		}
		rrs := slices.DeleteFunc(m.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype != rrtype })
		if len(rrs) == 0 {
			return nil, fmt.Errorf("%s: %w (%s)", question, errNone, dns.RcodeToString[m.Rcode])
		}
		return rrs, nil
	}
	return nil, resolverError(question, reasons)
}

// resolverAddresses returns the configured resolvers or the system's, read anew: they may change.
func (a *Authority) resolverAddresses() ([]string, error) {
	if len(a.resolvers) > 0 {
		return a.resolvers, nil
	}
	conf, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", resolvConf, err)
	}
	var list []string
	for _, s := range conf.Servers {
		list = append(list, net.JoinHostPort(s, conf.Port))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s names no resolver; try: resolvers in the configuration", resolvConf)
	}
	return list, nil
}

// errNone says that a resolver knows no such records.
var errNone = errors.New("no such records")

// resolverError sums up why no resolver answered.
func resolverError(question string, reasons []error) error {
	texts := make([]string, len(reasons))
	for i, err := range reasons {
		texts[i] = err.Error()
	}
	return fmt.Errorf("%s: %s; try: dig %s", question, strings.Join(texts, "; "), question)
}
