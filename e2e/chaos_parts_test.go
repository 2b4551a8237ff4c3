package e2e

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
)

// complaints are what went wrong in goroutines that cannot end the test.
type complaints struct {
	mu   sync.Mutex
	list []string
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) < 20 {
		c.list = append(c.list, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

func (c *complaints) report(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range c.list {
		t.Error(text)
	}
}

// door is a place that accepts connections while it is open.
type door struct {
	addr string
	t    testing.TB
	ln   net.Listener
}

func newDoor(l *lab.Lab, addr string) *door {
	d := &door{addr: addr, t: l.T}
	d.open()
	l.T.Cleanup(d.shut)
	return d
}

func (d *door) open() {
	d.t.Helper()
	ln, err := net.Listen("tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.ln = ln
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // shut
			}
			conn.Close()
		}
	}()
}

func (d *door) shut() { d.ln.Close() }

// sink is a web server that keeps what is posted to it.
type sink struct {
	addr string
	mu   sync.Mutex
	all  strings.Builder
}

func newSink(l *lab.Lab, addr string) *sink {
	l.T.Helper()
	s := &sink{addr: addr}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		l.T.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(&s.all, "%v\n%s\n", r.Header, body)
	})}
	serve(l, server, func() error { return server.Serve(ln) })
	return s
}

func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// serve runs a server until the test ends.
func serve(l *lab.Lab, server *http.Server, run func() error) {
	server.ErrorLog = log.New(io.Discard, "", 0)
	l.Go(func(ctx context.Context) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = run()
		}()
		<-ctx.Done()
		server.Close()
		<-ended
	})
}

// How an origin is. Any other text is a page with status 200.
const (
	well     = lab.OriginText
	refusing = "refusing"
	hung     = "hung"
	trickles = "trickles" // one byte a second
	failing  = "failing"  // status 500
	loops    = "loops"    // a redirect to itself
	expired  = "expired"  // its certificate has ended
)
