package fallback

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// TestHandedOn compares what the origin is asked, and what the visitor gets, on every road.
func TestHandedOn(t *testing.T) {
	var seen *http.Request
	var body string
	r, _ := startOnward(t, func(w http.ResponseWriter, req *http.Request) {
		text, _ := io.ReadAll(req.Body)
		seen, body = req.Clone(req.Context()), string(text)
		h := w.Header()
		h.Set("Alt-Svc", `h3=":443"`)
		h.Set("Set-Cookie", "a=b")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		h.Set("Keep-Alive", "timeout=5")
		h.Set(SiteHeader, "spoofed")
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, "made")
	}, nil)
	for name, way := range ways(t, r) {
		t.Run(name, func(t *testing.T) {
			req, _ := http.NewRequest("PUT", way.scheme+"://www.example.org/a%2Fb//c?x=1;y=%zz&z", strings.NewReader("content"))
			for k, v := range map[string]string{"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher",
				"Proxy-Authorization": "secret", "Cookie": "c=d", "Authorization": "Bearer x", "Accept-Encoding": "zstd"} {
				req.Header.Set(k, v)
			}
			resp, err := way.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusCreated || string(text) != "made" {
				t.Fatalf("the visitor gets %d %q %v", resp.StatusCode, text, err)
			}
			for k, want := range map[string]string{"Alt-Svc": "", "X-Hop": "", "Keep-Alive": "", "Set-Cookie": "a=b", SiteHeader: "www", "Cache-Control": "", "Retry-After": ""} {
				if got := resp.Header.Get(k); got != want {
					t.Errorf("answer: %s = %q, want %q", k, got, want)
				}
			}
			if seen.Method != "PUT" || seen.RequestURI != "/a%2Fb//c?x=1;y=%zz&z" || seen.Host != "www.example.org" || body != "content" || seen.ContentLength != 7 {
				t.Errorf("the origin was asked %s %s of %s, %q", seen.Method, seen.RequestURI, seen.Host, body)
			}
			if way.scheme == "https" && (seen.TLS == nil || seen.TLS.ServerName != "www.example.org") || way.scheme == "http" && seen.TLS != nil {
				t.Errorf("TLS: %+v", seen.TLS)
			}
			client := map[bool]string{true: "::1", false: "127.0.0.1"}[strings.HasSuffix(name, "v6")]
			for k, want := range map[string]string{"X-Forwarded-For": "192.0.2.9, " + client, "X-Forwarded-Host": "www.example.org", "X-Forwarded-Proto": way.scheme,
				"Proxy-Authorization": "", "Cookie": "c=d", "Authorization": "Bearer x", "Accept-Encoding": "zstd", OnwardHeader: "www", "User-Agent": "Go-http-client/" + fmt.Sprint(resp.ProtoMajor) + "." + fmt.Sprint(resp.ProtoMinor)} {
				if got := seen.Header.Get(k); got != want {
					t.Errorf("request: %s = %q, want %q", k, got, want)
				}
			}
		})
	}
	if s := r.Stats(); s.Onward != 6 || s.Stranded != 0 {
		t.Errorf("%+v", s)
	}
}

