package e2e

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// A switch by hand latches, and only a hand undoes it, although the origin is well all the time.
func TestByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, (*lab.Lab).BIND)
	controller := w.Controller(binary, w.config(), w.env()...)
	controller.WaitReady(t, "www")
	watcher := w.Watch(w.ns, name)

	if said := controller.Run("trigger", "www", "--reason", "drill"); said.Code != 2 || !strings.Contains(said.Err, "--yes") {
		t.Errorf("without a terminal and without --yes: exit code %d, %q", said.Code, said.Err)
	}
	if said := controller.Run("trigger", "wwww", "--reason", "drill", "--yes"); said.Code != 2 || !strings.Contains(said.Err, "www") {
		t.Errorf("an unknown site: exit code %d, %q", said.Code, said.Err)
	}
	said := controller.Run("trigger", "www", "--reason", "drill", "--yes")
	if said.Code != 0 {
		t.Fatalf("trigger: exit code %d\n%s%s", said.Code, said.Out, said.Err)
	}
	w.checkAddress(t, w.fallbackAddr())
	if v := w.direct().Get(host); v.Status != 503 || !strings.Contains(v.Body, "<html") {
		t.Errorf("after the switch a visitor got status %d, error %v, %q", v.Status, v.Err, v.Body)
	}
	controller.WaitStatus(t, "www", "saw the origin well for longer than every limit", func(s failover.SiteStatus) bool {
		return s.State.Latched && s.State.Phase == failover.InFallback && seenFor(s, failover.Up, s.State.Switched, 9*time.Second)
	})
	w.checkAddress(t, w.fallbackAddr())

	if said := controller.Run("restore", "www", "--yes"); said.Code != 0 {
		t.Fatalf("restore: exit code %d\n%s%s", said.Code, said.Out, said.Err)
	}
	w.checkAddress(t, w.originAddr())
	w.checkZoneRestored(t)
	watcher.CheckNeverEmpty(t)
	if said := controller.Run("history", "www"); !strings.Contains(said.Out, "drill") {
		t.Errorf("the history does not tell the reason:\n%s", said.Out)
	}
}

// seenFor tells whether the origin's newest look had an outcome, some time after an event.
func seenFor(s failover.SiteStatus, health failover.Health, event time.Time, d time.Duration) bool {
	return slices.ContainsFunc(s.Observations, func(o failover.Observation) bool {
		return o.Role == failover.RoleOrigin && o.Health == health && o.At.Sub(event) > d
	})
}

// checkAddress asks the name server for the host's address.
func (w *world) checkAddress(t *testing.T, want string) {
	t.Helper()
	values, err := lab.Values(w.ns.Addr, name, dns.TypeA)
	if err != nil || !slices.Equal(values, []string{want}) {
		t.Errorf("%s is at %v, %v instead of %s", name, values, err, want)
	}
}

// A controller that is killed in the middle of the switch goes on where it was when it starts
// again, and still knows what the zone held before.
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, (*lab.Lab).BIND)
	controller := w.Controller(binary, w.config(), w.env()...)
	controller.WaitReady(t, "www")
	watcher := w.Watch(w.ns, name)
	killed := time.Now()
	w.origin.Kill()
	lab.Within(t, long, "the name is at the fallback", func() bool { return !watcher.FirstAfter(killed, w.fallbackAddr()).IsZero() })
	controller.Kill()
	w.checkAddress(t, w.fallbackAddr())

	controller.Start()
	lab.Within(t, long, "visitors get the page again, with the certificate that was kept", func() bool {
		v := w.direct().Get(host)
		return v.Status == 503 && strings.Contains(v.Body, "<html")
	})
	w.checkAddress(t, w.fallbackAddr())
	returned := time.Now()
	w.origin.Restart()
	lab.Within(t, long, "the name is back at the origin", func() bool { return !watcher.FirstAfter(returned, w.originAddr()).IsZero() })
	w.checkZoneRestored(t)
	watcher.CheckNeverEmpty(t)
}

