package fallback

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/failover-dns/failover/failover"
)

// TestPublishUnderLoad swaps tables while every way is in use: no request may see a mixture.
func TestPublishUnderLoad(t *testing.T) {
	r := start(t, nil)
	down := notices(t)
	up := notices(t)
	up[0].Serving = false
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				r.Publish([][]failover.Notice{down, up}[i%2])
			}
		}
	})
	var clients sync.WaitGroup
	for _, way := range ways(t, r) {
		clients.Go(func() {
			for range 50 {
				resp, err := way.client.Get(way.scheme + "://example.org/")
				if err != nil {
					t.Error(err)
					return
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				whole := string(text) == notServing && resp.Header.Get("Content-Language") == "" ||
					string(text) == string(down[0].Pages[0].HTML) && resp.Header.Get("Content-Language") == "en"
				if err != nil || resp.StatusCode != 503 || !whole {
					t.Errorf("%d %v %.40q", resp.StatusCode, err, text)
				}
			}
		})
	}
	clients.Wait()
	close(stop)
	swapping.Wait()
}

// TestSilentClients checks that those who connect and say nothing, or half a thing, are dropped.
func TestSilentClients(t *testing.T) {
	r := start(t, nil)
	var clients sync.WaitGroup
	defer clients.Wait()
	for name, tc := range map[string]struct {
		tls  bool
		text string
	}{
		"no handshake":   {true, ""},
		"half handshake": {true, "\x16\x03\x01\x02\x00\x01"},
		"no request":     {false, ""},
		"half request":   {false, "GET / HTTP/1.1\r\nHost: example.org\r\nX-Slow: "},
		"half a body":    {false, "POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 1000\r\n\r\nabc"},
		"idle":           {false, "HEAD / HTTP/1.1\r\nHost: example.org\r\n\r\n"},
	} {
		clients.Go(func() { // all at once: each takes as long as the server's patience
			to := r.http[0]
			if tc.tls {
				to = r.https[0]
			}
			conn, err := net.Dial("tcp", to.String())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, tc.text)
			conn.SetReadDeadline(time.Now().Add(headerTimeout + 5*time.Second))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: still connected", name)
			}
		})
	}
}

// TestManyServerNamesCostNothing makes handshakes for names that are not ours.
func TestManyServerNamesCostNothing(t *testing.T) {
	r := start(t, nil)
	const names = 100
	try := func(from int) {
		for i := range names {
			conn, err := net.Dial("tcp", r.https[0].String())
			if err != nil {
				t.Fatal(err)
			}
			err = tls.Client(conn, &tls.Config{ServerName: fmt.Sprintf("n%d.example.com", from+i), InsecureSkipVerify: true}).Handshake()
			conn.Close()
			if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
				t.Fatalf("%v", err)
			}
		}
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	try(0)
	before := heap()
	try(names)
	if after := heap(); after > before+1<<20 {
		t.Errorf("%d kB more for %d names", (after-before)>>10, names)
	}
}

// TestHTTP2Limits checks what the server announces, and that a rapid reset (CVE-2023-44487) ends
// the connection or is survived.
func TestHTTP2Limits(t *testing.T) {
	r := start(t, nil)
	conn, err := tls.Dial("tcp", r.https[0].String(), &tls.Config{RootCAs: r.roots, ServerName: "example.org", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, http2.ClientPreface)
	out := bufio.NewWriter(conn)
	framer := http2.NewFramer(out, conn)
	framer.WriteSettings()
	out.Flush()
	frame, err := framer.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	settings, ok := frame.(*http2.SettingsFrame)
	if !ok {
		t.Fatalf("%T", frame)
	}
	if v, _ := settings.Value(http2.SettingMaxConcurrentStreams); v != maxStreams {
		t.Errorf("%d streams", v)
	}
	if v, _ := settings.Value(http2.SettingMaxHeaderListSize); v > 2*maxHeaderBytes {
		t.Errorf("%d bytes of header", v)
	}
	go io.Copy(io.Discard, conn)
	header := []byte{0x82, 0x84, 0x87, 0x41, 0x0b} // GET / https, :authority of 11 bytes
	header = append(header, "example.org"...)
	for id := uint32(1); id < 40_000; id += 2 {
		if framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: header, EndStream: true, EndHeaders: true}) != nil ||
			framer.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			break // the server had enough
		}
	}
	if resp, _ := do(t, r.client(t, r.https[1], true), "GET", "https://example.org/", nil); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("another visitor gets %d", resp.StatusCode)
	}
}
