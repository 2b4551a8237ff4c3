package fallback

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// recovered is an origin that came back, on a plain and on a TLS port.
type recovered struct {
	plain, secure *httptest.Server
	asked         atomic.Int32 // requests
}

// startOrigin starts an origin whose certificate the server of startOnward trusts.
func startOrigin(t testing.TB, certificate *tls.Certificate, handler http.HandlerFunc) *recovered {
	t.Helper()
	o := &recovered{}
	counting := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.asked.Add(1)
		handler(w, r)
	})
	o.plain, o.secure = httptest.NewUnstartedServer(counting), httptest.NewUnstartedServer(counting)
	o.secure.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}}
	o.secure.Config.ErrorLog = quiet(slog.New(slog.DiscardHandler))
	o.plain.Config.DisableGeneralOptionsHandler, o.secure.Config.DisableGeneralOptionsHandler = true, true
	o.plain.Start()
	o.secure.StartTLS()
	t.Cleanup(o.plain.Close)
	t.Cleanup(o.secure.Close)
	return o
}

func portOf(s *httptest.Server) uint16 { return uint16(s.Listener.Addr().(*net.TCPAddr).Port) }

func (o *recovered) onward() *failover.Onward {
	return &failover.Onward{Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, HTTP: portOf(o.plain), HTTPS: portOf(o.secure)}
}

// lame are the notices with the site www handed on.
func lame(t testing.TB, to *failover.Onward) []failover.Notice {
	ns := notices(t)
	ns[0].Onward = to
	return ns
}

// startOnward starts an origin, and a server that hands on to it.
func startOnward(t testing.TB, handler http.HandlerFunc, change func(*Options)) (running, *recovered) {
	t.Helper()
	certificate, roots := selfSigned(t)
	o := startOrigin(t, certificate, handler)
	r := start(t, func(options *Options) {
		options.OriginRoots = roots
		if change != nil {
			change(options)
		}
	})
	r.Publish(lame(t, o.onward()))
	return r, o
}

// impatient makes the server's patience short.
func (r running) impatient(t testing.TB, o *recovered, p patience) {
	if p.dial == 0 {
		p.dial = 5 * time.Second
	}
	if p.answer == 0 {
		p.answer = 20 * time.Second
	}
	if p.stall == 0 {
		p.stall = 20 * time.Second
	}
	r.Publish(notices(t))
	r.onward.patience = p
	r.Publish(lame(t, o.onward()))
}

// wantPage checks that an answer is the page that asks to come back soon.
func wantPage(t *testing.T, resp *http.Response, text string) {
	t.Helper()
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "30" || resp.Header.Get("Refresh") != "30" ||
		resp.Header.Get(SiteHeader) != "www" || resp.Header.Get("Cache-Control") != "no-store" || len(text) == 0 {
		t.Errorf("not the page: %d %v %.60q", resp.StatusCode, resp.Header, text)
	}
}

// endless is n zeros.
func endless(n int64) io.Reader { return io.LimitReader(zeros{}, n) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
