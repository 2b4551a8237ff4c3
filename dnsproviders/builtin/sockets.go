package builtin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/net/netutil"
)

// answerer answers one message; nil means silence.
type answerer func(raw []byte, tcp bool) []byte

// sockets owns all sockets and the goroutines that serve them.
type sockets struct {
	answer answerer
	log    *slog.Logger
	wait   sync.WaitGroup

	mu      sync.Mutex
	addrs   []netip.AddrPort
	closers map[io.Closer]struct{} // listeners and connections
	closed  bool
}

// open binds all addresses, or none.
func (s *sockets) open(ctx context.Context, listen []netip.AddrPort, answer answerer, log *slog.Logger) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.closers != nil {
		return errors.New("the dns server was started before")
	}
	s.answer, s.log, s.closers = answer, log, map[io.Closer]struct{}{}
	var serve []func()
	for _, addr := range listen {
		listener, packets, err := bind(ctx, addr)
		if err != nil {
			for c := range s.closers {
				c.Close()
			}
			s.closers, s.addrs = nil, nil
			return err
		}
		s.closers[listener], s.closers[packets] = struct{}{}, struct{}{}
		s.addrs = append(s.addrs, listener.Addr().(*net.TCPAddr).AddrPort())
		serve = append(serve, func() { s.serveTCP(netutil.LimitListener(listener, tcpConns)) })
		for range udpWorkers {
			serve = append(serve, func() { s.serveUDP(packets) })
		}
	}
	for _, f := range serve {
		s.wait.Go(f)
	}
	return nil
}

// bind opens TCP and UDP on one port.
func bind(ctx context.Context, addr netip.AddrPort) (net.Listener, *net.UDPConn, error) {
	var err error
	for range portTries {
		var lc net.ListenConfig
		var listener net.Listener
		if listener, err = lc.Listen(ctx, "tcp", addr.String()); err != nil {
			break
		}
		at := netip.AddrPortFrom(addr.Addr(), listener.Addr().(*net.TCPAddr).AddrPort().Port())
		var packets net.PacketConn
		if packets, err = lc.ListenPacket(ctx, "udp", at.String()); err == nil {
			conn := packets.(*net.UDPConn)
			if addr.Addr().IsUnspecified() {
				// Answers must leave from the address that was asked. One of the two fails, by family.
				ipv4.NewPacketConn(conn).SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true)
				ipv6.NewPacketConn(conn).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
			}
			return listener, conn, nil
		}
		listener.Close()
		if addr.Port() != 0 {
			break
		}
	}
	return nil, nil, fmt.Errorf("listen on %s: %w; try: another address in listen, or see who holds it: ss -lnup", addr, err)
}

// Addrs returns the addresses served, in the order of Options.Listen, with the ports taken.
func (s *sockets) Addrs() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]netip.AddrPort(nil), s.addrs...)
}

// Close stops serving and waits until nothing runs any more.
func (s *sockets) Close() error {
	s.mu.Lock()
	s.closed = true
	for c := range s.closers {
		c.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
	return nil
}

func (s *sockets) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
