package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

func TestCertificates(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	day := 24 * time.Hour
	now := time.Now()
	for name, c := range map[string]struct {
		cert    tls.Certificate
		check   failover.Check
		cause   failover.Cause
		warning string
	}{
		"good":             {cert: ca.leaf(t, now.Add(90*day), "www.example.org")},
		"wildcard":         {cert: ca.leaf(t, now.Add(90*day), "*.example.org")},
		"expired":          {cert: ca.leaf(t, now.Add(-day), "www.example.org"), cause: failover.CauseTLSExpired},
		"wrong name":       {cert: ca.leaf(t, now.Add(day), "www.example.net"), cause: failover.CauseTLSWrongName},
		"untrusted":        {cert: other.leaf(t, now.Add(day), "www.example.org"), cause: failover.CauseTLSUntrusted},
		"expired, ignored": {cert: other.leaf(t, now.Add(-day), "www.example.net"), check: failover.Check{SkipVerify: true}},
		"ends soon": {cert: ca.leaf(t, now.Add(9*day+time.Hour), "www.example.org"),
			check: failover.Check{ExpiryWarning: 14 * day}, warning: "ends in 9 days"},
		"ends later": {cert: ca.leaf(t, now.Add(90*day), "www.example.org"), check: failover.Check{ExpiryWarning: 14 * day}},
	} {
		for _, kind := range []string{failover.CheckTLS, failover.CheckHTTPS} {
			t.Run(name+" "+kind, func(t *testing.T) {
				c.check.Kind = kind
				o := once(t, c.check, serveHTTP(t, answer(200, ""), c.cert), Options{Roots: ca.roots})
				want(t, o, c.cause)
				if strings.Contains(o.Detail, now.UTC().Format("2006-01-02T15")) {
					t.Errorf("the detail %q tells the time: no two looks would say the same", o.Detail)
				}
				if !strings.Contains(o.Warning, c.warning) || (c.warning == "") != (o.Warning == "") {
					t.Errorf("warning %q, want %q", o.Warning, c.warning)
				}
				if !o.Expiry.Equal(c.cert.Leaf.NotAfter) || o.Timings.TLS <= 0 {
					t.Errorf("expiry %v, want %v; TLS %v", o.Expiry, c.cert.Leaf.NotAfter, o.Timings.TLS)
				}
			})
		}
	}
}

func TestHandshakeCauses(t *testing.T) {
	old := func(c net.Conn) {
		cert := newAuthority(t).leaf(t, time.Now().Add(time.Hour), "www.example.org")
		tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
	}
	for name, c := range map[string]struct {
		talk  func(net.Conn)
		cause failover.Cause
	}{
		"garbage":       {func(c net.Conn) { io.WriteString(c, "220 mail.example.org ESMTP\r\n"); io.Copy(io.Discard, c) }, failover.CauseTLSHandshake},
		"old version":   {old, failover.CauseTLSHandshake},
		"silence":       {func(c net.Conn) { io.Copy(io.Discard, c) }, failover.CauseTimeout},
		"closed":        {func(c net.Conn) { c.Read(make([]byte, 4096)) }, failover.CauseReset},
		"reset":         {func(c net.Conn) { c.Read(make([]byte, 1)); c.(*net.TCPConn).SetLinger(0) }, failover.CauseReset},
		"one slow byte": {func(c net.Conn) { io.WriteString(c, "\x16"); io.Copy(io.Discard, c) }, failover.CauseTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			check := failover.Check{Kind: failover.CheckTLS}
			if c.cause == failover.CauseTimeout {
				check.Timeout = 200 * time.Millisecond
			}
			o := once(t, check, serveConns(t, c.talk), Options{})
			want(t, o, c.cause)
			if !o.Expiry.IsZero() {
				t.Errorf("an expiry without a certificate: %v", o.Expiry)
			}
		})
	}
}

// A remembered chain is forgotten for another time, another chain, and never for another host.
func TestTrustRemembers(t *testing.T) {
	ca := newAuthority(t)
	now := time.Now()
	leaf := ca.leaf(t, now.Add(time.Hour), "www.example.org").Leaf
	tr := &trust{host: "www.example.org", roots: ca.roots}
	ends, err := tr.check([]*x509.Certificate{leaf}, now)
	if err != nil || !ends.Equal(leaf.NotAfter) {
		t.Fatalf("got %v, %v", ends, err)
	}
	tr.roots = x509.NewCertPool() // a remembered chain does not need them
	if _, err := tr.check([]*x509.Certificate{leaf}, now.Add(30*time.Minute)); err != nil {
		t.Errorf("not remembered: %v", err)
	}
	if _, err := tr.check([]*x509.Certificate{leaf}, now.Add(2*time.Hour)); err == nil {
		t.Error("an expired chain is still trusted")
	}
	if _, err := tr.check([]*x509.Certificate{leaf}, now.Add(-365*24*time.Hour)); err == nil {
		t.Error("a chain is trusted before its time")
	}
	again := ca.leaf(t, now.Add(time.Hour), "www.example.org").Leaf
	if _, err := tr.check([]*x509.Certificate{again}, now); err == nil {
		t.Error("another chain is trusted without roots")
	}
}

func TestNetworkErrors(t *testing.T) {
	for _, c := range []struct {
		err   error
		in    phase
		cause failover.Cause
	}{
		{syscall.EHOSTUNREACH, connecting(), failover.CauseUnreachable},
		{syscall.ENETUNREACH, connecting(), failover.CauseUnreachable},
		{syscall.EACCES, connecting(), failover.CauseUnreachable},
		{syscall.ETIMEDOUT, connecting(), failover.CauseConnectTimeout},
		{syscall.EMFILE, connecting(), ""}, // ours: Unknown
		{syscall.EADDRNOTAVAIL, connecting(), ""},
		{syscall.ETIMEDOUT, talking("x"), failover.CauseTimeout},
		{syscall.EHOSTUNREACH, talking("x"), failover.CauseUnreachable},
		{syscall.EPIPE, talking("x"), failover.CauseReset},
		{errors.New("x"), talking("x"), failover.CauseProtocol},
		{errors.New("x"), handshaking(), failover.CauseTLSHandshake},
		{errors.New("x"), connecting(), failover.CauseUnreachable},
	} {
		var f *failure
		err := c.in.failed(&net.OpError{Op: "dial", Err: c.err})
		if !errors.As(err, &f) || f.cause != c.cause || !errors.Is(err, c.err) {
			t.Errorf("%v while %s: got %v, want %q", c.err, c.in.doing, err, c.cause)
		}
	}
	if err := connecting().failed(nil); err != nil {
		t.Errorf("nil became %v", err)
	}
}
