package fallback

import (
	"bytes"
	gz "compress/gzip"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	br "github.com/andybalholm/brotli"

	"github.com/failover-dns/failover/failover"
)

// FuzzRequest checks what holds for every request: a failed-over host gets 503 and a whole page
// of its own, another host of ours a plain 503, everybody else 421.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "example.org", "/", "ja,en;q=0.5", "gzip, br;q=0.1", "text/html")
	f.Add("HEAD", "x.apps.example.org:80", "/robots.txt", "*", "*;q=0", "application/json")
	f.Add("OPTIONS", "SHOP.example.net.", "*", "i-klingon,,;q=", "identity;q=0", "*/*;q=0.001")
	f.Add("POST", "[::1]:80", StatusPath, "", "", "")
	f.Add("GET", "192.0.2.1", HealthPath+"www", "", "", "")
	f.Add("GET", "shop.example.net", ReadyPath, "", "", "")
	s := New(Options{AtOrigin: func(string) (bool, bool) { return true, true }})
	s.Publish(notices(f))
	ours := notices(f)[0]
	whole := map[string]bool{string(ours.Pages[0].HTML): true, string(ours.Pages[1].HTML): true, problemText: true}
	f.Fuzz(func(t *testing.T, method, host, path, language, coding, accept string) {
		r := &http.Request{Method: method, Host: host, URL: &url.URL{Path: path}, Header: http.Header{
			"Accept-Language": {language}, "Accept-Encoding": {coding}, "Accept": {accept}}}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		got, text := w.Result(), w.Body.Bytes()
		if method != "HEAD" && got.Header.Get("Content-Length") != strconv.Itoa(len(text)) || method == "HEAD" && len(text) > 0 {
			t.Fatalf("length %s, body %d", got.Header.Get("Content-Length"), len(text))
		}
		if got.Header.Get("Cache-Control") != "no-store" {
			t.Fatal("may be stored")
		}
		if name, health := strings.CutPrefix(path, HealthPath); health {
			if known := name == "www" || name == "shop"; known != (got.StatusCode == 200) || !known && got.StatusCode != 404 {
				t.Fatalf("health of %q: %d", name, got.StatusCode)
			}
			return
		}
		switch site := got.Header.Get(SiteHeader); {
		case site == "" && got.StatusCode != 421,
			site != "" && path == StatusPath && got.StatusCode != 200,
			site != "" && path != StatusPath && (got.StatusCode != 503 || got.Header.Get("Retry-After") == ""):
			t.Fatalf("site %q: status %d", site, got.StatusCode)
		case site == "www" && path != StatusPath && path != ReadyPath && method != "HEAD" && !whole[decode(t, got.Header.Get("Content-Encoding"), text)]:
			t.Fatal("not a page of the site")
		}
	})
}

func decode(t *testing.T, coding string, text []byte) string {
	var from io.Reader = bytes.NewReader(text)
	switch coding {
	case "gzip":
		unzip, err := gz.NewReader(from)
		if err != nil {
			t.Fatal(err)
		}
		from = unzip
	case "br":
		from = br.NewReader(from)
	}
	plain, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// FuzzHandOn checks where a request leads that is handed on: the URL's host is a host of the site
// and the origin's port, and what came along with the host is gone.
func FuzzHandOn(f *testing.F) {
	f.Add("GET", "example.org", "/a%2fb?c", "")
	f.Add("GET", "x.apps.example.org:80", "http://user@192.0.2.1/", "www")
	f.Add("CONNECT", "EXAMPLE.org.:65536", "//192.0.2.1/", "")
	s := New(Options{})
	s.Publish(lame(f, &failover.Onward{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.10")}, HTTP: 8080, HTTPS: 8443}))
	var out *http.Request
	s.onward.origins["www"].proxy.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		out = r
		return &http.Response{StatusCode: 204, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
	f.Fuzz(func(t *testing.T, method, host, target, marker string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.Host, r.URL, out = method, host, u, nil
		if marker != "" {
			r.Header.Set(OnwardHeader, marker)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if (out != nil) != (w.Code == 204) {
			t.Fatalf("status %d", w.Code)
		}
		if out == nil {
			return
		}
		name, port, err := net.SplitHostPort(out.URL.Host)
		if err != nil || port != "8080" || out.URL.Scheme != "http" || out.URL.User != nil || out.URL.Opaque != "" || marker != "" ||
			name != "example.org" && name != "www.example.org" && !strings.HasSuffix(name, ".apps.example.org") ||
			strings.ContainsAny(out.Host, "/@[]?# ") || out.Header.Get(OnwardHeader) != "www" {
			t.Fatalf("%s %s of %q leads to %q, Host %q", method, target, host, out.URL, out.Host)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