// TestHostileRequestsOnward: whatever a request says, it leads to the origin or nowhere.
func TestHostileRequestsOnward(t *testing.T) {
	canary := listenCanary(t)
	var uri, host, auth string
	r, o := startOnward(t, func(w http.ResponseWriter, req *http.Request) {
		uri, host, auth = req.RequestURI, req.Host, req.Header.Get("Authorization")
	}, nil)
	const site = " HTTP/1.1\r\nConnection: close\r\nHost: example.org\r\n"
	for request, want := range map[string]struct{ status, uri, host string }{
		"GET http://user:pw@example.org/x" + site + "\r\n":                                                  {"200", "/x", "example.org"},
		"GET http://example.org:81/x" + site + "\r\n":                                                       {"200", "/x", "example.org:81"},
		"GET //" + canary.at + "/x" + site + "\r\n":                                                         {"200", "//" + canary.at + "/x", "example.org"},
		"GET /../../x?u=http://" + canary.at + "/" + site + "\r\n":                                          {"200", "/../../x?u=http://" + canary.at + "/", "example.org"},
		"OPTIONS *" + site + "\r\n":                                                                         {"200", "*", "example.org"},
		"GET http://" + canary.at + "/x" + site + "\r\n":                                                    {"421", "", ""},
		"GET http:" + canary.at + "/x" + site + "\r\n":                                                      {"503", "", ""},
		"GET http:@" + canary.at + "/x" + site + "\r\n":                                                     {"503", "", ""},
		"CONNECT " + canary.at + " HTTP/1.1\r\nHost: example.org\r\n\r\n":                                   {"421", "", ""},
		"CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\nConnection: close\r\n\r\n":              {"503", "", ""},
		"GET / HTTP/1.1\r\nConnection: close\r\nHost: example.org:80@" + canary.at + "\r\n\r\n":             {"400", "", ""},
		"GET / HTTP/1.1\r\nConnection: close\r\nHost: example.org:\r\n\r\n":                                 {"503", "", ""},
		"GET / HTTP/1.1\r\nConnection: close\r\nHost: " + canary.at + "\r\n\r\n":                            {"421", "", ""},
		"GET / HTTP/1.1\r\nConnection: close\r\nHost: a@b.apps.example.org\r\n\r\n":                         {"400", "", ""},
		"GET / HTTP/1.1\r\nConnection: close\r\nHost: [::1].apps.example.org\r\n\r\n":                       {"421", "", ""},
		"GET / HTTP/1.1\r\nConnection: close\r\nHost: EXAMPLE.org.:80\r\n\r\n":                              {"200", "/", "EXAMPLE.org.:80"},
		"GET / HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1.apps.example.org\r\n\r\n":                   {"200", "/", "127.0.0.1.apps.example.org"},
		"GET /" + site + OnwardHeader + ": www\r\n\r\n":                                                     {"503", "", ""},
		"POST /" + site + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /y HTTP/1.1": {"200", "/", "example.org"},
		"GET " + ReadyPath + site + "\r\n":                                                                  {"503", "", ""},
		"GET /.well-known/failover/%72eady" + site + "\r\n":                                                 {"503", "", ""},
		"GET " + StatusPath + site + "\r\n":                                                                 {"200", "", ""},
		"GET " + HealthPath + "www" + site + "\r\n":                                                         {"503", "", ""},
	} {
		uri, host, auth = "", "", ""
		before := o.asked.Load()
		got := raw(t, r.http[0], request)
		if !strings.HasPrefix(got, "HTTP/1.1 "+want.status) || uri != want.uri || host != want.host || auth != "" {
			t.Errorf("%.80q: %.15q, origin asked for %q of %q, authorization %q", request, got, uri, host, auth)
		}
		if asked := o.asked.Load() - before; asked > 1 || asked == 1 != (want.host != "") {
			t.Errorf("%.80q: %d requests", request, asked)
		}
	}
	if n := canary.hits.Load(); n != 0 {
		t.Errorf("%d connections to a place that is not the origin", n)
	}
}

func TestDeadOrigins(t *testing.T) {
	certificate, roots := selfSigned(t)
	o := startOrigin(t, certificate, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "well") })
	stranger, _ := selfSigned(t)
	untrusted := startOrigin(t, stranger, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "well") })
	r := start(t, func(options *Options) { options.OriginRoots = roots })
	refusing := listenCanary(t)
	refusing.close()
	good, bad := o.onward(), netip.MustParseAddrPort(refusing.at)
	for name, c := range map[string]struct {
		to   failover.Onward
		well bool
	}{
		"refused":       {failover.Onward{Addresses: good.Addresses, HTTP: bad.Port(), HTTPS: bad.Port()}, false},
		"untrusted":     {*untrusted.onward(), false},
		"skip verify":   {failover.Onward{Addresses: good.Addresses, HTTPS: portOf(untrusted.secure), SkipVerify: true}, true},
		"not TLS":       {failover.Onward{Addresses: good.Addresses, HTTPS: good.HTTP}, false},
		"the last well": {failover.Onward{Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::1"), good.Addresses[0]}, HTTPS: good.HTTPS}, true},
		"no address":    {failover.Onward{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r.Publish(lame(t, &c.to))
			for _, h2 := range []bool{false, true} {
				for _, method := range []string{"GET", "POST"} {
					resp, text := do(t, r.client(t, r.https[0], h2), method, "https://example.org/", nil)
					switch {
					case c.well && (resp.StatusCode != 200 || text != "well"):
						t.Errorf("%s: %d %.40q", method, resp.StatusCode, text)
					case name == "no address": // the plain page
						if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "300" {
							t.Errorf("%s: %d %v", method, resp.StatusCode, resp.Header)
						}
					case !c.well:
						wantPage(t, resp, text)
					}
				}
			}
		})
	}
}

// TestNameOfTheCertificate: an origin that has no certificate for the host is not trusted with it.
func TestNameOfTheCertificate(t *testing.T) {
	r, _ := startOnward(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "well") }, nil)
	c := r.client(t, r.https[0], false)
	c.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true // our own certificate does not matter here
	if resp, text := do(t, c, "GET", "https://example.org/", nil); resp.StatusCode != 200 {
		t.Errorf("%d %.40q", resp.StatusCode, text)
	}
	resp, text := do(t, c, "GET", "https://a.apps.example.org/", nil)
	wantPage(t, resp, text)
}

