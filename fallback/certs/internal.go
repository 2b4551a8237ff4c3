package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"sync"
	"time"
)

const (
	internalLife = 24 * time.Hour
	internalCA   = "failover: internal CA, trusted by nobody"
)

// internal makes certificates of a throw-away CA, so that a handshake does not fail where no real
// certificate is held. They live in memory, at most one per managed host, and browsers refuse
// them; they let a person who insists read the page.
type internal struct {
	mu     sync.Mutex
	key    *ecdsa.PrivateKey // of the CA and of all its certificates
	ca     *x509.Certificate
	issued map[string]*tls.Certificate // by host name
}

// certificate returns the host's internal certificate, and whether it was made just now.
func (i *internal) certificate(name string) (_ *tls.Certificate, made bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	if c := i.issued[name]; c != nil && now.Before(c.Leaf.NotAfter.Add(-internalLife/2)) {
		return c, false, nil
	}
	if err := i.prepare(now); err != nil {
		return nil, false, fmt.Errorf("internal certificate: %w", err)
	}
	leaf, err := i.sign(&x509.Certificate{
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(internalLife), DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, i.ca)
	if err != nil {
		return nil, false, fmt.Errorf("internal certificate: %w", err)
	}
	c := &tls.Certificate{Certificate: [][]byte{leaf.Raw, i.ca.Raw}, PrivateKey: i.key, Leaf: leaf}
	i.issued[name] = c
	return c, true, nil
}

// prepare makes the CA when there is none that lives long enough.
func (i *internal) prepare(now time.Time) (err error) {
	if i.ca != nil && now.Before(i.ca.NotAfter.Add(-internalLife)) {
		return nil
	}
	if i.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: internalCA}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * internalLife),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	i.issued = map[string]*tls.Certificate{}
	i.ca, err = i.sign(template, template)
	return err
}

func (i *internal) sign(template, parent *x509.Certificate) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, i.key.Public(), i.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// forget drops the certificates of hosts that keep says are gone.
func (i *internal) forget(keep func(name string) bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for name := range i.issued {
		if !keep(name) {
			delete(i.issued, name)
		}
	}
}
