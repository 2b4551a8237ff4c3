package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
)

// complaints are what went wrong in goroutines that cannot end the test.
type complaints struct {
	mu   sync.Mutex
	list []string
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) < 20 {
		c.list = append(c.list, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

func (c *complaints) report(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range c.list {
		t.Error(text)
	}
}

// newCA makes a certificate authority, whose root is in a file of that name.
func newCA(l *lab.Lab, name string) *chaosCA {
	l.T.Helper()
	must := func(err error) {
		if err != nil {
			l.T.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "chaos root"}, NotBefore: time.Now().Add(-1000 * time.Hour),
		NotAfter: time.Now().Add(2000 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	must(err)
	cert, err := x509.ParseCertificate(der)
	must(err)
	a := &chaosCA{lab: l, cert: cert, file: l.Write("ca/"+name+".pem", pemText("CERTIFICATE", der)), pool: x509.NewCertPool()}
	a.pool.AddCert(cert)
	a.sign = func(template *x509.Certificate) (string, string) {
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
		der, err := x509.CreateCertificate(rand.Reader, template, cert, own.Public(), key)
		must(err)
		text, err := x509.MarshalPKCS8PrivateKey(own)
		must(err)
		return pemText("CERTIFICATE", der), pemText("PRIVATE KEY", text)
	}
	return a
}

func leaf(ends time.Time, names ...string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // never fails
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "chaos"}, NotBefore: time.Now().Add(-999 * time.Hour), NotAfter: ends,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, n := range names {
		if ip, err := netip.ParseAddr(n); err == nil {
			c.IPAddresses = append(c.IPAddresses, ip.AsSlice())
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	return c
}

// door is a place that accepts connections while it is open.
type door struct {
	addr string
	t    testing.TB
	ln   net.Listener
}

func newDoor(l *lab.Lab, addr string) *door {
	d := &door{addr: addr, t: l.T}
	d.open()
	l.T.Cleanup(d.shut)
	return d
}

func (d *door) open() {
	d.t.Helper()
	ln, err := net.Listen("tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.ln = ln
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // shut
			}
			conn.Close()
		}
	}()
}

func (d *door) shut() { d.ln.Close() }

// sink is a web server that keeps what is posted to it.
type sink struct {
	addr string
	mu   sync.Mutex
	all  strings.Builder
}

func newSink(l *lab.Lab, addr string) *sink {
	l.T.Helper()
	s := &sink{addr: addr}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		l.T.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(&s.all, "%v\n%s\n", r.Header, body)
	})}
	serve(l, server, func() error { return server.Serve(ln) })
	return s
}

func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// serve runs a server until the test ends.
func serve(l *lab.Lab, server *http.Server, run func() error) {
	server.ErrorLog = log.New(io.Discard, "", 0)
	l.Go(func(ctx context.Context) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = run()
		}()
		<-ctx.Done()
		server.Close()
		<-ended
	})
}

// How an origin is. Any other text is a page with status 200.
const (
	well     = lab.OriginText
	refusing = "refusing"
	hung     = "hung"
	trickles = "trickles" // one byte a second
	failing  = "failing"  // status 500
	loops    = "loops"    // a redirect to itself
	expired  = "expired"  // its certificate has ended
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
	for _, addr := range s.c.origins() {
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
