package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// raw answers with these bytes after a request, then waits for the other side.
func raw(reply string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		io.WriteString(c, reply)
		io.Copy(io.Discard, c)
	}
}

// rawClosed answers with these bytes after a request, then closes.
func rawClosed(reply string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		io.WriteString(c, reply)
	}
}

func TestHTTPStatusAndBody(t *testing.T) {
	only := func(from, to int) []failover.StatusRange { return []failover.StatusRange{{From: from, To: to}} }
	redirect := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://other.example.net/x?token=1", http.StatusMovedPermanently)
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		check   failover.Check
		cause   failover.Cause
		detail  string
	}{
		"200":                          {handler: answer(200, "hello")},
		"204":                          {handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }},
		"a redirect is an answer":      {handler: redirect},
		"404":                          {handler: answer(404, ""), cause: failover.CauseStatus, detail: "answered 404 Not Found, expected 200-399"},
		"500":                          {handler: answer(500, ""), cause: failover.CauseStatus},
		"expected 503":                 {handler: answer(503, ""), check: failover.Check{Status: only(503, 503)}},
		"unexpected 200":               {handler: answer(200, ""), check: failover.Check{Status: only(503, 503)}, cause: failover.CauseStatus, detail: "expected 503"},
		"unexpected redirect":          {handler: redirect, check: failover.Check{Status: only(200, 200)}, cause: failover.CauseRedirect, detail: "other.example.net"},
		"body matches":                 {handler: answer(200, "all is well"), check: failover.Check{Body: "is w.ll$"}},
		"body differs":                 {handler: answer(200, "Index of /"), check: failover.Check{Body: "is well"}, cause: failover.CauseBody, detail: `the body (10 bytes) does not match "is well"`},
		"body matches too late":        {handler: answer(200, strings.Repeat("x", maxBody)+"well"), check: failover.Check{Body: "well"}, cause: failover.CauseBody, detail: "first 1048576 bytes"},
		"body is long, nobody asks":    {handler: answer(200, strings.Repeat("x", 4*maxBody))},
		"HEAD has no body":             {handler: answer(200, "never sent"), check: failover.Check{Method: "HEAD"}},
		"the right answer, but slow":   {handler: answer(200, ""), check: failover.Check{Slow: time.Nanosecond}, cause: failover.CauseSlow},
		"a wrong answer, and slow":     {handler: answer(500, ""), check: failover.Check{Slow: time.Nanosecond}, cause: failover.CauseStatus},
		"the right answer, in a hurry": {handler: answer(200, ""), check: failover.Check{Slow: time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			at := serveHTTP(t, c.handler)
			c.check.Kind = failover.CheckHTTP
			o := once(t, c.check, at, Options{Vantage: "here"})
			want(t, o, c.cause)
			if !strings.Contains(o.Detail, c.detail) || strings.Contains(o.Detail, "token") {
				t.Errorf("detail %q, want %q and no secret", o.Detail, c.detail)
			}
			if o.Address != at.String() || o.Site != "www" || o.Check != "front" || o.Vantage != "here" || o.Role != failover.RoleOrigin {
				t.Errorf("identity: %+v", o)
			}
			if o.Timings.Connect <= 0 || o.Timings.FirstByte <= 0 || o.Timings.TLS != 0 || o.Timings.Resolve != 0 {
				t.Errorf("timings: %+v", o.Timings)
			}
		})
	}
}

func TestHTTPRawAnswers(t *testing.T) {
	short := 200 * time.Millisecond
	for name, c := range map[string]struct {
		talk  func(net.Conn)
		cause failover.Cause
	}{
		"interim answers":     {talk: raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")},
		"interim without end": {talk: raw(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10)), cause: failover.CauseProtocol},
		"chunked":             {talk: raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")},
		"until close":         {talk: rawClosed("HTTP/1.0 200 OK\r\n\r\nok")},
		"not HTTP":            {talk: rawClosed("220 mail.example.org ESMTP\r\n"), cause: failover.CauseProtocol},
		"a broken chunk":      {talk: raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), cause: failover.CauseProtocol},
		"two lengths":         {talk: raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"), cause: failover.CauseProtocol},
		"headers without end": {talk: func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			forever(c, "X: "+strings.Repeat("y", 1000)+"\r\n")
		}, cause: failover.CauseProtocol},
		"closed at once":       {talk: func(net.Conn) {}, cause: failover.CauseReset},
		"closed after request": {talk: readRequest, cause: failover.CauseReset},
		"closed in the head":   {talk: rawClosed("HTTP/1.1 200 OK\r\nConte"), cause: failover.CauseReset},
		"closed in the body":   {talk: rawClosed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), cause: failover.CauseReset},
		"reset":                {talk: func(c net.Conn) { readRequest(c); c.(*net.TCPConn).SetLinger(0) }, cause: failover.CauseReset},
		"silence":              {talk: func(c net.Conn) { io.Copy(io.Discard, c) }, cause: failover.CauseTimeout},
		"silence in the body":  {talk: raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), cause: failover.CauseTimeout},
		"byte by byte, never done": {talk: func(c net.Conn) {
			readRequest(c)
			drip(c, "HTTP/1.1 200 OK\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n\r\n")
		}, cause: failover.CauseTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := failover.Check{Kind: failover.CheckHTTP, Timeout: 5 * time.Second}
			if c.cause == failover.CauseTimeout {
				check.Timeout = short
			}
			want(t, once(t, check, serveConns(t, c.talk), Options{}), c.cause)
		})
	}
}

