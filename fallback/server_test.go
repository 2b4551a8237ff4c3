package fallback

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
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

// ways are all the roads a visitor can take.
func ways(t *testing.T, r running) map[string]struct {
	client *http.Client
	scheme string
} {
	type way = struct {
		client *http.Client
		scheme string
	}
	all := map[string]way{}
	for i, family := range []string{"v4", "v6"} {
		all["http "+family] = way{r.client(t, r.http[i], false), "http"}
		all["https h1 "+family] = way{r.client(t, r.https[i], false), "https"}
		all["https h2 "+family] = way{r.client(t, r.https[i], true), "https"}
	}
	return all
}

func do(t *testing.T, c *http.Client, method, url string, header map[string]string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestFailedOverHost(t *testing.T) {
	r := start(t, nil)
	page := string(notices(t)[0].Pages[0].HTML)
	for name, way := range ways(t, r) {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"} {
				for _, path := range []string{"/", "/robots.txt", "/a/b?c=d", "/.well-known/acme-challenge/x"} {
					resp, text := do(t, way.client, method, way.scheme+"://www.example.org"+path, nil)
					if resp.StatusCode != 503 {
						t.Fatalf("%s %s: status %d", method, path, resp.StatusCode)
					}
					want := map[string]string{
						"Retry-After": "300", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8", "Content-Language": "en",
						"Content-Length": fmt.Sprint(len(page)), "Vary": "Accept, Accept-Encoding, Accept-Language", SiteHeader: "www",
						"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Content-Security-Policy": strict,
						"Location": "", "Alt-Svc": "", "Content-Encoding": "",
					}
					for k, v := range want {
						if got := resp.Header.Get(k); got != v {
							t.Errorf("%s %s: %s = %q, want %q", method, path, k, got, v)
						}
					}
					if body := page; method != "HEAD" && text != body || method == "HEAD" && text != "" {
						t.Errorf("%s %s: wrong body of %d bytes", method, path, len(text))
					}
				}
			}
			if major := resp(t, way.client, way.scheme); strings.Contains(name, "h2") != (major == 2) {
				t.Errorf("HTTP/%d", major)
			}
		})
	}
}

func resp(t *testing.T, c *http.Client, scheme string) int {
	r, _ := do(t, c, "GET", scheme+"://example.org/", nil)
	return r.ProtoMajor
}

func TestHosts(t *testing.T) {
	r := start(t, nil)
	c := r.client(t, r.http[0], false)
	for _, tc := range []struct {
		host   string
		status int
		site   string
		text   string
	}{
		{"example.org", 503, "www", "Out of service"},
		{"EXAMPLE.org:8080", 503, "www", "Out of service"},
		{"example.org.", 503, "www", "Out of service"},
		{"a.apps.example.org", 503, "www", "Out of service"},
		{"c.b.a.apps.example.org", 503, "www", "Out of service"},
		{"apps.example.org", 421, "", notOurs},
		{"shop.example.net", 503, "shop", notServing},
		{"example.com", 421, "", notOurs},
		{"org", 421, "", notOurs},
		{"127.0.0.1", 421, "", notOurs},
		{"[::1]:80", 421, "", notOurs},
		{strings.Repeat("a.", 2000) + "apps.example.org", 421, "", notOurs},
	} {
		req, _ := http.NewRequest("GET", "http://example.org/", nil)
		req.Host = tc.host
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tc.status || resp.Header.Get(SiteHeader) != tc.site || !strings.Contains(string(text), tc.text) {
			t.Errorf("%.40s: %d, site %q, %.60s", tc.host, resp.StatusCode, resp.Header.Get(SiteHeader), text)
		}
		if resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%.40s: may be stored", tc.host)
		}
		if retry := resp.Header.Get("Retry-After"); (retry != "") != (tc.status == 503) {
			t.Errorf("%.40s: Retry-After %q", tc.host, retry)
		}
		if tc.site != "www" && !resp.Close {
			t.Errorf("%.40s: the connection stays open", tc.host)
		}
	}
}

