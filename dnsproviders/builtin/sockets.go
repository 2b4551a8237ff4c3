package builtin

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/net/netutil"
)

// Bounds of the server; with them the number of goroutines is bounded too.
const (
	udpWorkers  = 4                // per listen address
	tcpConns    = 100              // per listen address, served at once; more wait to be accepted
	tcpQuestion = 200              // questions per connection
	tcpIdle     = 10 * time.Second // until the next question is complete (RFC 7766 section 6.2.3)
	tcpWrite    = 5 * time.Second
	portTries   = 20 // to find one port that is free for UDP and TCP
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

// serveUDP answers datagrams, one after another.
func (s *sockets) serveUDP(conn *net.UDPConn) {
	buf := make([]byte, dns.MaxMsgSize)
	for failures := 0; ; {
		n, from, err := dns.ReadFromSessionUDP(conn, buf)
		if err != nil {
			if s.isClosed() || !s.pause(&failures, "udp", err) {
				return
			}
			continue
		}
		failures = 0
		if out := s.answer(buf[:n], false); out != nil {
			if _, err := dns.WriteToSessionUDP(conn, out, from); err != nil {
				s.log.Debug("udp answer not sent", "error", err)
			}
		}
	}
}

// serveTCP accepts connections; the listener bounds how many at once.
func (s *sockets) serveTCP(listener net.Listener) {
	for failures := 0; ; {
		conn, err := listener.Accept()
		if err != nil {
			if s.isClosed() || !s.pause(&failures, "tcp", err) {
				return
			}
			continue
		}
		failures = 0
		if !s.adopt(conn) {
			conn.Close()
			return
		}
		s.wait.Go(func() {
			defer s.release(conn)
			s.serveConn(conn)
		})
	}
}

// pause waits a little after a failure of a socket (such as too many open files).
func (s *sockets) pause(failures *int, network string, err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	if *failures++; *failures == 1 {
		s.log.Warn("dns socket", "network", network, "error", err)
	}
	time.Sleep(min(time.Duration(*failures)*5*time.Millisecond, time.Second))
	return true
}

func (s *sockets) adopt(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closers[c] = struct{}{}
	}
	return !s.closed
}

func (s *sockets) release(c io.Closer) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.closers, c)
}

// serveConn answers the questions of one connection, in order.
func (s *sockets) serveConn(conn net.Conn) {
	buf := make([]byte, dns.MaxMsgSize)
	for range tcpQuestion {
		conn.SetReadDeadline(time.Now().Add(tcpIdle))
		if _, err := io.ReadFull(conn, buf[:2]); err != nil {
			return
		}
		raw := buf[:binary.BigEndian.Uint16(buf)]
		if _, err := io.ReadFull(conn, raw); err != nil {
			return
		}
		out := s.answer(raw, true)
		if out == nil {
			return // nobody who speaks DNS
		}
		conn.SetWriteDeadline(time.Now().Add(tcpWrite))
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
			return
		}
	}
}
