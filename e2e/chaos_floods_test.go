package e2e

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// Floods of HTTP/2 frames, bounded in number and time: some clients at full speed, each with
// one connection after the other, from before the outage until after the switch.
func floodRows() []row {
	return []row{
		{fault: faultHostile, how: "HTTP/2 rapid reset", run: flooded(rapidReset)},
		{fault: faultHostile, how: "CONTINUATION flood", run: flooded(endlessHeader)},
	}
}

const (
	floods      = 3                     // clients at a time; each takes as much of a core as the server does
	floodFrames = 10_000                // at most, on one connection
	floodPause  = 75 * time.Millisecond // between two connections of a client: 40 a second in all
)

// flooded plays an outage under a flood: the switch and the looks come on time, visitors get the
// page, the memory stays bounded. A frame is counted when it was sent.
func flooded(flood func(frames *http2.Framer, n *atomic.Int64) error) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, "bind", quick())
		c.begin(t)
		stop := make(chan struct{})
		var siege sync.WaitGroup
		var sent atomic.Int64
		for worker := range byte(floods) {
			siege.Go(func() {
				for source := byte(1); c.flood(net.IPv4(127, 9, 100+worker, source), stop, &sent, flood); source = source%250 + 1 {
				}
			})
		}
		defer siege.Wait()
		end := sync.OnceFunc(func() { close(stop) })
		defer end()
		lab.Within(t, long, "the flood has begun", func() bool { return sent.Load() > floodFrames/10 })
		died := time.Now()
		c.origin.set(refusing)
		lab.Within(t, long, "the name is at the fallback", c.atFallback)
		// Computed: interval 0.5 s, timeout 0.5 s, down_after 2 s, recheck 0.2 s, the call; and as much again
		// for a machine whose cores the flood shares.
		if took := time.Since(died); took > 8*time.Second {
			t.Errorf("under the flood the switch took %v", took)
		}
		served := c.servedFor(t, 4*time.Second)
		memory := c.memory(t)
		end()
		siege.Wait()
		t.Logf("%d frames; %d visitors got the page meanwhile; the program holds %d MB", sent.Load(), served, memory>>20)
		if memory > 200<<20 {
			t.Errorf("the program holds %d MB", memory>>20)
		}
		c.origin.set(well)
		c.finish(t)
		c.wantSwitches(t, 2)
	}
}

// servedFor visits the fallback for a while and returns how many visitors got the page; the origin
// goes on being looked at meanwhile.
func (c *cell) servedFor(t *testing.T, d time.Duration) (served int) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < d; served++ {
		if v := c.visitor().Get(c.hosts()[0]); v.Status != 503 || !strings.Contains(v.Body, "</html>") {
			t.Errorf("under siege a visitor got %d, %v", v.Status, v.Err)
			return served
		}
		if served%50 == 0 {
			c.m.waitStatus(t, "www", "was looked at within the last two seconds", func(s failover.SiteStatus) bool { return newest(s) < 2*time.Second })
		}
	}
	return served
}

// flood makes one connection and plays a flood on it, until the server has had enough or the test
// has. It tells whether to go on.
func (c *cell) flood(from net.IP, stop <-chan struct{}, n *atomic.Int64, flood func(*http2.Framer, *atomic.Int64) error) bool {
	pause := time.NewTimer(floodPause)
	defer pause.Stop()
	select {
	case <-stop:
		return false
	case <-pause.C:
	}
	raw := c.dial(&net.TCPAddr{IP: from})
	if raw == nil {
		return true
	}
	defer raw.Close()
	conn := tls.Client(raw, &tls.Config{ServerName: c.hosts()[0], RootCAs: c.ca.pool, NextProtos: []string{"h2"}})
	_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
	out := bufio.NewWriter(conn)
	frames := http2.NewFramer(out, conn)
	if _, err := io.WriteString(out, http2.ClientPreface); err != nil || frames.WriteSettings() != nil || out.Flush() != nil {
		return true
	}
	var drain sync.WaitGroup
	drain.Go(func() { _, _ = io.Copy(io.Discard, conn) }) // until the connection ends
	_ = flood(frames, n)                                  // its error is the server's defence
	_ = out.Flush()
	_ = conn.Close()
	drain.Wait()
	return true
}

// getRoot is the header of GET / in HPACK (RFC 7541 appendix A), with an :authority of 15 bytes.
func getRoot() []byte { return append([]byte{0x82, 0x84, 0x87, 0x41, 15}, "www.example.org"...) }

// rapidReset begins requests and takes each back at once (CVE-2023-44487).
func rapidReset(frames *http2.Framer, n *atomic.Int64) error {
	for id := uint32(1); id < floodFrames; id += 2 {
		if err := frames.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: getRoot(), EndStream: true, EndHeaders: true}); err != nil {
			return err
		}
		if err := frames.WriteRSTStream(id, http2.ErrCodeCancel); err != nil {
			return err
		}
		n.Add(2)
	}
	return nil
}

// endlessHeader sends a header that never ends, in CONTINUATION frames (CERT VU#421644).
func endlessHeader(frames *http2.Framer, n *atomic.Int64) error {
	if err := frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: getRoot()}); err != nil {
		return err
	}
	more := []byte{0x40, 1, 'x', 0x7f, 0x81, 0x3f} // a literal field with a value of 8,192 bytes
	more = append(more, strings.Repeat("x", 8192)...)
	for range floodFrames {
		if err := frames.WriteContinuation(1, false, more); err != nil {
			return err
		}
		n.Add(1)
	}
	return nil
}
