package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// The controller's own network, cut with nftables in a network namespace of its own. Origin, name
// server, references and eyes are in the test's.
func networkRows() []row {
	return slices.Concat([]row{
		{fault: faultNetwork, how: "all of it", run: blinded(`iifname "eth0" drop`, `oifname "eth0" drop`)},
		{fault: faultNetwork, how: "one way, what comes in", run: blinded(`iifname "eth0" drop`, "")},
		{fault: faultNetwork, how: "one way, what goes out", run: blinded("", `oifname "eth0" drop`)},
		{fault: faultNetwork, how: "refused instead of dropped", run: blinded("", `oifname "eth0" reject`)},
		{fault: faultNetwork, how: "the provider's API alone, and the origin dies", run: apiCut},
	}, familyRows(), resolverRows(), []row{
		{fault: faultOrigin, how: "half of all packets lost", run: lossy},
		{fault: faultListener, how: "firewall closed in front of us", run: firewalled},
	})
}

// island is a network namespace for the controller, joined to the test's by a pair of interfaces.
type island struct {
	t    *testing.T
	name string

	dual     bool // there is IPv6 too
	updates6 bool // the name server takes changes over IPv6
	origin4  bool // the origin is in IPv4 alone all the same
	byName   bool // the API is known by its name, which a resolver knows
}

// isolated is a world whose controller is on an island.
func isolated(t *testing.T) (*cell, *island) {
	t.Helper()
	return isolatedAs(t, "bind", quick(), island{})
}

func isolatedAs(t *testing.T, provider string, l limits, world island) (*cell, *island) {
	t.Helper()
	for _, program := range []string{"ip", "nft"} {
		lab.Need(t, program)
	}
	if os.Getuid() != 0 {
		lab.Missing(t, "root, to make a network namespace")
	}
	n := &world
	n.t, n.name = t, fmt.Sprintf("fo%08x", rand.Uint32())
	l.island = n
	c := newCell(t, provider, l)
	c.m.within = []string{"ip", "netns", "exec", n.name}
	return c, n
}

// join makes the namespace and the way to it, and moves the lab to a block of 10.0.0.0/8 there.
func (n *island) join(l *lab.Lab) {
	n.t.Helper()
	l.Move(10, byte(64+rand.IntN(128)), byte(rand.IntN(256)))
	n.ip("netns", "add", n.name)
	n.t.Cleanup(func() { // the pair of interfaces goes with it
		_ = exec.Command("ip", "netns", "del", n.name).Run()
		_ = exec.Command("ip", "link", "del", n.name).Run()
	})
	n.ip("link", "add", n.name, "type", "veth", "peer", "name", "eth0", "netns", n.name)
	for _, last := range []byte{1, lab.AddrRoot, lab.AddrNS, lab.AddrOrigin, lab.AddrOrigin2, lab.AddrReference, lab.AddrReference + 1, lab.AddrReference + 2,
		lab.AddrResolver, lab.AddrAPI, 70} {
		n.ip("addr", "add", l.Addr(last).String()+"/24", "dev", n.name)
		if n.dual {
			n.ip("addr", "add", l.Addr6(last).String()+"/64", "dev", n.name, "nodad")
		}
	}
	n.ip("link", "set", n.name, "up")
	n.ip("-n", n.name, "addr", "add", l.Addr(lab.AddrFallback).String()+"/24", "dev", "eth0")
	if n.dual {
		l.Both()
		n.ip("-n", n.name, "addr", "add", l.Addr6(lab.AddrFallback).String()+"/64", "dev", "eth0", "nodad")
	}
	n.ip("-n", n.name, "link", "set", "lo", "up")
	n.ip("-n", n.name, "link", "set", "eth0", "up")
}

func (n *island) ip(args ...string) {
	n.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		lab.Missing(n.t, "the right to make a network namespace: ip "+strings.Join(args, " ")+": "+string(out))
	}
}

// filter sets the namespace's packet filter; empty rules heal it.
func (n *island) filter(input, output string) {
	n.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", n.name, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader("flush ruleset\ntable inet faults {\n chain in { type filter hook input priority 0; policy accept;\n" + input +
		"\n }\n chain out { type filter hook output priority 0; policy accept;\n" + output + "\n }\n}\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		lab.Missing(n.t, "nftables: "+string(out))
	}
}

// blinded cuts the controller off, while the origin is well and then while it is not. Nothing may
// change before it can see again.
func blinded(input, output string) func(t *testing.T) {
	return func(t *testing.T) {
		c, n := isolated(t)
		c.begin(t)
		n.filter(input, output)
		c.m.waitStatus(t, "www", "is blind", func(s failover.SiteStatus) bool { return s.Verdict.Blind })
		c.stay(t, 5*time.Second, "we are cut off, and the origin is well")
		n.filter("", "")
		c.m.waitReady(t, "www")
		c.stay(t, 3*time.Second, "we are back, and the origin is well")
		n.filter(input, output)
		c.origin.set(refusing)
		c.stay(t, 6*time.Second, "we are cut off, and the origin is down")
		n.filter("", "")
		c.awaitFallback(t)
		c.origin.set(well)
		c.finish(t)
		c.wantSwitches(t, 2)
	}
}

// apiCut cuts off only the name server that takes the changes.
func apiCut(t *testing.T) {
	c, n := isolated(t)
	c.begin(t)
	n.filter("", "udp dport 53 drop\n tcp dport 53 drop")
	c.origin.set(refusing)
	c.m.waitStatus(t, "www", "says that the provider is not seen", refuses(failover.VetoUnseen))
	c.stay(t, 5*time.Second, "the API cannot be reached")
	n.filter("", "")
	c.awaitFallback(t)
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
}

// lossy loses every other packet from the origin. It may be switched or not, but not over and over.
func lossy(t *testing.T) {
	c, n := isolated(t)
	c.begin(t)
	origin := "ip saddr { " + strings.Join(c.origins(), ", ") + " } numgen random mod 2 0 drop"
	n.filter(origin, "")
	rest(14 * time.Second)
	if n := c.eyes.switches(c.hosts()[0]); n > 4 {
		t.Errorf("%d switches within 14 s", n)
	}
	n.filter("", "")
	c.finish(t)
}

// firewalled closes our own port. Nothing is switched to a fallback that nobody can reach.
func firewalled(t *testing.T) {
	c, n := isolated(t)
	c.begin(t)
	n.filter("tcp dport 443 reject with tcp reset", "")
	c.origin.set(refusing)
	c.m.waitStatus(t, "www", "tells why it is not switched", func(s failover.SiteStatus) bool {
		return drifted(s) || len(s.State.Vetoes) > 0
	})
	c.stay(t, 5*time.Second, "the fallback cannot be reached")
	n.filter("", "")
	c.awaitFallback(t)
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
}
