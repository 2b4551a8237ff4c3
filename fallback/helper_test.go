package fallback

import (
	"bytes"
	gz "compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	br "github.com/andybalholm/brotli"
	"go.uber.org/goleak"

	"github.com/failover-dns/failover/failover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const problemText = `{"title":"Service Unavailable","status":503}`

func compressed(t testing.TB, lang, html string) failover.Page {
	t.Helper()
	var zipped, brotlied bytes.Buffer
	g, b := gz.NewWriter(&zipped), br.NewWriter(&brotlied)
	for _, w := range []interface {
		Write([]byte) (int, error)
		Close() error
	}{g, b} {
		if _, err := w.Write([]byte(html)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return failover.Page{Lang: lang, HTML: []byte(html), Gzip: zipped.Bytes(), Brotli: brotlied.Bytes()}
}

// notices are two sites, www failed over and shop not.
func notices(t testing.TB) []failover.Notice {
	english := compressed(t, "en", "<!doctype html><title>Down</title>"+strings.Repeat("<p>Out of service.</p>", 200))
	japanese := compressed(t, "ja", "<!doctype html><title>停止中</title>"+strings.Repeat("<p>停止しています。</p>", 200))
	return []failover.Notice{{
		Site: "www", Hosts: []string{"example.org.", "www.example.org.", "*.apps.example.org."}, Serving: true,
		Pages: []failover.Page{english, japanese}, Problem: []byte(problemText), RetryAfter: 5 * time.Minute,
	}, {
		Site: "shop", Hosts: []string{"shop.example.net."}, Pages: []failover.Page{english}, RetryAfter: 90 * time.Second,
	}}
}

// selfSigned returns a certificate for every test host, and a pool that trusts it.
func selfSigned(t testing.TB) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"example.org", "www.example.org", "shop.example.net"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// running is a started server on loopback, both families.
type running struct {
	*Server
	http, https []netip.AddrPort
	roots       *x509.CertPool
}

func start(t testing.TB, change func(*Options)) running {
	t.Helper()
	certificate, roots := selfSigned(t)
	any4, any6 := netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort("[::1]:0")
	options := Options{
		HTTP: []netip.AddrPort{any4, any6}, HTTPS: []netip.AddrPort{any4, any6},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil },
		Log:            slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&options)
	}
	s := New(options)
	s.Publish(notices(t))
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	r := running{Server: s, roots: roots}
	r.http, r.https = s.Addrs()
	return r
}

// client speaks to one address whatever the name, as a visitor does after the switch.
func (r running) client(t testing.TB, to netip.AddrPort, h2 bool) *http.Client {
	t.Helper()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, to.String())
		},
		TLSClientConfig:    &tls.Config{RootCAs: r.roots},
		DisableCompression: true,
		Protocols:          new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(!h2)
	transport.Protocols.SetHTTP2(h2)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
