package probe

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/failover-dns/failover/failover"
)

// askTLS connects and shakes hands.
func askTLS(at netip.AddrPort, client *tlsClient) ask {
	return func(ctx context.Context, o *failover.Observation) error {
		c, err := dialTCP(ctx, at, o)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = client.handshake(c, o)
		return err
	}
}

// tlsClient shakes hands for one host and judges the certificate.
type tlsClient struct {
	protocols   []string // for ALPN
	verify      bool
	warning     time.Duration // warn when the certificate ends within this time
	minValidity time.Duration // fail when the certificate ends within this time
	trust       trust
}

func newTLSClient(check failover.Check, opt Options, protocols []string) *tlsClient {
	return &tlsClient{
		protocols:   protocols,
		verify:      !check.SkipVerify,
		warning:     check.ExpiryWarning,
		minValidity: opt.MinValidity,
		trust:       trust{host: check.Host, roots: opt.Roots},
	}
}

// config is made for each look, so that thousands of idle checks hold none.
func (t *tlsClient) config() *tls.Config {
	return &tls.Config{
		ServerName: t.trust.host,
		NextProtos: t.protocols,
		// The chain is verified after the handshake and before anything is sent: by trust, which
		// remembers chains.
		InsecureSkipVerify:     true,
		SessionTicketsDisabled: true,
		// No hybrid post-quantum key share: a look has nothing to keep secret for decades, and it
		// would cost 0.2 ms of CPU.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
	}
}

// handshake wraps c in TLS.
func (t *tlsClient) handshake(c *conn, o *failover.Observation) (*tls.Conn, error) {
	start := time.Now()
	s := tls.Client(c.TCPConn, t.config())
	err := s.Handshake()
	o.Timings.TLS += time.Since(start)
	if err != nil {
		return nil, handshaking().failed(err)
	}
	if err := t.judge(s.ConnectionState().PeerCertificates, o, time.Now()); err != nil {
		return nil, err
	}
	return s, nil
}

// judge looks at the certificate.
func (t *tlsClient) judge(chain []*x509.Certificate, o *failover.Observation, now time.Time) error {
	o.Expiry = chain[0].NotAfter // crypto/tls fails a handshake without certificate
	if !t.verify {
		return nil
	}
	ends, err := t.trust.check(chain, now)
	if err != nil {
		return certificateFailed(err)
	}
	left := ends.Sub(now)
	switch {
	case left < t.minValidity:
		return fail(failover.CauseTLSExpired, "the certificate ends at %s, in %v, and must be valid for %v at least",
			ends.UTC().Format(time.RFC3339), left.Round(time.Minute), t.minValidity)
	case left < t.warning:
		o.Warning = fmt.Sprintf("the certificate ends in %d days, at %s", int(left.Hours()/24), ends.UTC().Format(time.RFC3339))
	}
	return nil
}

// trust verifies chains for one host and remembers the newest that was good, so that an
// unchanged chain costs a digest instead of signatures. Time counts at every look.
type trust struct {
	host  string
	roots *x509.CertPool

	mu          sync.Mutex
	digest      [sha256.Size]byte
	from, until time.Time // when every certificate of the verified chain is valid
}

// check returns when the first certificate of the chain ends.
func (t *trust) check(certs []*x509.Certificate, now time.Time) (time.Time, error) {
	digest := digestOf(certs)
	t.mu.Lock()
	defer t.mu.Unlock()
	if digest == t.digest && !now.Before(t.from) && !now.After(t.until) {
		return t.until, nil
	}
	chains, err := certs[0].Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: pool(certs[1:]), DNSName: t.host, CurrentTime: now,
	})
	if err != nil {
		return time.Time{}, err
	}
	t.digest, t.from, t.until = digest, time.Time{}, time.Time{}
	for _, chain := range chains { // the one that lasts longest counts
		if from, until := span(chain); until.After(t.until) {
			t.from, t.until = from, until
		}
	}
	return t.until, nil
}

// span is the time during which every certificate of the chain is valid.
func span(chain []*x509.Certificate) (from, until time.Time) {
	from, until = chain[0].NotBefore, chain[0].NotAfter
	for _, c := range chain[1:] {
		if c.NotBefore.After(from) {
			from = c.NotBefore
		}
		if c.NotAfter.Before(until) {
			until = c.NotAfter
		}
	}
	return from, until
}

func digestOf(certs []*x509.Certificate) (sum [sha256.Size]byte) {
	h := sha256.New()
	var size [8]byte
	for _, c := range certs {
		binary.BigEndian.PutUint64(size[:], uint64(len(c.Raw)))
		h.Write(size[:])
		h.Write(c.Raw)
	}
	h.Sum(sum[:0])
	return sum
}

func pool(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}
