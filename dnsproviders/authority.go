package dnsproviders

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

// Pauses between two rounds of questions to one server.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 2 * time.Second
)

// AuthorityOptions say how the authoritative servers of a zone are found.
type AuthorityOptions struct {
	// Resolvers are asked for the zone's NS set and the servers' addresses, host:port, in order;
	// empty: those of /etc/resolv.conf.
	Resolvers []string
	// Servers fixes the servers of a zone, by canonical apex; nothing is resolved for it.
	Servers map[string][]netip.AddrPort
	Timeout time.Duration // for one question; default 2 s
	Log     *slog.Logger
}

// Authority asks the authoritative servers of a zone themselves, each one, over IPv4 and IPv6.
type Authority struct {
	resolvers []string
	servers   map[string][]netip.AddrPort
	timeout   time.Duration
	log       *slog.Logger
}

// NewAuthority checks the options. It asks nobody yet.
func NewAuthority(o AuthorityOptions) (*Authority, error) {
	a := &Authority{resolvers: slices.Clone(o.Resolvers), servers: o.Servers, timeout: o.Timeout, log: o.Log}
	for _, r := range a.resolvers {
		if _, err := netip.ParseAddrPort(r); err != nil {
			return nil, fmt.Errorf("resolver %q: %w; try: \"192.0.2.53:53\"", r, err)
		}
	}
	if a.timeout <= 0 {
		a.timeout = 2 * time.Second
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	return a, nil
}

// Confirm is a failover.Confirm. It asks every authoritative server of the plan's zone, without
// recursion, until each answers plan.After or ctx ends. A TTL below that of the plan is taken for
// right: some servers count down. A server that cannot be reached from here at all (no IPv6, say,
// or no known address) is reported as not OK and not waited for. The error says which reachable server does not answer
// After, or that none could be asked; the confirmations are returned all the same.
func (a *Authority) Confirm(ctx context.Context, p failover.Plan) ([]failover.Confirmation, error) {
	expected := expectations(p)
	if len(expected) == 0 {
		return nil, nil
	}
	servers, err := a.find(ctx, p.Zone)
	if err != nil {
		return nil, fmt.Errorf("find the nameservers of %s: %w", p.Zone, err)
	}
	confirmations := make([]failover.Confirmation, len(servers))
	reachable := make([]bool, len(servers))
	var wait sync.WaitGroup
	for i, s := range servers {
		wait.Go(func() { confirmations[i], reachable[i] = a.poll(ctx, s, expected) })
	}
	wait.Wait()
	return confirmations, verdict(p.Zone, confirmations, reachable)
}

// verdict sums up: nil if every server that could be reached answers After.
func verdict(zone string, confirmations []failover.Confirmation, reachable []bool) error {
	var missing []string
	asked := 0
	for i, c := range confirmations {
		if reachable[i] {
			asked++
		}
		if reachable[i] && !c.OK {
			missing = append(missing, fmt.Sprintf("%s (%s): %s", c.Server, c.Address, c.Detail))
		}
	}
	switch {
	case asked == 0:
		return fmt.Errorf("no nameserver of %s can be reached from here; try: dig +norecurse @%s %s SOA", zone, confirmations[0].Server, zone)
	case len(missing) > 0:
		return fmt.Errorf("%d of %d nameservers of %s do not answer the new records yet: %s", len(missing), asked, zone, strings.Join(missing, "; "))
	}
	return nil
}

// server is one address of a nameserver.
type server struct {
	name    string
	addr    netip.AddrPort
	trouble error // why no address is known
}

// poll asks one server until it answers everything as expected.
func (a *Authority) poll(ctx context.Context, s server, expected []expectation) (c failover.Confirmation, reachable bool) {
	if s.trouble != nil {
		return failover.Confirmation{Server: s.name, At: time.Now(), Detail: "its address is not known: " + s.trouble.Error()}, false
	}
	c = failover.Confirmation{Server: s.name, Address: s.addr.String()}
	client := wire.Client{Server: s.addr.String(), Timeout: a.timeout}
	open := expected
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		var err error
		open, err = round(ctx, client, open)
		if ctx.Err() == nil || c.At.IsZero() || len(open) == 0 { // else the round was cut short and says nothing new
			c.At = time.Now()
			c.Detail = ""
			if err != nil {
				c.Detail = err.Error()
			}
		}
		switch {
		case len(open) == 0:
			c.OK = true
			return c, true
		case noRoute(err):
			c.Detail = "this machine has no way to it: " + err.Error()
			return c, false
		}
		a.log.DebugContext(ctx, "nameserver does not answer the new records yet", "server", s.name, "address", c.Address, "detail", c.Detail)
		select {
		case <-ctx.Done():
			return c, true
		case <-time.After(pause):
		}
	}
}

// round asks what is still open and returns what remains so, with the reason for the first.
func round(ctx context.Context, client wire.Client, open []expectation) ([]expectation, error) {
	for i, e := range open {
		m, err := client.Exchange(ctx, wire.Query(e.name, e.rrtype))
		if err == nil {
			err = e.check(client.Server, m)
		}
		if err != nil {
			return open[i:], err
		}
	}
	return nil, nil
}
