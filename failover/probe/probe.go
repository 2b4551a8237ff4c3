// Package probe asks the world: is the origin well, can we ourselves see, does our own server
// answer as it should. One look makes one connection of its own to an address, never to a name
// (after a switch the name is us), and yields one [failover.Observation] with a named cause.
//
// New, Reference and Fallback make looks; Scheduler repeats them; Diagnose explains them.
package probe

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Func makes one look. It ends within its timeout or soon after ctx ends, never panics, is safe
// for concurrent use, and keeps nothing open. A look that was cut short by a cancelled ctx, or by
// a shortage of our own (file descriptors, memory, CPU), has Health Unknown: it says nothing about
// the other side.
type Func func(ctx context.Context) failover.Observation

// Options are what looks have in common. The zero value is valid.
type Options struct {
	Vantage   string         // name of this controller's eyes, copied into every observation
	UserAgent string         // of HTTP looks; empty: "failover (+health check)"
	Roots     *x509.CertPool // trusted roots; nil: the system's
	Log       *slog.Logger   // hears of defects (panics); nil: slog.Default

	// Hosts are the site's own host names, canonical, wildcards included. A redirect to one of
	// them, or to the check's host, is followed at the address being looked at; a redirect to any
	// other host is the cause "redirect", for following it would mean resolving a name.
	Hosts []string

	Timeout     time.Duration // of a look whose check says none; 0: 5 s
	MinValidity time.Duration // Fallback: a certificate that ends sooner is a failure
}

const (
	defaultTimeout   = 5 * time.Second
	defaultUserAgent = "failover (+health check)"
)

// New returns the look that makes the check at one of the origin's addresses. An error says what
// is wrong with the check; nothing is dialled yet.
func New(site string, check failover.Check, addr netip.Addr, opt Options) (Func, error) {
	port := check.Port
	if port == 0 {
		port = defaultPort(check.Kind)
	}
	l := look{
		identity: failover.Observation{Site: site, Role: failover.RoleOrigin, Check: check.Name},
		address:  netip.AddrPortFrom(addr, port),
		timeout:  check.Timeout,
		slow:     check.Slow,
	}
	var err error
	switch {
	case !addr.IsValid():
		err = fmt.Errorf("no address")
	case port == 0:
		err = fmt.Errorf("no port; try: port = 25")
	default:
		l.ask, err = asker(check, l.address, opt)
	}
	if err != nil {
		return nil, fmt.Errorf("site %s, check %s: %w", site, check.Name, err)
	}
	return l.start(opt), nil
}

// asker returns what a check of this kind does once a look has begun.
func asker(check failover.Check, at netip.AddrPort, opt Options) (ask, error) {
	switch check.Kind {
	case failover.CheckTCP:
		return askTCP(at), nil
	case failover.CheckTLS:
		return askTLS(at, newTLSClient(check, opt, nil)), nil
	case failover.CheckHTTP, failover.CheckHTTPS:
		return newHTTP(check, at, opt)
	case failover.CheckDNS:
		return newDNS(check, at)
	default:
		return nil, fmt.Errorf("unknown kind %q; try: http, https, tcp, tls or dns", check.Kind)
	}
}

func defaultPort(kind string) uint16 {
	switch kind {
	case failover.CheckHTTP:
		return 80
	case failover.CheckHTTPS, failover.CheckTLS:
		return 443
	case failover.CheckDNS:
		return 53
	default:
		return 0
	}
}
