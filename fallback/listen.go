package fallback

import (
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
)

// listener is a bound address.
type listener struct {
	net.Listener
	tls bool
}

// listen binds all addresses or none.
func listen(http, https []netip.AddrPort) ([]listener, error) {
	var bound []listener
	for i, at := range append(append([]netip.AddrPort(nil), http...), https...) {
		network, address := target(at, append(append([]netip.AddrPort(nil), http...), https...))
		l, err := net.Listen(network, address)
		if err != nil {
			for _, b := range bound {
				b.Close()
			}
			return nil, bindError(address, err)
		}
		bound = append(bound, listener{l, i >= len(http)})
	}
	return bound, nil
}

// target returns what net.Listen needs for an address. The whole machine is written without an
// IP, which also works where there is no IPv6, unless IPv4 is listed for the same port by itself.
func target(at netip.AddrPort, all []netip.AddrPort) (network, address string) {
	if at.Addr().IsValid() && at.Addr() != netip.IPv6Unspecified() {
		return "tcp", at.String()
	}
	for _, other := range all {
		if other.Addr().Is4() && other.Port() == at.Port() && at.Port() != 0 {
			return "tcp6", at.String()
		}
	}
	return "tcp", ":" + strconv.Itoa(int(at.Port()))
}

// bindError says which address could not be bound, why, and what to do.
func bindError(address string, err error) error {
	hint := "check the fallback block of the configuration"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(address)
		hint = "another program has the port; find it with: ss -ltnp 'sport = :" + port + "'"
	case errors.Is(err, syscall.EACCES):
		hint = "ports below 1024 need CAP_NET_BIND_SERVICE, or: sysctl net.ipv4.ip_unprivileged_port_start=80"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "this machine has no such address; list them with: ip addr"
	}
	return fmt.Errorf("the fallback cannot listen at %s: %w; try: %s", address, err, hint)
}

// quiet returns a logger for net/http: what clients do wrong is worth a debug line at most, a
// panic of ours is an error.
func quiet(to *slog.Logger) *log.Logger {
	return log.New(writerFunc(func(line []byte) (int, error) {
		text := strings.TrimSpace(string(line))
		if strings.HasPrefix(text, "http: panic") || strings.HasPrefix(text, "http2: panic") {
			to.Error("fallback: defect while answering a request", "err", text)
		} else {
			to.Debug("fallback: connection", "err", text)
		}
		return len(line), nil
	}), "", 0)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
