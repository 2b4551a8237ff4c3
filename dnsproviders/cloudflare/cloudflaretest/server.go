package cloudflaretest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"
)

// Server is an API on a TCP port, over TLS.
type Server struct {
	API   *API
	URL   string         // the endpoint for clients, Base included
	Roots *x509.CertPool // trust the server's certificate; nil if it was given from outside
	CA    []byte         // the same in PEM
	http  *http.Server
	ended chan error
}

// ListenOptions are where and how a Server listens.
type ListenOptions struct {
	Addr        string           // host:port; empty: a free port of 127.0.0.1
	Certificate *tls.Certificate // nil: one is made, for 127.0.0.1, ::1 and localhost
	OneCall     bool             // a connection serves one call, so that the next one has to find the way again
}

// Listen serves an API, and under /_test/ the doors behind its back (see [API.Control]).
func Listen(a *API, o ListenOptions) (*Server, error) {
	s := &Server{API: a, ended: make(chan error, 1)}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Certificate == nil {
		if err := s.makeCertificate(&o); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", a)
	mux.Handle("/_test/", a.Control())
	s.URL = "https://" + listener.Addr().String() + Base
	s.http = &http.Server{Handler: mux, TLSConfig: &tls.Config{Certificates: []tls.Certificate{*o.Certificate}},
		ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	s.http.SetKeepAlivesEnabled(!o.OneCall)
	go func() { s.ended <- s.http.ServeTLS(listener, "", "") }()
	return s, nil
}

// NewServer starts an API on a free port of 127.0.0.1.
func NewServer(o Options) (*Server, error) { return Listen(New(o), ListenOptions{}) }

// Close stops the server and waits for it. Calls under way are given a second.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	if served := <-s.ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// makeCertificate makes a CA and a certificate of it, good for a day.
func (s *Server) makeCertificate(o *ListenOptions) error {
	now := time.Now()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cloudflaretest CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "cloudflaretest"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "api.cloudflare.com"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	if host, _, err := net.SplitHostPort(o.Addr); err == nil && net.ParseIP(host) != nil {
		leaf.IPAddresses = append(leaf.IPAddresses, net.ParseIP(host))
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	o.Certificate = &tls.Certificate{Certificate: [][]byte{der, caDER}, PrivateKey: key}
	s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	s.Roots = x509.NewCertPool()
	s.Roots.AppendCertsFromPEM(s.CA)
	return nil
}
