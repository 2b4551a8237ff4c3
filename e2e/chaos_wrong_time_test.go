package e2e

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// What goes by the time of day: certificates, and signatures of DNS messages.

// leapsAYear expects that a site whose certificates are all invalid by our clock is not switched,
// that this is said, and that all is as before when the clock is right again.
func leapsAYear(d time.Duration) func(t *testing.T) {
	return func(t *testing.T) {
		c, k := timed(t, quick())
		k.leap(t, d)
		s := c.m.waitStatus(t, "www", "refuses to switch", refuses(failover.VetoFallback))
		if !strings.Contains(s.Verdict.FallbackDetail, "no valid certificate") {
			t.Errorf("the fallback is not ready, and what is said of it is %q", s.Verdict.FallbackDetail)
		}
		c.stay(t, 4*time.Second, "the fallback's certificate is invalid by our clock")
		if !c.m.said.has("alarm=fallback") {
			t.Error("no alarm that the fallback is not ready")
		}
		k.leap(t, 0)
		c.m.waitStatus(t, "www", "sees the origin well again", func(s failover.SiteStatus) bool {
			return s.Verdict.Health == failover.Up && s.State.Phase == failover.Primary
		})
		c.awaitBaseline(t, long)
		c.wantSwitches(t, 0)
		c.outage(t, func() {})
	}
}

func yearFailedOver(t *testing.T) {
	c, k := timed(t, quick())
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.settled(t)
	k.leap(t, year)
	c.stay(t, 4*time.Second, "the clock alone was set")
	c.wantPage(t)
	c.origin.set(well)
	c.stay(t, 4*time.Second, "by our clock, nothing has a valid certificate")
	k.leap(t, 0)
	c.finish(t)
	c.wantSwitches(t, 2)
	c.checkJournaled(t)
}

// wrongTime expects that a switch that the server refuses for the time on it is kept in mind, said
// with the reason, and made when the clock is right.
func wrongTime(t *testing.T) {
	c := newCell(t, "bind", quick())
	k := c.ownClock(t)
	c.begin(t)
	k.leap(t, hour)
	c.origin.set(refusing)
	c.m.waitStatus(t, "www", "says that the clock may be wrong", func(s failover.SiteStatus) bool {
		return s.State.Phase == failover.InFallback && strings.Contains(s.Trouble+s.State.Zones[0].Trouble, "clock")
	})
	c.stay(t, 3*time.Second, "the server refuses what is signed at a wrong time")
	k.leap(t, 0)
	c.awaitFallback(t)
	c.origin.set(well)
	c.finish(t)
	c.wantSwitches(t, 2)
}

// pastCertificate gives the origin a certificate that is valid by the right clock and not by one that
// is off by d, and expects that this does not make an outage of it: while the controller runs, and
// when it is started by such a clock. The fallback's certificates are valid by both.
func pastCertificate(d time.Duration, running bool) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, "cloudflare", quick())
		k := c.ownClock(t)
		template := leaf(time.Now().Add(20*day), c.hosts()...)
		template.NotBefore = time.Now().Add(-hour)
		cert, key := c.ca.sign(template)
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		c.origin.good = pair // nobody has asked for it yet
		c.begin(t)
		if running {
			k.leap(t, d)
		} else {
			c.m.stop()
			k.turn(t, d)
			c.m.start()
		}
		c.m.waitStatus(t, "www", "refuses to switch", refuses(failover.VetoClock))
		c.stay(t, 4*time.Second, "the origin's certificate is invalid by our clock alone")
		k.leap(t, 0)
		c.m.waitStatus(t, "www", "sees the origin well again", func(s failover.SiteStatus) bool {
			return s.Verdict.Health == failover.Up && s.State.Phase == failover.Primary
		})
		c.wantSwitches(t, 0)
		c.outage(t, func() {})
	}
}