func TestPublishSwapsAtOnce(t *testing.T) {
	r := start(t, nil)
	c := r.client(t, r.https[0], true)
	ns := notices(t)
	ns[0].Serving, ns[1].Serving = false, true
	r.Publish(ns)
	if resp, text := do(t, c, "GET", "https://example.org/", nil); text != notServing || !headerHas(resp, SiteHeader, "www") {
		t.Errorf("recovered site still gets %.40q", text)
	}
	if _, text := do(t, c, "GET", "https://shop.example.net/", nil); !strings.Contains(text, "Out of service") {
		t.Errorf("failed-over site gets %.40q", text)
	}
	r.Publish(nil)
	if resp, _ := do(t, r.client(t, r.http[0], false), "GET", "http://example.org/", nil); resp.StatusCode != 421 {
		t.Errorf("removed site gets %d", resp.StatusCode)
	}
}

func headerHas(r *http.Response, k, v string) bool { return r.Header.Get(k) == v }

func TestNoticeWithoutPages(t *testing.T) {
	r := start(t, nil)
	r.Publish([]failover.Notice{{Site: "x", Hosts: []string{"example.org."}, Serving: true}})
	resp, text := do(t, r.client(t, r.http[0], false), "GET", "http://example.org/", nil)
	if resp.StatusCode != 503 || !strings.Contains(text, "out of service") || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %q", resp.StatusCode, text)
	}
}

func TestStatusPath(t *testing.T) {
	r := start(t, func(o *Options) {
		o.Health = func(site string) (bool, bool) { return false, site == "www" }
	})
	c := r.client(t, r.http[0], false)
	for host, want := range map[string]string{
		"example.org":      `{"site":"www","serving":true,"healthy":false}`,
		"shop.example.net": `{"site":"shop","serving":false}`,
	} {
		resp, text := do(t, c, "GET", "http://"+host+StatusPath, nil)
		if resp.StatusCode != 200 || strings.TrimSpace(text) != want || !json.Valid([]byte(text)) || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", host, resp.StatusCode, text)
		}
	}
	if resp, _ := do(t, c, "GET", "http://example.com"+StatusPath, nil); resp.StatusCode != 421 {
		t.Errorf("unknown host: %d", resp.StatusCode)
	}
}