// A configuration that is not valid is refused whole; the old one goes on.
func TestReload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, (*lab.Lab).BIND)
	config := w.config()
	controller := w.Controller(binary, config, w.env()...)
	controller.WaitReady(t, "www")

	w.Write("failover.hcl", config+"\nsite \"broken\" { hosts = [\"www.example.org\"] }\n")
	controller.Signal(syscall.SIGHUP)
	lab.Within(t, long, "the log says what is wrong, with file and line", func() bool {
		return strings.Contains(controller.Output(), "failover.hcl:")
	})
	if _, known := controller.Status("www"); !known {
		// The file is broken, so the program cannot learn the socket from it.
		if err := os.WriteFile(controller.Config, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		controller.WaitReady(t, "www")
	}

	w.Write("failover.hcl", config+`
site "static" {
  hosts  = ["static.example.org"]
  origin = ["192.0.2.80"]
  check "tcp" "front" { port = 443 }
}
`)
	controller.Signal(syscall.SIGHUP)
	controller.WaitStatus(t, "static", "knew the new site", func(failover.SiteStatus) bool { return true })
	if !controller.Running() {
		t.Error("the controller ended")
	}
}

// While the references do not answer either, it is us who are cut off, and nothing changes. When
// they answer again and the origin does not, it does.
func TestOwnNetworkDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, (*lab.Lab).BIND)
	controller := w.Controller(binary, w.config(), w.env()...)
	controller.WaitReady(t, "www")
	watcher := w.Watch(w.ns, name)

	w.reference.Close()
	controller.WaitStatus(t, "www", "found itself blind", func(s failover.SiteStatus) bool { return s.Verdict.Blind })
	killed := time.Now()
	w.origin.Kill()
	controller.WaitStatus(t, "www", "saw the origin fail for long", func(s failover.SiteStatus) bool {
		return seenFor(s, failover.Down, killed, 8*time.Second)
	})
	if seen := watcher.Timeline(); len(seen) != 1 {
		t.Errorf("the name moved while we were cut off: %v", seen)
	}
	w.reference.Open(w.Lab)
	lab.Within(t, long, "the name is at the fallback", func() bool { return !watcher.FirstAfter(killed, w.fallbackAddr()).IsZero() })
	watcher.CheckNeverEmpty(t)
}

// Without a certificate for the host the switch is refused and said; an operator can override that rule.
func TestNoCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, (*lab.Lab).BIND)
	w.acme.Kill()
	controller := w.Controller(binary, w.config(), w.env()...)
	controller.WaitStatus(t, "www", "saw the origin well", func(s failover.SiteStatus) bool { return s.Verdict.Health == failover.Up })
	watcher := w.Watch(w.ns, name)

	w.origin.Kill()
	controller.WaitStatus(t, "www", "refused to switch", func(s failover.SiteStatus) bool {
		return slices.ContainsFunc(s.State.Vetoes, func(v failover.Veto) bool { return v.Rule == failover.VetoFallback })
	})
	if said := controller.Run("status"); !strings.Contains(said.Out, failover.VetoFallback) {
		t.Errorf("the status does not tell why there is no switch:\n%s", said.Out)
	}
	if said := controller.Run("trigger", "www", "--reason", "now", "--yes"); said.Code != 5 || !strings.Contains(said.Err, "--override "+failover.VetoFallback) {
		t.Errorf("trigger: exit code %d, %q", said.Code, said.Err)
	}
	if seen := watcher.Timeline(); len(seen) != 1 {
		t.Errorf("the name moved to a fallback without certificate: %v", seen)
	}
	if said := controller.Run("trigger", "www", "--reason", "now", "--yes", "--override", failover.VetoFallback); said.Code != 0 {
		t.Errorf("trigger --override: exit code %d\n%s%s", said.Code, said.Out, said.Err)
	}
	w.checkAddress(t, w.fallbackAddr())
	watcher.CheckNeverEmpty(t)
}
