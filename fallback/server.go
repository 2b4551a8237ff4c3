package fallback

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Bounds of one connection. They are short: visitors must not stick to the fallback, and hostile
// clients must not hold on to it.
const (
	headerTimeout  = 10 * time.Second // TLS handshake, and again the request's header
	readTimeout    = 10 * time.Second // header and what is drained of a body
	writeTimeout   = 30 * time.Second
	idleTimeout    = 5 * time.Second
	maxHeaderBytes = 32 << 10
	maxStreams     = 16 // concurrent requests of an HTTP/2 connection: a page is one document, and net/http keeps what a flood left for a while

	connectionRequests = 100              // after so many a connection is closed
	connectionAge      = 30 * time.Second // and after so long
)

// Options are what a Server needs.
type Options struct {
	// HTTP and HTTPS are the addresses to listen at. An address without IP, or [::], means every
	// address of the machine, both families. Port 0 picks a free port.
	HTTP, HTTPS []netip.AddrPort
	// GetCertificate returns the certificate for a server name. It is asked for published hosts
	// only, and must not block.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Log            *slog.Logger // nil: slog.Default()
	// Health, if set, tells at StatusPath whether a site's origin is well; known is false when
	// nobody can say. It must not block.
	Health func(site string) (healthy, known bool)
	// AtOrigin, if set, tells at HealthPath whether a site is to be served by its origin; known is
	// false when nobody can say. It must not block.
	AtOrigin func(site string) (at, known bool)
	// OriginRoots are what certificates of origins are checked against when visitors are handed
	// on; nil: the system's.
	OriginRoots *x509.CertPool
	// MaxOnward bounds the requests that are handed on at a time; 0: 2,000. One site gets a quarter
	// at most. It is never more than a quarter of the process's file descriptors.
	MaxOnward int
	// MaxConnections bounds open connections; 0: 20,000. It is never more than half of the
	// process's file descriptors, so that the controller keeps its share.
	MaxConnections int
	// MaxPerClient bounds those of one client (an IPv4 address or an IPv6 /64); 0: a twentieth. A
	// proxy in front counts as one client.
	MaxPerClient int
}

// Server answers for the sites that were published. Create it with New.
type Server struct {
	options Options
	log     *slog.Logger
	table   atomic.Pointer[table]
	counts  counts
	bound   *bound
	onward  *forwarder

	publishing sync.Mutex // held while the table is replaced

	listeners []listener
	servers   []*http.Server
	serving   sync.WaitGroup
}

// New returns a server that knows no host yet and does not listen.
func New(options Options) *Server {
	if options.Log == nil {
		options.Log = slog.Default()
	}
	s := &Server{options: options, log: options.Log, bound: newBound(options.MaxConnections, options.MaxPerClient)}
	s.onward = newForwarder(options, options.Log)
	s.table.Store(&table{})
	return s
}

// Publish replaces everything that is served, at once, and returns when new requests see it. The
// notices and their pages must not be changed afterwards. Publishing the same again is harmless.
func (s *Server) Publish(notices []failover.Notice) {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	origins, gone := s.onward.set(notices)
	s.table.Store(newTable(notices, origins))
	for _, o := range gone {
		o.end()
	}
}

// Start listens and serves until Stop. When one address cannot be bound none is; the error names
// the address, the reason, and what to do.
func (s *Server) Start() error {
	if s.servers != nil {
		return errors.New("the fallback server was already started; make a new one")
	}
	listeners, err := listen(s.options.HTTP, s.options.HTTPS)
	if err != nil {
		return err
	}
	s.listeners = listeners
	plain, secure := s.newHTTPServer(false), s.newHTTPServer(true)
	s.servers = []*http.Server{plain, secure}
	for _, l := range listeners {
		limited := s.bound.listener(l.Listener)
		if l.tls {
			s.serve(l, func() error { return secure.ServeTLS(limited, "", "") })
		} else {
			s.serve(l, func() error { return plain.Serve(limited) })
		}
	}
	return nil
}

func (s *Server) serve(l listener, run func() error) {
	s.log.Info("fallback listens", "address", l.Addr().String(), "tls", l.tls)
	s.serving.Go(func() {
		if err := run(); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("fallback stopped listening; restart it, else no switch is made to it", "address", l.Addr().String(), "err", err)
		}
	})
}

// newHTTPServer returns the server for plain or for TLS connections.
func (s *Server) newHTTPServer(secure bool) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	server := &http.Server{
		Handler:                      s,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		Protocols:                    protocols,
		ErrorLog:                     quiet(s.log),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, &connection{opened: time.Now()})
		},
	}
	if secure {
		protocols.SetHTTP2(true)
		server.HTTP2 = &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxDecoderHeaderTableSize:     4096,
			MaxEncoderHeaderTableSize:     4096,
			MaxReadFrameSize:              16 << 10,
			MaxReceiveBufferPerConnection: 64 << 10,
			MaxReceiveBufferPerStream:     64 << 10,
			WriteByteTimeout:              writeTimeout,
		}
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate}
	}
	return server
}

// certificate answers a ClientHello. Without a certificate and without an error crypto/tls ends
// the handshake with unrecognized_name (RFC 6066 section 3), which costs nothing to remember.
func (s *Server) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.options.GetCertificate == nil || s.table.Load().find(hello.ServerName) == nil {
		return nil, nil
	}
	return s.options.GetCertificate(hello)
}

// Addrs returns the addresses the server is bound to, in the order of the options.
func (s *Server) Addrs() (http, https []netip.AddrPort) {
	for _, l := range s.listeners {
		at := l.Addr().(*net.TCPAddr).AddrPort()
		if l.tls {
			https = append(https, at)
		} else {
			http = append(http, at)
		}
	}
	return http, https
}

// Stop closes the listeners at once, lets requests in progress end until ctx ends, and then cuts
// them off. It returns when every goroutine of the server has ended, with an error if it cut.
func (s *Server) Stop(ctx context.Context) error {
	var stopping sync.WaitGroup
	failed := make([]error, len(s.servers))
	for i, server := range s.servers {
		stopping.Go(func() {
			if failed[i] = server.Shutdown(ctx); failed[i] != nil {
				server.Close()
			}
		})
	}
	stopping.Wait()
	s.onward.stop()
	s.serving.Wait()
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("fallback: requests were cut off: %w", err)
	}
	return nil
}
