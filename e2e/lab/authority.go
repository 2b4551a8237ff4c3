package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Authority is a private certificate authority for everything that has a certificate before the
// fallback gets its own: origins, the ACME server's door, the API.
type Authority struct {
	lab  *Lab
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	File string // PEM of the root
}

// Authority makes a private certificate authority.
func (l *Lab) Authority() *Authority {
	l.T.Helper()
	key := l.key()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab root"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		l.T.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		l.T.Fatal(err)
	}
	return &Authority{lab: l, key: key, cert: cert, File: l.Write("ca/root.pem", pemText("CERTIFICATE", der))}
}

func (l *Lab) key() *ecdsa.PrivateKey {
	l.T.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		l.T.Fatal(err)
	}
	return key
}

// Issue makes a certificate for names and addresses and returns the PEM files of chain and key.
func (a *Authority) Issue(hosts ...string) (certFile, keyFile string) {
	l := a.lab
	l.T.Helper()
	key := l.key()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		l.T.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: hosts[0]},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(60 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		l.T.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		l.T.Fatal(err)
	}
	name := "ca/" + serial.String()
	return l.Write(name+".pem", pemText("CERTIFICATE", der)), l.Write(name+".key", pemText("PRIVATE KEY", keyDER))
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// SPKI returns the hash by which Chromium is told to trust a certificate's key.
func SPKI(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}
