package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// needBench skips what only prints figures and takes minutes.
func needBench(t *testing.T) {
	t.Helper()
	if os.Getenv("FAILOVER_BENCH") != "1" {
		t.Skip("prints figures and asserts none; try: make bench")
	}
}

// Three hundred sites on one origin, looked at every ten seconds and again one second after a
// first failure: how long until each is found down and its name moved.
func TestBenchDetection(t *testing.T) {
	needBench(t)
	t.Run("refused", func(t *testing.T) { benchDetection(t, func(o *lab.Origin) { o.Kill() }) })
	t.Run("hung", func(t *testing.T) { benchDetection(t, func(o *lab.Origin) { o.Signal(syscall.SIGSTOP) }) })
}

func benchDetection(t *testing.T, fail func(*lab.Origin)) {
	const n = 300
	w := newBenchWorld(t, n)
	controller := w.Controller(binary, w.benchConfig(n), w.env()...)
	started := time.Now()
	waitAll(t, controller, n, "well, with the fallback ready and looks spread over the interval", func(s failover.SiteStatus) bool {
		return s.Verdict.Health == failover.Up && s.Verdict.FallbackReady && seenFor(s, failover.Up, started, 20*time.Second)
	})
	failed := time.Now()
	fail(w.origin)
	moved := w.sweep(n, w.fallbackAddr())
	statuses := waitAll(t, controller, n, "in fallback", func(s failover.SiteStatus) bool { return s.State.Phase == failover.InFallback })
	var decided, answered []time.Duration
	for _, s := range statuses {
		decided = append(decided, s.State.Switched.Sub(failed))
	}
	for _, at := range moved() {
		answered = append(answered, at.Sub(failed))
	}
	logSpread(t, "from the failure to the decision", decided)
	logSpread(t, "from the failure to the changed authoritative answer", answered)
}

// A thousand sites whose certificates are kept on disk: how long from the start until visitors are
// served, and what that takes.
func TestBenchColdStart(t *testing.T) {
	needBench(t)
	const n = 1000
	w := newBenchWorld(t, n)
	config := w.benchConfig(n)
	started := time.Now()
	controller := w.Controller(binary, config, w.env()...)
	visitor := lab.Visitor{Roots: w.Pool(w.authority.File), At: w.fallbackAddr()}
	for i, what := range []string{"first", "last"} {
		h := benchHost(i * (n - 1))
		lab.Within(t, long, "visitors of "+h+" are served", func() bool { return visitor.Get(h).Status == 503 })
		t.Logf("figure: %d sites, from the start to the answer for the %s host %v", n, what, time.Since(started).Round(time.Millisecond))
	}
	logProcess(t, controller, started)
}

// Five thousand sites over HTTPS every ten seconds: memory and processor time of looking alone.
func TestBenchWatching(t *testing.T) {
	needBench(t)
	const n = 5000
	w := newBenchWorld(t, n)
	controller := w.Controller(binary, w.benchConfig(n), w.env()...)
	started := time.Now()
	<-time.After(40 * time.Second) // until every baseline is read and looks are spread over the interval
	used, since := cpuTime(t, controller.PID()), time.Now()
	<-time.After(30 * time.Second)
	used = cpuTime(t, controller.PID()) - used
	looks := n * int(time.Since(since)/time.Second) / 10
	t.Logf("figure: %d sites, %v of processor time for a look, all else included", n, (used / time.Duration(looks)).Round(time.Microsecond))
	logProcess(t, controller, started)
	waitAll(t, controller, n, "well", func(s failover.SiteStatus) bool { return s.Verdict.Health == failover.Up })
}

func benchHost(i int) string { return fmt.Sprintf("s%04d.example.org", i) }

// newBenchWorld is a world with n hosts, each with a certificate as the controller would have kept it.
func newBenchWorld(t *testing.T, n int) *world {
	t.Helper()
	w := &world{Lab: lab.New(t)}
	var text strings.Builder
	fmt.Fprintf(&text, "$TTL 60\n@ SOA ns1 hostmaster 1 60 30 604800 5\n@ NS ns1\nns1 A %s\n", w.Addr(lab.AddrNS))
	for i := range n {
		fmt.Fprintf(&text, "%s. A %s\n", benchHost(i), w.originAddr())
	}
	w.ns = w.BIND(zone, text.String())
	w.resolver = w.Unbound(w.ns)
	w.authority = w.Authority()
	w.acme = w.Pebble(w.authority, w.resolver)
	w.origin = w.Origin(w.authority, []string{"*.example.org"}, lab.AddrOrigin)
	w.reference = w.Reference()
	certFile, keyFile := w.authority.Issue("*.example.org")
	for i := range n {
		w.keepCertificate(t, benchHost(i), certFile, keyFile)
	}
	return w
}