// TestLoop: an origin that is ourselves does not go round in circles.
func TestLoop(t *testing.T) {
	r := start(t, nil)
	r.Publish(lame(t, &failover.Onward{Addresses: []netip.Addr{r.http[0].Addr()}, HTTP: r.http[0].Port(), HTTPS: r.https[0].Port(), SkipVerify: true}))
	for _, way := range ways(t, r) {
		resp, text := do(t, way.client, "GET", way.scheme+"://example.org/", nil)
		wantPage(t, resp, text)
	}
	if s := r.Stats(); s.Onward != 6 || s.Pages != 6 {
		t.Errorf("went round: %+v", s)
	}
}

// TestNotTwice: a request that may have been acted upon is not sent again.
func TestNotTwice(t *testing.T) {
	r, o := startOnward(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Method == "POST" {
			io.Copy(io.Discard, req.Body)
			panic(http.ErrAbortHandler)
		}
	}, nil)
	c := r.client(t, r.http[0], false)
	for i := range int32(4) {
		do(t, c, "GET", "http://example.org/", nil) // so that there is a connection to use again
		before := o.asked.Load()
		resp, err := c.Post("http://example.org/", "text/plain", strings.NewReader("order"[:i]))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		wantPage(t, resp, string(text))
		if n := o.asked.Load() - before; n != 1 {
			t.Errorf("%d orders", n)
		}
	}
}

func TestInterimAnswersAndTrailers(t *testing.T) {
	r, _ := startOnward(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.Copy(io.Discard, req.Body)
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", req.Trailer.Get("X-Check"))
	}, nil)
	for name, way := range ways(t, r) {
		hints := ""
		req, _ := http.NewRequest("POST", way.scheme+"://example.org/", io.MultiReader(strings.NewReader("x")))
		req.Trailer = http.Header{"X-Check": {"42"}}
		req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
				hints = fmt.Sprint(code, header.Get("Link"))
				return nil
			}}))
		resp, err := way.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(text) != "body" || resp.Trailer.Get("X-Sum") != "42" || hints != "103</style.css>; rel=preload" || resp.Header.Get(SiteHeader) != "www" {
			t.Errorf("%s: %q %v, trailer %v, hints %q", name, text, err, resp.Trailer, hints)
		}
	}
}

// TestUpgrade speaks through a WebSocket's connection, both ways, until visitors are not handed on any more.
func TestUpgrade(t *testing.T) {
	r, o := startOnward(t, func(w http.ResponseWriter, req *http.Request) {
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(both, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nX-Host: %s\r\n\r\nhello\n", req.Header.Get("Upgrade"), req.Host)
		both.Flush()
		io.Copy(conn, both)
	}, nil)
	for name, publish := range map[string][]failover.Notice{"the way back is over": notices(t)[1:], "the origin failed again": notices(t), "still": nil} {
		t.Run(name, func(t *testing.T) {
			r.Publish(lame(t, o.onward()))
			conn, err := tls.Dial("tcp", r.https[0].String(), &tls.Config{RootCAs: r.roots, ServerName: "example.org", NextProtos: []string{"http/1.1"}})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			io.WriteString(conn, "GET /chat HTTP/1.1\r\nHost: example.org\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n")
			from := bufio.NewReader(conn)
			resp, err := http.ReadResponse(from, nil)
			if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "websocket" || resp.Header.Get("X-Host") != "example.org" || resp.Header.Get(SiteHeader) != "www" {
				t.Fatalf("%v %v", resp, err)
			}
			if line, err := from.ReadString('\n'); line != "hello\n" {
				t.Fatalf("%q %v", line, err)
			}
			for i := range 3 {
				fmt.Fprintf(conn, "message %d\n", i)
				if line, err := from.ReadString('\n'); line != fmt.Sprintf("message %d\n", i) {
					t.Fatalf("%q %v", line, err)
				}
			}
			if publish == nil {
				r.Publish(lame(t, o.onward())) // a page was edited: nothing is cut off
				fmt.Fprintf(conn, "again\n")
				if line, err := from.ReadString('\n'); line != "again\n" {
					t.Fatalf("%q %v", line, err)
				}
				conn.CloseWrite()
				io.Copy(io.Discard, from)
				return
			}
			r.Publish(publish)
			if line, err := from.ReadString('\n'); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("still connected: %q %v", line, err)
			}
		})
	}
}

func TestStatusWhileHandedOn(t *testing.T) {
	r, o := startOnward(t, func(http.ResponseWriter, *http.Request) {}, nil)
	c := r.client(t, r.https[0], true)
	if _, text := do(t, c, "GET", "https://example.org"+StatusPath, nil); strings.TrimSpace(text) != `{"site":"www","serving":false}` {
		t.Errorf("status %s", text)
	}
	resp, text := do(t, c, "GET", "https://example.org"+ReadyPath, nil)
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || resp.Header.Get(SiteHeader) != "www" || text != ready {
		t.Errorf("ready: %d %v %q", resp.StatusCode, resp.Header, text)
	}
	if n := o.asked.Load(); n != 0 {
		t.Errorf("%d of our own paths were handed on", n)
	}
}