func TestUnknownServerName(t *testing.T) {
	asked := 0
	r := start(t, func(o *Options) {
		o.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { asked++; return nil, nil }
	})
	for _, name := range []string{"example.com", "", "*.example.org"} {
		_, err := tls.Dial("tcp", r.https[0].String(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if asked != 0 {
		t.Error("the certificate store was asked for a name that is not ours")
	}
}

func TestBindErrorNamesAddressAndReason(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := netip.MustParseAddrPort(taken.Addr().String())
	s := New(Options{HTTP: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, HTTPS: []netip.AddrPort{at}})
	err = s.Start()
	if err == nil || !strings.Contains(err.Error(), at.String()) || !strings.Contains(err.Error(), "address already in use") || !strings.Contains(err.Error(), "try:") {
		t.Errorf("got %v", err)
	}
}

func TestListensToBothFamilies(t *testing.T) {
	for _, any := range []netip.AddrPort{{}, netip.MustParseAddrPort("[::]:0")} {
		r := start(t, func(o *Options) { o.HTTP = []netip.AddrPort{any}; o.HTTPS = nil })
		for _, ip := range []string{"127.0.0.1", "::1"} {
			to := netip.AddrPortFrom(netip.MustParseAddr(ip), r.http[0].Port())
			if resp, _ := do(t, r.client(t, to, false), "GET", "http://example.org/", nil); resp.StatusCode != 503 {
				t.Errorf("%v: %d", to, resp.StatusCode)
			}
		}
	}
	network, address := target(netip.MustParseAddrPort("[::]:80"), []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:80")})
	if network != "tcp6" || address != "[::]:80" {
		t.Errorf("%s %s", network, address)
	}
}

// raw sends bytes and returns the first answer's header, and everything until the server closes.
func raw(t *testing.T, to netip.AddrPort, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(15 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%v after %q", err, all)
	}
	return string(all)
}

func TestBodiesAreNotInvited(t *testing.T) {
	r := start(t, nil)
	got := raw(t, r.http[0], "POST /login HTTP/1.1\r\nHost: example.org\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 503") || strings.Contains(got, "100 Continue") {
		t.Errorf("got %.60q", got)
	}
}

func TestSmallBodyKeepsTheConnectionUsable(t *testing.T) {
	r := start(t, nil)
	c := r.client(t, r.https[0], false)
	for range 3 {
		resp, err := c.Post("https://example.org/", "text/plain", strings.NewReader(strings.Repeat("x", 10_000)))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 503 {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
}

func TestConnectTraceAndOldClients(t *testing.T) {
	r := start(t, nil)
	for request, want := range map[string]string{
		"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nConnection: close\r\n\r\n": "HTTP/1.1 503",
		"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n":                      "HTTP/1.1 421",
		"OPTIONS * HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n":                   "HTTP/1.1 503",
		"GET / HTTP/1.0\r\n\r\n":                      "HTTP/1.0 421",
		"GET / HTTP/1.0\r\nHost: example.org\r\n\r\n": "HTTP/1.0 503",
		"GET http://example.org/x HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n": "HTTP/1.1 503",
		"GET / HTTP/1.1\r\n\r\n": "HTTP/1.1 400",
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 40<<10) + "\r\n\r\n": "HTTP/1.1 431",
	} {
		if got := raw(t, r.http[0], request); !strings.HasPrefix(got, want) {
			t.Errorf("%.40q: got %.40q, want %q", request, got, want)
		}
	}
	trace := raw(t, r.http[0], "TRACE / HTTP/1.1\r\nHost: example.org\r\nCookie: secret=1\r\nConnection: close\r\n\r\n")
	if strings.Contains(trace, "secret") {
		t.Error("TRACE reflects the request")
	}
}

func TestConnectionsEnd(t *testing.T) {
	r := start(t, nil)
	conn, err := net.Dial("tcp", r.http[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for i := 1; ; i++ {
		if _, err := io.WriteString(conn, "HEAD / HTTP/1.1\r\nHost: example.org\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(reader, &http.Request{Method: "HEAD"})
		if err != nil {
			t.Fatal(err)
		}
		if resp.Close != (i == connectionRequests) {
			t.Fatalf("request %d: close %v", i, resp.Close)
		}
		if resp.Close {
			return
		}
	}
}

func TestShareOfOneClient(t *testing.T) {
	r := start(t, func(o *Options) { o.MaxPerClient = 3 })
	var open []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", r.http[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "HEAD / HTTP/1.1\r\nHost: example.org\r\n\r\n")
		if _, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: "HEAD"}); err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	over, err := net.Dial("tcp", r.http[0].String())
	if err == nil {
		over.SetDeadline(time.Now().Add(10 * time.Second))
		if n, err := over.Read(make([]byte, 1)); err == nil {
			t.Errorf("a fourth connection got %d bytes", n)
		}
		over.Close()
	}
	if resp, _ := do(t, r.client(t, r.http[1], false), "GET", "http://example.org/", nil); resp.StatusCode != 503 {
		t.Errorf("another client: %d", resp.StatusCode)
	}
	open[0].Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for { // the place is free as soon as the server notices
		c := r.client(t, r.http[0], false)
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://example.org/", nil)
		resp, err := c.Do(req)
		if err == nil {
			resp.Body.Close()
			return
		}
		if ctx.Err() != nil {
			t.Fatal("the place of a closed connection was not given back")
		}
	}
}

func TestStats(t *testing.T) {
	r := start(t, nil)
	c := r.client(t, r.http[0], false)
	do(t, c, "GET", "http://example.org/", nil)
	do(t, c, "GET", "http://example.org/", map[string]string{"Accept": "application/json"})
	if open := r.Stats().Open; open != 1 {
		t.Errorf("%d open", open)
	}
	do(t, c, "GET", "http://shop.example.net/", nil)
	do(t, c, "GET", "http://example.com/", nil)
	if s := r.Stats(); s.Pages != 1 || s.Problems != 1 || s.NotServing != 1 || s.Unknown != 1 || s.Refused != 0 {
		t.Errorf("%+v", s)
	}
}

func TestStopEndsOpenConnections(t *testing.T) {
	s := New(Options{HTTP: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Log: slog.New(slog.DiscardHandler)})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	addrs, _ := s.Addrs()
	conn, err := net.Dial("tcp", addrs[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HT") // never finished
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.Stop(ctx)
	if _, err := net.Dial("tcp", addrs[0].String()); err == nil {
		t.Error("still listens")
	}
	if s.Start() == nil {
		t.Error("a stopped server starts again")
	}
}