// keepCertificate puts a certificate where the controller keeps those of its ACME directory.
func (w *world) keepCertificate(t *testing.T, host, certFile, keyFile string) {
	t.Helper()
	text := "# ACME directory: " + w.acme.Directory + "\n"
	for _, file := range []string{certFile, keyFile} {
		part, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text += string(part)
	}
	w.Write(filepath.Join("data", "certificates", "certs", host+".pem"), text)
}

// benchConfig is a configuration with n sites at BIND.
func (w *world) benchConfig(n int) string {
	var b strings.Builder
	text := w.config()
	text = text[:strings.Index(text, "\nsite ")]
	text = strings.Replace(text, w.acme.RootFile, w.authority.File, 1) // of the certificates that were kept
	b.WriteString(strings.Replace(text, `"debug"`, `"warn"`, 1))
	for i := range n {
		fmt.Fprintf(&b, `
site "s%04d" {
  hosts      = [%q]
  origin     = [%q]
  down_after = "3s"
  check "https" "front" {
    interval = "10s"
    recheck  = "1s"
    timeout  = "2s"
  }
}
`, i, benchHost(i), w.originAddr())
	}
	return b.String()
}

// waitAll waits until all n sites are as wanted.
func waitAll(t *testing.T, c *lab.Controller, n int, what string, wanted func(failover.SiteStatus) bool) []failover.SiteStatus {
	t.Helper()
	ticker := time.NewTicker(time.Second) // the status of many sites is much to ask for
	defer ticker.Stop()
	for deadline := time.Now().Add(5 * time.Minute); ; <-ticker.C {
		all := c.All()
		good := 0
		for _, s := range all {
			if wanted(s) {
				good++
			}
		}
		switch {
		case good == n:
			return all
		case !c.Running():
			t.Fatalf("the controller ended with exit code %d", c.ExitCode())
		case time.Now().After(deadline):
			t.Fatalf("%d of %d sites are %s", good, n, what)
		}
	}
}

// sweep asks for all names over and over until each has the address, and returns when each had it.
func (w *world) sweep(n int, addr string) func() []time.Time {
	var mu sync.Mutex
	seen := make([]time.Time, n)
	done := make(chan struct{})
	w.Go(func(ctx context.Context) {
		defer close(done)
		for left := n; left > 0 && ctx.Err() == nil; {
			for i := range n {
				if !seen[i].IsZero() {
					continue
				}
				if values, err := lab.Values(w.ns.Addr, benchHost(i)+".", dns.TypeA); err == nil && slices.Equal(values, []string{addr}) {
					mu.Lock()
					seen[i] = time.Now()
					mu.Unlock()
					left--
				}
			}
		}
	})
	return func() []time.Time {
		select {
		case <-done:
		case <-time.After(long):
		}
		mu.Lock()
		defer mu.Unlock()
		return slices.DeleteFunc(slices.Clone(seen), time.Time.IsZero)
	}
}

func logSpread(t *testing.T, what string, all []time.Duration) {
	t.Helper()
	slices.Sort(all)
	if len(all) == 0 {
		t.Errorf("%s: nothing was measured", what)
		return
	}
	t.Logf("figure: %s, %d sites: p50 %v, p99 %v, max %v", what, len(all), all[len(all)/2].Round(time.Millisecond),
		all[len(all)*99/100].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
}

// logProcess prints what the process holds (proc(5)).
func logProcess(t *testing.T, c *lab.Controller, started time.Time) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "VmHWM") || strings.HasPrefix(line, "Threads") {
			t.Logf("figure: after %v %s", time.Since(started).Round(time.Second), strings.Join(strings.Fields(line), " "))
		}
	}
}

// cpuTime returns the processor time a process has used (proc(5), fields 14 and 15, in ticks of 10 ms).
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
