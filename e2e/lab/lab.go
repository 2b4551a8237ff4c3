// Package lab starts the world around the controller for black-box tests: name servers, a caching
// resolver, a certificate authority, origins, the Cloudflare API, a browser. All of it is real
// software or a process of its own, all of it on loopback, all of it ended by its own process id.
//
// Each Lab owns a block of addresses in 127.0.0.0/8, so that labs run side by side and everything
// has the port it has in life: 53, 80, 443.
package lab

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Lab is one test's world.
type Lab struct {
	T   testing.TB
	Dir string // of the test, removed after it
	net [3]byte

	both bool // the addresses are there in IPv6 too; see Both
}

// New gives the test a folder and a block of loopback addresses.
func New(t testing.TB) *Lab {
	t.Helper()
	l := &Lab{T: t, Dir: t.TempDir()}
	for range 20 {
		var b [2]byte
		_, _ = rand.Read(b[:]) // never fails (crypto/rand)
		l.net = [3]byte{127, 64 + b[0]%128, b[1]}
		listener, err := net.Listen("tcp", l.Addr(AddrNS).String()+":53")
		if err == nil {
			listener.Close()
			return l
		}
		if os.IsPermission(err) {
			Missing(t, "the right to listen on port 53 of a loopback address: run as root, or grant CAP_NET_BIND_SERVICE")
		}
	}
	t.Fatal("no free block of loopback addresses")
	return nil
}

// Last octets of the addresses in a lab's block.
const (
	AddrRoot      = 2  // a server of the root zone
	AddrNS        = 3  // the authoritative name server
	AddrResolver  = 10 // the caching resolver
	AddrOrigin    = 20
	AddrOrigin2   = 21
	AddrFallback  = 30
	AddrCA        = 40 // the ACME server
	AddrReference = 50
	AddrAPI       = 60 // the Cloudflare API
)

// Addr returns an address of the lab's block.
func (l *Lab) Addr(last byte) netip.Addr {
	return netip.AddrFrom4([4]byte{l.net[0], l.net[1], l.net[2], last})
}

// AddrPort returns an address of the lab's block with a port.
func (l *Lab) AddrPort(last byte, port uint16) string {
	return netip.AddrPortFrom(l.Addr(last), port).String()
}

// Folder makes a folder in the lab's and returns its path.
func (l *Lab) Folder(name string) string {
	l.T.Helper()
	path := filepath.Join(l.Dir, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		l.T.Fatal(err)
	}
	return path
}

// Path returns a path in the lab's folder, whose parent exists.
func (l *Lab) Path(name string) string {
	l.T.Helper()
	return filepath.Join(l.Folder(filepath.Dir(name)), filepath.Base(name))
}

// Write stores text in a file of the lab's folder and returns its path.
func (l *Lab) Write(name, text string) string {
	l.T.Helper()
	path := l.Path(name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.T.Fatal(err)
	}
	return path
}

// alias gives the loopback interface an address of the block: BIND listens only on addresses that
// an interface has.
func (l *Lab) alias(addr netip.Addr) {
	l.T.Helper()
	prefix := addr.String() + "/32"
	if out, err := exec.Command("ip", "addr", "add", prefix, "dev", "lo").CombinedOutput(); err != nil {
		Missing(l.T, fmt.Sprintf("the right to give the loopback interface an address: %s", out))
	}
	l.T.Cleanup(func() { _ = exec.Command("ip", "addr", "del", prefix, "dev", "lo").Run() })
}

// Need returns the path of a program, or skips the test. With FAILOVER_REQUIRE_PEERS=1 it fails.
func Need(t testing.TB, program string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	Missing(t, program+"; try: make peers")
	return ""
}

// Missing skips the test for want of something, or fails it with FAILOVER_REQUIRE_PEERS=1.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("FAILOVER_REQUIRE_PEERS") == "1" {
		t.Fatalf("needs %s", what)
	}
	t.Skipf("needs %s", what)
}

// Within polls until the condition holds and returns when it did. The limit only ends a test that
// would hang; it is generous, and no figure is judged by it.
func Within(t testing.TB, limit time.Duration, what string, holds func() bool) time.Time {
	t.Helper()
	deadline := time.Now().Add(limit)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		if holds() {
			return time.Now()
		}
		if time.Now().After(deadline) {
			t.Fatalf("still not after %v: %s", limit, what)
		}
		<-ticker.C
	}
}
