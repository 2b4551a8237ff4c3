package fallback

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// canary is a place where nobody should go.
type canary struct {
	at    string
	hits  atomic.Int32
	close func()
}

func listenCanary(t *testing.T) *canary {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &canary{at: l.Addr().String()}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.hits.Add(1)
			conn.Close()
		}
	})
	c.close = func() { l.Close(); accepting.Wait() }
	t.Cleanup(c.close)
	return c
}

const large = 100 << 20

// TestLargeBodies moves 100 MB each way.
func TestLargeBodies(t *testing.T) {
	r, _ := startOnward(t, func(w http.ResponseWriter, req *http.Request) {
		n, err := io.Copy(io.Discard, req.Body)
		w.Header().Set("X-Got", fmt.Sprint(n, err))
		if req.Method == "GET" {
			io.Copy(w, endless(large))
		}
	}, nil)
	for name, way := range ways(t, r) {
		if !strings.HasSuffix(name, "v4") {
			continue
		}
		began := time.Now()
		resp, err := way.client.Get(way.scheme + "://example.org/")
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if n != large || err != nil {
			t.Errorf("%s: %d bytes down, %v", name, n, err)
		}
		down := time.Since(began)
		resp, err = way.client.Post(way.scheme+"://example.org/", "application/octet-stream", endless(large))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("X-Got"); got != fmt.Sprint(large, " <nil>") {
			t.Errorf("%s: up: %s", name, got)
		}
		t.Logf("%s: 100 MB down in %v, up in %v", name, down.Round(time.Millisecond), (time.Since(began) - down).Round(time.Millisecond))
	}
}

// TestDeadlinesDoNotCut: what goes on for longer than the server's own deadlines is not cut off,
// and every piece arrives before the next is sent.
func TestDeadlinesDoNotCut(t *testing.T) {
	const limit, pieces = 500 * time.Millisecond, 8
	r, _ := startOnward(t, func(w http.ResponseWriter, req *http.Request) {
		from := bufio.NewReader(req.Body)
		for range pieces {
			if line, err := from.ReadString('\n'); line != "up\n" {
				t.Errorf("up: %q %v", line, err)
			}
		}
		w.Header().Set("Content-Length", fmt.Sprint(5*pieces))
		tick := time.NewTicker(limit / 4)
		defer tick.Stop()
		for range pieces {
			io.WriteString(w, "down\n")
			http.NewResponseController(w).Flush()
			<-tick.C
		}
	}, nil)
	strict := httptest.NewUnstartedServer(r.Server)
	strict.EnableHTTP2 = true
	strict.Config.ReadTimeout, strict.Config.WriteTimeout = limit, limit
	strict.StartTLS()
	defer strict.Close()
	for _, h2 := range []bool{false, true} {
		pipe, up := io.Pipe()
		var sending sync.WaitGroup
		sending.Go(func() {
			tick := time.NewTicker(limit / 4)
			defer tick.Stop()
			for range pieces {
				io.WriteString(up, "up\n")
				<-tick.C
			}
			up.Close()
		})
		c := r.client(t, r.https[0], h2)
		transport := c.Transport.(*http.Transport)
		transport.TLSClientConfig.InsecureSkipVerify = true
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, strict.Listener.Addr().String())
		}
		resp, err := c.Post("https://example.org/", "text/plain", pipe)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || len(text) != 5*pieces || err != nil || (resp.ProtoMajor == 2) != h2 {
			t.Errorf("HTTP/%d: %d, %d bytes, %v", resp.ProtoMajor, resp.StatusCode, len(text), err)
		}
		sending.Wait()
		if resp, text := do(t, c, "GET", "https://shop.example.net/", nil); resp.StatusCode != 503 { // the connection is in order
			t.Errorf("afterwards: %d %q", resp.StatusCode, text)
		}
	}
}

// TestSlowOrigin: an origin that takes a request and says nothing is not waited for.
func TestSlowOrigin(t *testing.T) {
	r, o := startOnward(t, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }, nil)
	r.impatient(t, o, patience{answer: 100 * time.Millisecond})
	for _, way := range ways(t, r) {
		resp, text := do(t, way.client, "POST", way.scheme+"://example.org/", nil)
		wantPage(t, resp, text)
	}
}

// TestStalls: whoever stops in the middle does not hold on to a place for ever.
func TestStalls(t *testing.T) {
	r, o := startOnward(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/origin": // sends half an answer
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			<-req.Context().Done()
		case "/visitor": // waits for the whole request
			io.Copy(io.Discard, req.Body)
		case "/deaf": // the visitor does not read
			io.Copy(w, endless(large))
		}
	}, nil)
	r.impatient(t, o, patience{stall: 400 * time.Millisecond})
	for name, way := range ways(t, r) {
		resp, err := way.client.Get(way.scheme + "://example.org/origin")
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%s: half an answer looks whole: %q", name, text)
		}
		resp.Body.Close()
		pipe, up := io.Pipe()
		var sending sync.WaitGroup
		sending.Go(func() { io.WriteString(up, "half") })
		if resp, err := way.client.Post(way.scheme+"://example.org/visitor", "text/plain", pipe); err == nil {
			text, _ := io.ReadAll(resp.Body)
			wantPage(t, resp, string(text))
			resp.Body.Close()
		}
		up.Close()
		sending.Wait()
		resp, err = way.client.Get(way.scheme + "://example.org/deaf")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() // unread until all places must be free
	}
	deadline := time.After(6 * time.Second) // before the visitors give up by themselves
	for {
		r.onward.mu.Lock()
		active := r.onward.active
		r.onward.mu.Unlock()
		if active == 0 {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%d places are still taken", active)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestPlaces: above the bound of a site visitors get the page at once.
func TestPlaces(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	r, _ := startOnward(t, func(http.ResponseWriter, *http.Request) { entered <- true; <-leave }, func(o *Options) { o.MaxOnward = 8 })
	var visitors sync.WaitGroup
	for range 2 { // a quarter of eight
		visitors.Go(func() {
			if resp, _ := do(t, r.client(t, r.https[0], true), "GET", "https://example.org/", nil); resp.StatusCode != 200 {
				t.Errorf("a visitor with a place gets %d", resp.StatusCode)
			}
		})
		<-entered
	}
	resp, text := do(t, r.client(t, r.https[0], true), "GET", "https://example.org/", nil)
	wantPage(t, resp, text)
	close(leave)
	visitors.Wait()
}

// TestStopCutsOff: a server that stops leaves nothing running, whatever is under way.
func TestStopCutsOff(t *testing.T) {
	entered := make(chan bool, 2)
	r, _ := startOnward(t, func(w http.ResponseWriter, req *http.Request) {
		entered <- true
		if req.Header.Get("Upgrade") == "" {
			<-req.Context().Done()
			return
		}
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		io.Copy(io.Discard, both)
	}, nil)
	var open []net.Conn
	for _, extra := range []string{"", "Connection: Upgrade\r\nUpgrade: x\r\n"} {
		conn, err := net.Dial("tcp", r.http[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: example.org\r\n"+extra+"\r\n")
		<-entered
		open = append(open, conn)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.Stop(ctx)
	for _, conn := range open {
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Error("still connected")
		}
	}
}
