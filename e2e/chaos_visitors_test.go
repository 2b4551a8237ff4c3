package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
)

// Hostile traffic, bounded in number and time, from loopback to loopback.
func visitorRows() []row {
	return append([]row{
		{fault: faultHostile, how: "600 idle TLS connections", run: besieged(600, func(c *cell, from net.Addr) net.Conn { return c.handshake(from, "www.example.org") })},
		{fault: faultHostile, how: "600 connections that say nothing", run: besieged(600, func(c *cell, from net.Addr) net.Conn { return c.dial(from) })},
		{fault: faultHostile, how: "300 slow loris", run: besieged(300, slowLoris)},
		{fault: faultHostile, how: "2,000 server names", run: besieged(2000, strangeName)},
	}, floodRows()...)
}

func (c *cell) dial(from net.Addr) net.Conn {
	d := net.Dialer{Timeout: 2 * time.Second, LocalAddr: from}
	conn, err := d.Dial("tcp", c.AddrPort(lab.AddrFallback, 443))
	if err != nil {
		return nil
	}
	return conn
}

func (c *cell) handshake(from net.Addr, name string) net.Conn {
	raw := c.dial(from)
	if raw == nil {
		return nil
	}
	conn := tls.Client(raw, &tls.Config{ServerName: name, RootCAs: c.ca.pool})
	_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
	if conn.Handshake() != nil {
		raw.Close()
		return nil
	}
	return conn
}

func slowLoris(c *cell, from net.Addr) net.Conn {
	conn := c.handshake(from, "www.example.org")
	if conn != nil {
		_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: www.example.org\r\nX-Slow: "))
	}
	return conn
}

func strangeName(c *cell, from net.Addr) net.Conn {
	if conn := c.handshake(from, fmt.Sprintf("h%d.example.com", from.(*net.TCPAddr).IP[15])); conn != nil {
		conn.Close()
	}
	return nil
}

// besieged plays an outage while hostile clients are at the door: the switch happens, everybody
// else gets the page, the memory stays bounded.
func besieged(n int, attack func(c *cell, from net.Addr) net.Conn) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, "bind", quick())
		c.begin(t)
		stop := make(chan struct{})
		var siege sync.WaitGroup
		for worker := range 20 {
			siege.Go(func() { c.siege(n/20, worker, stop, attack) })
		}
		c.origin.set(refusing)
		lab.Within(t, long, "the name is at the fallback", c.atFallback)
		served := 0
		for begin := time.Now(); time.Since(begin) < 4*time.Second; {
			if v := c.visitor().Get(c.hosts()[0]); v.Status == 503 && strings.Contains(v.Body, "</html>") {
				served++
			} else {
				t.Errorf("under siege a visitor got %d, %v", v.Status, v.Err)
				break
			}
		}
		memory := c.memory(t)
		close(stop)
		siege.Wait()
		t.Logf("%d visitors got the page meanwhile; the program holds %d MB", served, memory>>20)
		if memory > 400<<20 {
			t.Errorf("the program holds %d MB", memory>>20)
		}
		c.origin.set(well)
		c.finish(t)
		c.wantSwitches(t, 2)
	}
}

// siege keeps n connections of one client, and makes new ones where they end.
func (c *cell) siege(n, worker int, stop <-chan struct{}, attack func(c *cell, from net.Addr) net.Conn) {
	var conns []net.Conn
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		if i >= n {
			<-stop
			return
		}
		if conn := attack(c, &net.TCPAddr{IP: net.IPv4(127, 9, byte(worker), byte(1+i%250))}); conn != nil {
			conns = append(conns, conn)
		}
	}
}

// memory is the program's resident memory in bytes (proc(5)).
func (c *cell) memory(t *testing.T) int64 {
	t.Helper()
	cmd, _ := c.m.now()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", cmd.Process.Pid))
	if err != nil {
		return 0 // no proc(5) here
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
