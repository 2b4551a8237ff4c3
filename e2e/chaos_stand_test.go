package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// stand is an origin on two addresses, which can be unwell in many ways.
type stand struct {
	c      *cell
	mode   atomic.Value // string
	asked  atomic.Int64 // connections
	good   tls.Certificate
	ended  tls.Certificate
	mu     sync.Mutex
	served []*http.Server
	held   []net.Conn // connections that are never answered
	listen func(addr string) (net.Listener, error)
}

func newStand(c *cell) *stand {
	c.T.Helper()
	s := &stand{c: c, listen: func(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }}
	s.good, s.ended = s.pair(time.Now().Add(60*24*time.Hour)), s.pair(time.Now().Add(-time.Hour))
	s.mode.Store(refusing)
	c.T.Cleanup(func() { s.set(refusing) })
	s.set(well)
	return s
}

func (s *stand) pair(ends time.Time) tls.Certificate {
	cert, key := s.c.ca.issue(ends, append(s.c.hosts(), "www.example.net", "static.example.org", "mail.example.org")...)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		s.c.T.Fatal(err)
	}
	return pair
}

// set makes the origin be in another way, at once.
func (s *stand) set(mode string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode.Store(mode)
	for _, conn := range s.held {
		conn.Close()
	}
	s.held = nil
	if mode == refusing {
		for _, server := range s.served {
			server.Close()
		}
		s.served = nil
		return
	}
	if len(s.served) > 0 {
		return
	}
	for _, addr := range s.c.watched() {
		ln, err := s.listen(net.JoinHostPort(addr, "443"))
		if err != nil {
			s.c.T.Errorf("the origin cannot listen: %v", err)
			return
		}
		server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
			TLSConfig: &tls.Config{GetCertificate: s.present}}
		server.SetKeepAlivesEnabled(false)
		s.served = append(s.served, server)
		go func() { _ = server.ServeTLS(&lobby{ln, s}, "", "") }()
	}
}

func (s *stand) present(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.mode.Load() == expired {
		return &s.ended, nil
	}
	return &s.good, nil
}

// lobby is a listener that keeps visitors of a hung origin waiting.
type lobby struct {
	net.Listener
	s *stand
}

func (l *lobby) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		l.s.asked.Add(1)
		if err != nil || l.s.mode.Load() != hung {
			return conn, err
		}
		l.s.mu.Lock()
		l.s.held = append(l.s.held, conn)
		l.s.mu.Unlock()
	}
}

func (s *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch mode := s.mode.Load().(string); mode {
	case failing:
		http.Error(w, "out of order", http.StatusInternalServerError)
	case loops:
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	case trickles:
		w.Header().Set("Content-Length", fmt.Sprint(len(well)))
		s.trickle(w, r)
	default:
		fmt.Fprint(w, mode)
	}
}

func (s *stand) trickle(w http.ResponseWriter, r *http.Request) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for i := range len(well) {
		_, _ = w.Write([]byte{well[i]})
		_ = http.NewResponseController(w).Flush()
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		}
	}
}