func forever(c net.Conn, text string) {
	for {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
	}
}

// drip sends one byte every 50 ms.
func drip(c net.Conn, text string) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for _, b := range []byte(text) {
		<-tick.C
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
	}
}

func TestHTTPRequest(t *testing.T) {
	got := make(chan string, 1)
	at := serveConns(t, func(c net.Conn) {
		buf := make([]byte, 4096)
		n, _ := c.Read(buf)
		got <- string(buf[:n])
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	check := failover.Check{Kind: failover.CheckHTTP, Host: "www.example.org", Path: "/healthz?deep=1", Method: "post",
		Header: map[string]string{"X-Probe": "failover"}}
	want(t, once(t, check, at, Options{UserAgent: "failover/1.2 (+health check)"}), "")
	text := <-got
	for _, line := range []string{"POST /healthz?deep=1 HTTP/1.1\r\n", fmt.Sprintf("Host: www.example.org:%d\r\n", at.Port()),
		"User-Agent: failover/1.2 (+health check)\r\n", "X-Probe: failover\r\n", "Connection: close\r\n", "Content-Length: 0\r\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in %q", line, text)
		}
	}
}

func TestRedirectsFollowed(t *testing.T) {
	var base string
	mux := http.NewServeMux()
	mux.HandleFunc("/", answer(404, ""))
	mux.HandleFunc("/end", answer(200, "well"))
	mux.HandleFunc("/post", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" {
			w.WriteHeader(405)
		}
	})
	for path, to := range map[string]string{
		"/relative": "/end", "/loop": "/loop", "/away": "https://other.example.net/", "/mail": "mailto:ops@example.org",
		"/bad": "http://%zz/", "/wild": "//shop.example.org%s/end", "/upper": "//WWW.example.org%s/end", "/deep": "//a.b.example.org%s/",
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", strings.Replace(to, "%s", base, 1))
			w.WriteHeader(302)
		})
	}
	mux.HandleFunc("/keep", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Location", "/post"); w.WriteHeader(308) })
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Location", "/post"); w.WriteHeader(303) })
	mux.HandleFunc("/304", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) })
	at := serveHTTP(t, mux)
	base = fmt.Sprint(":", at.Port())
	for path, cause := range map[string]failover.Cause{
		"/relative": "", "/loop": failover.CauseRedirect, "/away": failover.CauseRedirect, "/mail": failover.CauseRedirect,
		"/bad": failover.CauseRedirect, "/wild": "", "/upper": "", "/deep": failover.CauseRedirect,
		"/keep": "", "/get": failover.CauseStatus, "/304": "", "/none": failover.CauseStatus,
	} {
		check := failover.Check{Kind: failover.CheckHTTP, Path: path, FollowRedirects: true}
		if path == "/keep" || path == "/get" {
			check.Method = "POST"
		}
		t.Run(path, func(t *testing.T) {
			want(t, once(t, check, at, Options{Hosts: []string{"*.example.org."}}), cause)
		})
	}
}

// A check over TLS follows a redirect into the clear without the operator's own headers.
func TestOwnHeadersStayPrivate(t *testing.T) {
	ca := newAuthority(t)
	seen := make(chan string, 1)
	plain := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("X-Secret") }))
	secure := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Secret") != "canary" {
			w.WriteHeader(403)
			return
		}
		http.Redirect(w, r, fmt.Sprintf("http://www.example.org:%d/", plain.Port()), http.StatusFound)
	}), ca.leaf(t, time.Now().Add(time.Hour), "www.example.org"))
	check := failover.Check{Kind: failover.CheckHTTPS, FollowRedirects: true, Header: map[string]string{"X-Secret": "canary"}}
	want(t, once(t, check, secure, Options{Roots: ca.roots}), "")
	if got := <-seen; got != "" {
		t.Errorf("the header was sent in the clear: %q", got)
	}
}

