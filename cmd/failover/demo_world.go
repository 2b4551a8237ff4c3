package main

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
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// demoCA is a throw-away certificate authority.
type demoCA struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newDemoCA() (*demoCA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "failover demo"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * 7 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &demoCA{key, cert}, err
}

func (c *demoCA) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
}

func (c *demoCA) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.cert)
	return pool
}

// issue makes a certificate for a host.
func (c *demoCA) issue(host string) (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * 6 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, key.Public(), c.key)
	return key, der, err
}

// store puts a certificate for the host where the fallback looks for one, as an operator may do
// by hand.
func (c *demoCA) store(dir, host string) error {
	key, der, err := c.issue(host)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	text := slices.Concat(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return os.WriteFile(filepath.Join(dir, host+".pem"), text, 0o600)
}

// demoOrigin is a web server that can be killed and started again.
type demoOrigin struct {
	address string
	config  *tls.Config
	server  *http.Server
}

func newDemoOrigin(port uint16, authority *demoCA) (*demoOrigin, error) {
	key, der, err := authority.issue(demoHost)
	if err != nil {
		return nil, err
	}
	o := &demoOrigin{
		address: net.JoinHostPort(demoOriginIP, fmt.Sprint(port)),
		config:  &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
	}
	return o, o.start()
}

func (o *demoOrigin) start() error {
	listener, err := tls.Listen("tcp", o.address, o.config)
	if err != nil {
		return err
	}
	o.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "the shop is open\n")
	})}
	go func(server *http.Server) { _ = server.Serve(listener) }(o.server)
	return nil
}

func (o *demoOrigin) kill() { _ = o.server.Close() }

// visitor asks for the site by name, through a cache that honours TTLs as resolvers do.
type visitor struct {
	nameserver string
	port       uint16
	roots      *x509.CertPool

	address string // as cached
	until   time.Time
}

func newVisitor(nameserver string, port uint16, roots *x509.CertPool) *visitor {
	return &visitor{nameserver: nameserver, port: port, roots: roots}
}

// ask makes one request and returns its status, 0 for none, and a line that tells it.
func (v *visitor) ask(ctx context.Context) (int, string) {
	if err := v.resolve(ctx); err != nil {
		return 0, "cannot resolve the name: " + err.Error()
	}
	dialer := net.Dialer{Timeout: time.Second}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: v.roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, net.JoinHostPort(v.address, fmt.Sprint(v.port)))
		},
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://%s:%d/basket", demoHost, v.port), nil)
	if err != nil {
		return 0, err.Error()
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, fmt.Sprintf("GET /basket at %s: no answer", v.address)
	}
	defer response.Body.Close()
	line := fmt.Sprintf("GET /basket at %s: %s", v.address, response.Status)
	if after := response.Header.Get("Retry-After"); after != "" {
		line += ", Retry-After: " + after + ", Content-Type: " + response.Header.Get("Content-Type")
	}
	return response.StatusCode, line
}

// resolve asks the name server once the cached answer's TTL is over.
func (v *visitor) resolve(ctx context.Context) error {
	if time.Now().Before(v.until) {
		return nil
	}
	answer, err := v.query(ctx, dns.TypeA)
	if err != nil {
		return err
	}
	for _, rr := range answer {
		if a, ok := rr.(*dns.A); ok {
			v.address = a.A.String()
			v.until = time.Now().Add(time.Duration(a.Hdr.Ttl) * time.Second)
			return nil
		}
	}
	return errors.New("no address")
}

// records renders what the zone holds at the host.
func (v *visitor) records(ctx context.Context) (string, error) {
	var lines []string
	for _, rrtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, err := v.query(ctx, rrtype)
		if err != nil {
			return "", err
		}
		for _, rr := range answer {
			lines = append(lines, strings.Join(strings.Fields(rr.String()), " "))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, " | "), nil
}

func (v *visitor) query(ctx context.Context, rrtype uint16) ([]dns.RR, error) {
	client := dns.Client{Timeout: time.Second}
	answer, _, err := client.ExchangeContext(ctx, new(dns.Msg).SetQuestion(demoHost+".", rrtype), v.nameserver)
	if err != nil {
		return nil, err
	}
	return answer.Answer, nil
}

// commonPort returns a port that is free at all the addresses, for TCP and UDP. It is below the
// ports that systems give to outgoing connections, so that none takes it before it is used.
func commonPort(addresses ...string) (uint16, error) {
	var errs []error
	for range 20 {
		port := uint16(20000 + mathrand.N(10000))
		err := free(port, addresses)
		if err == nil {
			return port, nil
		}
		errs = append(errs, err)
	}
	return 0, fmt.Errorf("no free port was found on loopback; some systems want an alias for %s, such as: ifconfig lo0 alias %[1]s: %w",
		addresses[len(addresses)-1], errors.Join(errs...))
}

// free returns nil if nobody uses the port at any of the addresses.
func free(port uint16, addresses []string) error {
	for _, address := range addresses {
		at := net.JoinHostPort(address, fmt.Sprint(port))
		stream, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		packet, err := net.ListenPacket("udp", at)
		if err := errors.Join(err, stream.Close()); err != nil {
			return err
		}
		if err := packet.Close(); err != nil {
			return err
		}
	}
	return nil
}
