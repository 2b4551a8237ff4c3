package e2e

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// The process is stopped, killed, doubled.
func processRows() []row {
	rows := []row{
		{fault: faultClock, how: "SIGSTOP while the origin fails and recovers", run: asleep},
		{fault: faultClock, how: "SIGSTOP, and the origin is down on waking", run: wakes},
		{fault: faultClock, how: "SIGSTOP while the fallback serves", run: sleepsInFallback},
		{fault: faultTwo, how: "both serve, one sleeps in between", run: two},
		{fault: faultSteps, how: "in a compaction", not: "the journal has none; bbolt reuses pages"},
	}
	for _, provider := range []string{"bind", "cloudflare"} {
		for _, step := range []string{"event=plan", "event=applied", "event=phase", "event=confirmed"} {
			rows = append(rows, row{fault: faultSteps, how: provider + ", after each " + step, run: killedAt(provider, step)})
		}
	}
	return slices.Concat(rows, clockRows(), versionRows())
}

// killedAt kills the program every time that the journal tells of a step, in each direction, three
// times at most.
func killedAt(provider, step string) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, provider, quick())
		c.begin(t)
		for _, mode := range []string{refusing, well} {
			stop := make(chan struct{})
			gone := make(chan int)
			go func() { gone <- c.killAt(step, stop) }()
			c.origin.set(mode)
			if mode == refusing {
				lab.Within(t, long, "the name is at the fallback", c.atFallback)
				lab.Within(t, long, "visitors get the page", func() bool { return c.visitor().Get(c.hosts()[0]).Status == 503 })
			} else {
				c.awaitBaseline(t, long)
			}
			close(stop)
			if n := <-gone; n == 0 {
				t.Errorf("the journal never told of %s", step)
			}
		}
		c.finish(t)
		c.wantSwitches(t, 2)
	}
}

func (c *cell) killAt(step string, stop <-chan struct{}) (kills int) {
	for kills < 3 {
		select {
		case <-c.m.said.next(step):
			c.m.kill()
			c.m.start()
			kills++
		case <-stop:
			return kills
		}
	}
	return kills
}

// rest lets time pass for the world around a stopped process.
func rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

func asleep(t *testing.T) {
	c := newCell(t, "bind", quick())
	c.begin(t)
	c.m.signal(syscall.SIGSTOP)
	c.origin.set(refusing)
	rest(7 * time.Second)
	c.origin.set(well)
	c.m.signal(syscall.SIGCONT)
	c.stay(t, 5*time.Second, "the outage was slept through")
	c.finish(t)
	c.wantSwitches(t, 0)
}

func wakes(t *testing.T) {
	c := newCell(t, "bind", quick())
	c.begin(t)
	c.m.signal(syscall.SIGSTOP)
	c.origin.set(refusing)
	rest(7 * time.Second)
	woken := time.Now()
	c.m.signal(syscall.SIGCONT)
	c.awaitFallback(t)
	if after := time.Since(woken); after < 1900*time.Millisecond {
		t.Errorf("switched %v after waking, with down_after = 2s: what was before the sleep counted", after)
	}
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
}

func sleepsInFallback(t *testing.T) {
	c := newCell(t, "cloudflare", quick())
	c.begin(t)
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.settled(t)
	c.m.signal(syscall.SIGSTOP)
	rest(6 * time.Second)
	c.m.signal(syscall.SIGCONT)
	c.stay(t, 4*time.Second, "the origin is still down")
	c.wantPage(t)
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
}

// two runs a second controller, with a journal of its own, for the same zone and the same fallback
// address. It is not what anybody should do; the zone survives it.
func two(t *testing.T) {
	c := newCell(t, "bind", quick())
	c.begin(t)
	second := &cell{Lab: c.Lab, limits: c.limits, zone: c.zone, ns: c.ns, ca: c.ca, references: c.references, hooks: c.hooks}
	second.data = c.Folder("data2")
	for _, h := range c.hosts() {
		cert, key := c.ca.issue(time.Now().Add(60*24*time.Hour), h)
		c.Write("data2/certificates/certs/"+h+".pem", cert+key)
	}
	second.m = newMachine(second)
	second.m.config = c.Path("second.hcl")
	second.m.write(strings.NewReplacer( // the same address in DNS, another one to listen at
		c.AddrPort(lab.AddrFallback, 80), c.AddrPort(lab.AddrFallback+1, 80),
		c.AddrPort(lab.AddrFallback, 443), c.AddrPort(lab.AddrFallback+1, 443)).Replace(second.config()))
	second.m.start()
	second.m.waitReady(t, "www")
	second.m.signal(syscall.SIGSTOP)
	c.origin.set(refusing)
	c.awaitFallback(t)
	second.m.signal(syscall.SIGCONT)
	rest(5 * time.Second) // it may undo for a moment what it did not do; then it sees the outage too
	c.awaitFallback(t)
	c.origin.set(well)
	rest(time.Second)
	c.m.signal(syscall.SIGSTOP)
	rest(6 * time.Second)
	c.m.signal(syscall.SIGCONT)
	c.awaitBaseline(t, long)
	c.stay(t, 4*time.Second, "both are awake and the origin is well")
	second.m.waitStatus(t, "www", "is at rest", func(s failover.SiteStatus) bool { return s.State.Phase == failover.Primary })
	second.m.stop()
	c.finish(t)
	if n := c.eyes.switches(c.hosts()[0]); n > 8 {
		t.Errorf("the two moved the name %d times", n)
	}
}
