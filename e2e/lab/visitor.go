package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Visitor is a client that trusts certain roots and finds hosts through a resolver, or at one address.
type Visitor struct {
	Roots    *x509.CertPool
	Resolver string // host:port; empty: At is dialled for every host
	At       string // IP address
	Accept   string // the Accept header
}

// Visit is one request and its answer.
type Visit struct {
	At      time.Time
	Address string // that was dialled
	Status  int
	Header  http.Header
	Body    string
	Issuer  string // common name of the certificate's issuer
	Err     error
}

// Get asks for https://host/ over a new connection.
func (v Visitor) Get(host string) Visit {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	visit := Visit{}
	dialled := make(chan string, 1) // the transport dials in a goroutine of its own
	transport := &http.Transport{
		DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: v.Roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			addr, err := v.lookup(host)
			if err != nil {
				return nil, err
			}
			dialled <- addr // one request, no keep-alive: one dial
			return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, net.JoinHostPort(addr, "443"))
		},
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/", nil)
	if err != nil {
		return Visit{At: time.Now(), Err: err}
	}
	if v.Accept != "" {
		request.Header.Set("Accept", v.Accept)
	}
	response, err := transport.RoundTrip(request)
	select {
	case visit.Address = <-dialled:
	default: // the name was not resolved
	}
	if err != nil {
		visit.At, visit.Err = time.Now(), err
		return visit
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	visit.At, visit.Err, visit.Body = time.Now(), err, string(body)
	visit.Status, visit.Header = response.StatusCode, response.Header
	if response.TLS != nil {
		visit.Issuer = response.TLS.PeerCertificates[0].Issuer.CommonName
	}
	return visit
}

// lookup returns an address of the host, IPv6 last as there is none on loopback that is the origin's.
func (v Visitor) lookup(host string) (string, error) {
	if v.Resolver == "" {
		return v.At, nil
	}
	values, err := Values(v.Resolver, dns.Fqdn(host), dns.TypeA)
	if err != nil {
		return "", err
	}
	if len(values) == 0 {
		return "", fmt.Errorf("%s has no address at %s", host, v.Resolver)
	}
	return values[0], nil
}

// Constant visits a host over and over and remembers each change of what it gets.
type Constant struct {
	mu     sync.Mutex
	visits int
	turns  []Visit // the first of each run of same status
}

// Visit makes the visitor ask for the host every 25 ms until the test ends.
func (l *Lab) Visit(v Visitor, host string) *Constant {
	c := &Constant{}
	l.Go(func(ctx context.Context) {
		ticker := time.NewTicker(25 * time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			c.note(v.Get(host))
			<-ticker.C
		}
	})
	return c
}

func (c *Constant) note(v Visit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.visits++
	if n := len(c.turns); n == 0 || c.turns[n-1].Status != v.Status || c.turns[n-1].Address != v.Address {
		c.turns = append(c.turns, v)
	}
}

// First returns the first visit after a time that got the status, if any.
func (c *Constant) First(after time.Time, status int) (Visit, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.turns {
		if v.At.After(after) && v.Status == status {
			return v, true
		}
	}
	return Visit{}, false
}

// Check fails the test if any visit got something else than is right at its time.
func (c *Constant) Check(t testing.TB, right func(Visit) bool) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.turns {
		if !right(v) {
			t.Errorf("at %s a visitor got status %d, error %v", v.At.Format(time.RFC3339Nano), v.Status, v.Err)
		}
	}
	t.Logf("%d visits were answered as they should be", c.visits)
}
