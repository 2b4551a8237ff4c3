package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/netip"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
)

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

// chaosCA is a certificate authority that also issues what has ended.
type chaosCA struct {
	lab  *lab.Lab
	cert *x509.Certificate
	sign func(template *x509.Certificate) (cert, key string)
	file string // PEM of the root
	pool *x509.CertPool
}

func (a *chaosCA) issue(ends time.Time, names ...string) (cert, key string) {
	return a.sign(leaf(ends, names...))
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
