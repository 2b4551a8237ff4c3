package fallback

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"github.com/failover-dns/failover/failover"
)

// discard is a ResponseWriter that costs as little as possible.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header               { return d.header }
func (d *discard) WriteHeader(int)                   {}
func (d *discard) Write(p []byte) (int, error)       { return len(p), nil }
func (d *discard) WriteString(s string) (int, error) { return len(s), nil }

// BenchmarkHandler is the cost of an answer without the network.
func BenchmarkHandler(b *testing.B) {
	s := New(Options{})
	s.Publish(notices(b))
	browser := http.Header{"Accept-Language": {"ja,en-US;q=0.9,en;q=0.8"}, "Accept-Encoding": {"gzip, deflate, br, zstd"},
		"Accept": {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}}
	for name, r := range map[string]*http.Request{
		"browser": {Method: "GET", Host: "www.example.org", URL: &url.URL{Path: "/"}, Header: browser},
		"curl":    {Method: "GET", Host: "www.example.org", URL: &url.URL{Path: "/"}, Header: http.Header{"Accept": {"*/*"}}},
		"unknown": {Method: "GET", Host: "example.com", URL: &url.URL{Path: "/"}, Header: http.Header{}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := &discard{http.Header{}}
			for b.Loop() {
				clear(w.header)
				s.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkSockets prints requests/s over loopback, client included.
func BenchmarkSockets(b *testing.B) {
	run := start(b, nil)
	for name, way := range map[string]struct {
		client *http.Client
		url    string
	}{
		"http":     {run.client(b, run.http[0], false), "http://www.example.org/"},
		"https-h1": {run.client(b, run.https[0], false), "https://www.example.org/"},
		"https-h2": {run.client(b, run.https[0], true), "https://www.example.org/"},
	} {
		way.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 16
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					req, _ := http.NewRequestWithContext(context.Background(), "GET", way.url, nil)
					req.Header.Set("Accept-Encoding", "br")
					resp, err := way.client.Do(req)
					if err != nil {
						b.Error(err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// BenchmarkHandshake prints full TLS handshakes/s, which is what a dead site's visitors cost first.
func BenchmarkHandshake(b *testing.B) {
	run := start(b, nil)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			conn, err := tls.Dial("tcp", run.https[0].String(), &tls.Config{RootCAs: run.roots, ServerName: "example.org"})
			if err != nil {
				b.Error(err)
				return
			}
			conn.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "handshakes/s")
}

// BenchmarkPublish is the cost of a new table for 5,000 sites.
func BenchmarkPublish(b *testing.B) {
	one := notices(b)[0]
	var all []failover.Notice
	for i := range 5000 {
		n := one
		n.Site, n.Hosts = fmt.Sprintf("s%d", i), []string{fmt.Sprintf("s%d.example.org.", i), fmt.Sprintf("www.s%d.example.org.", i)}
		all = append(all, n)
	}
	s := New(Options{})
	for b.Loop() {
		s.Publish(all)
	}
}

// BenchmarkOnward prints requests/s that are handed on to an origin on the same machine, visitor
// and origin included, and what the same origin does when it is asked directly.
func BenchmarkOnward(b *testing.B) {
	run, o := startOnward(b, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "answer") }, nil)
	direct := running{roots: run.roots}
	for name, way := range map[string]struct {
		client *http.Client
		url    string
	}{
		"http":     {run.client(b, run.http[0], false), "http://example.org/"},
		"https-h1": {run.client(b, run.https[0], false), "https://example.org/"},
		"https-h2": {run.client(b, run.https[0], true), "https://example.org/"},
		"direct":   {direct.client(b, netip.MustParseAddrPort(o.plain.Listener.Addr().String()), false), "http://example.org/"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resp, err := way.client.Get(way.url)
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
	if s := run.Stats(); s.Stranded != 0 {
		b.Errorf("%d were not handed on", s.Stranded)
	}
}
