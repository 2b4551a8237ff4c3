package certs

import (
	"crypto/tls"
	"testing"
)

// BenchmarkColdStart is the time from nothing to being able to serve 1,000 hosts whose
// certificates are on disk.
func BenchmarkColdStart(b *testing.B) {
	dir := b.TempDir()
	hosts := fill(b, dir, 1000)
	f, log := &fake{t: b, ca: newAuthority(b)}, &logged{}
	for b.Loop() {
		m := manager(b, dir, f, log, nil)
		if err := m.Manage(b.Context(), hosts); err != nil {
			b.Fatal(err)
		}
		if c, err := m.GetCertificate(hello("h999.example.org")); err != nil || c.Leaf.Issuer.CommonName != "Test CA" {
			b.Fatal("not ready")
		}
		m.Stop()
	}
	if n := f.asked(); n != 0 {
		b.Errorf("the CA was asked %d times", n)
	}
}

func BenchmarkGetCertificate(b *testing.B) {
	dir := b.TempDir()
	m := manager(b, dir, &fake{t: b, ca: newAuthority(b)}, &logged{}, nil)
	defer m.Stop()
	if err := m.Manage(b.Context(), fill(b, dir, 10)); err != nil {
		b.Fatal(err)
	}
	for name, hello := range map[string]*tls.ClientHelloInfo{"known": hello("h1.example.org"), "unknown": hello("a.b.c.example.com")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.GetCertificate(hello)
			}
		})
	}
}