func TestConnectCauses(t *testing.T) {
	for kind := range map[string]bool{failover.CheckHTTP: true, failover.CheckHTTPS: true, failover.CheckTCP: true, failover.CheckTLS: true} {
		t.Run(kind, func(t *testing.T) {
			want(t, once(t, failover.Check{Kind: kind}, closedPort(t), Options{}), failover.CauseRefused)
			hole := once(t, failover.Check{Kind: kind, Timeout: 200 * time.Millisecond}, blackHole(t), Options{})
			want(t, hole, failover.CauseConnectTimeout)
			if hole.Timings.Connect < 200*time.Millisecond || hole.Timings.FirstByte != 0 {
				t.Errorf("timings: %+v", hole.Timings)
			}
		})
	}
	listening := serveConns(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	want(t, once(t, failover.Check{Kind: failover.CheckTCP}, listening, Options{}), "")
}

func TestCancelledLookSaysNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	at := serveConns(t, func(c net.Conn) { readRequest(c); cancel(); io.Copy(io.Discard, c) })
	look, err := New("www", failover.Check{Kind: failover.CheckHTTP, Host: "example.org", Port: at.Port(), Timeout: time.Minute}, at.Addr(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if o := look(ctx); o.Health != failover.Unknown || o.Cause != "" {
		t.Errorf("got %+v", o)
	}
}

func TestPanicIsAFailedLook(t *testing.T) {
	var log bytes.Buffer
	opt := Options{Vantage: "here", Log: slog.New(slog.NewTextHandler(&log, nil))}
	l := look{identity: failover.Observation{Site: "www", Role: failover.RoleOrigin, Check: "front"},
		address: netip.MustParseAddrPort("192.0.2.1:443"),
		ask:     func(context.Context, *failover.Observation) error { panic("a defect") }}
	o := l.start(opt)(context.Background())
	want(t, o, failover.CausePanic)
	if o.Address != "192.0.2.1:443" || o.Vantage != "here" || o.Check != "front" {
		t.Errorf("identity: %+v", o)
	}
	if !strings.Contains(log.String(), "a defect") || !strings.Contains(log.String(), "http_test.go") {
		t.Errorf("the log lacks the stack: %s", log.String())
	}
}

func TestNewRefuses(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	for name, c := range map[string]struct {
		check failover.Check
		addr  netip.Addr
		text  string
	}{
		"kind":       {failover.Check{Kind: "icmp", Port: 1}, addr, "unknown kind"},
		"port":       {failover.Check{Kind: "tcp"}, addr, "no port"},
		"address":    {failover.Check{Kind: "tcp", Port: 1}, netip.Addr{}, "no address"},
		"path":       {failover.Check{Kind: "http", Host: "example.org", Path: "healthz"}, addr, "path"},
		"other host": {failover.Check{Kind: "http", Host: "example.org", Path: "//example.net/"}, addr, "path"},
		"host":       {failover.Check{Kind: "http", Host: "a b"}, addr, "host"},
		"no host":    {failover.Check{Kind: "http"}, addr, "host"},
		"body":       {failover.Check{Kind: "http", Host: "example.org", Body: "("}, addr, "regular expression"},
		"method":     {failover.Check{Kind: "http", Host: "example.org", Method: "G T"}, addr, "method"},
		"header":     {failover.Check{Kind: "http", Host: "example.org", Header: map[string]string{"a b": "c"}}, addr, "characters"},
		"injection":  {failover.Check{Kind: "http", Host: "example.org", Header: map[string]string{"a": "c\r\nd: e"}}, addr, "characters"},
		"Host":       {failover.Check{Kind: "http", Host: "example.org", Header: map[string]string{"host": "c"}}, addr, "host ="},
		"length":     {failover.Check{Kind: "http", Host: "example.org", Header: map[string]string{"content-length": "1"}}, addr, "belongs"},
		"type":       {failover.Check{Kind: "dns", Host: "example.org", RRType: "B"}, addr, "cannot ask"},
		"answer":     {failover.Check{Kind: "dns", Host: "example.org", RRType: "A", Answer: "x"}, addr, "not a value"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New("www", c.check, c.addr, Options{})
			if err == nil || !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), "site www, check ") {
				t.Errorf("got %v, want %q", err, c.text)
			}
		})
	}
}

func TestSNIAndHost(t *testing.T) {
	ca := newAuthority(t)
	seen := make(chan *tls.ConnectionState, 1)
	at := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Host, "www.example.org") {
			w.WriteHeader(421)
		}
		seen <- r.TLS
	}), ca.leaf(t, time.Now().Add(time.Hour), "www.example.org"))
	want(t, once(t, failover.Check{Kind: failover.CheckHTTPS}, at, Options{Roots: ca.roots}), "")
	if state := <-seen; state.ServerName != "www.example.org" || state.NegotiatedProtocol != "http/1.1" || state.DidResume {
		t.Errorf("got %+v", state)
	}
}
