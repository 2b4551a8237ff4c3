package builtin

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	"github.com/miekg/dns"
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
