package certs

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const directory = "https://ca.example.net/directory"

// authority is a CA in memory.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate

	mu     sync.Mutex
	serial int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, serial: 1}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: []byte{1, 2, 3},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

// chain signs a certificate for a key, and returns it with the CA's in PEM.
func (a *authority) chain(public any, name string, life time.Duration) ([]byte, error) {
	a.mu.Lock()
	a.serial++
	serial := big.NewInt(a.serial)
	a.mu.Unlock()
	now := time.Now()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: now, NotAfter: now.Add(life),
	}, a.cert, public, a.key)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	return out.Bytes(), nil
}

// pair returns a new key with its chain.
func (a *authority) pair(t testing.TB, name string, life time.Duration) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := keyPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := a.chain(key.Public(), name, life)
	if err != nil {
		t.Fatal(err)
	}
	return append(block, chain...)
}

// fake is an issuer whose mood the test sets.
type fake struct {
	t    testing.TB
	ca   *authority
	life time.Duration

	mu       sync.Mutex
	fail     func(name string) error
	calls    []string // name, and "+" when it replaces one
	inFlight int
	most     int
	takes    time.Duration
}

func (f *fake) issue(ctx context.Context, name string, replaces *x509.Certificate) ([]byte, error) {
	f.mu.Lock()
	call := name
	if replaces != nil {
		call += "+"
	}
	f.calls = append(f.calls, call)
	f.inFlight++
	f.most = max(f.most, f.inFlight)
	fail, takes := f.fail, f.takes
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.inFlight--
		f.mu.Unlock()
	}()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if fail != nil {
		if err := fail(name); err != nil {
			return nil, err
		}
	}
	return f.ca.pair(f.t, name, f.life), nil
}

func (f *fake) close() {}

func (f *fake) set(fail func(string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

// orders returns the calls since the last time.
func (f *fake) orders() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func (f *fake) asked() int { return len(f.orders()) }

// logged collects log lines.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.buf.Bytes(), []byte(text))
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// manager starts one with a fake issuer.
func manager(t testing.TB, dir string, f *fake, log *logged, change func(*Options)) *Manager {
	t.Helper()
	options := Options{Dir: dir, Directory: directory, Log: log.logger()}
	if change != nil {
		change(&options)
	}
	s, err := newStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	return start(options, s, f)
}

// fill stores certificates for n hosts, and returns their names.
func fill(t testing.TB, dir string, n int) []string {
	t.Helper()
	ca := newAuthority(t)
	if _, err := newStore(dir); err != nil {
		t.Fatal(err)
	}
	var hosts []string
	for i := range n {
		name := fmt.Sprintf("h%d.example.org", i)
		text := append([]byte(source+directory+"\n"), ca.pair(t, name, 90*24*time.Hour)...)
		if err := os.WriteFile(filepath.Join(dir, "certs", name+".pem"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, name+".")
	}
	return hosts
}
