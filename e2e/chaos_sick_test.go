package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// A disk that fails under the running program: strace(1) makes its system calls fail, or the kernel
// does, where it may not write beyond a place in the middle of a page.
func sickRows() []row {
	return []row{
		{fault: faultDisk, how: "sync fails (EIO)", run: sickDisk("input/output error", injected("fdatasync,fsync:error=EIO"))},
		{fault: faultDisk, how: "every other sync fails", run: sickDisk("input/output error", injected("fdatasync,fsync:error=EIO:when=1+2"))},
		{fault: faultDisk, how: "write fails (EIO)", run: sickDisk("input/output error", injected("pwrite64:error=EIO"))},
		{fault: faultDisk, how: "write is short, and the rest fails (EFBIG)", run: sickDisk("file too large", limited)},
	}
}

// sickDisk lets the disk fail before an outage and again before its end. Nothing is changed while it
// does, pages are served, an alarm tells of it; when it is well again all goes on.
func sickDisk(alarm string, fail func(c *cell, t *testing.T) (heal func())) func(t *testing.T) {
	return func(t *testing.T) {
		c := newCell(t, "bind", quick())
		c.begin(t)
		told := len(c.hooks.text())
		heal := fail(c, t)
		c.origin.set(refusing)
		c.frozenBy(t, alarm, told)
		if diff := lab.DiffLines(c.before, c.dump(t)); diff != "" {
			t.Errorf("what is not in the journal is in the zone:\n%s", diff)
		}
		heal()
		c.awaitFallback(t)
		c.settled(t)
		told = len(c.hooks.text())
		heal = fail(c, t)
		c.origin.set(well)
		c.frozenBy(t, alarm, told)
		if !c.atFallback() {
			t.Error("the name went back while the journal could not be written")
		}
		c.wantPage(t)
		heal()
		c.finish(t)
		c.wantSwitches(t, 2)
	}
}

// frozenBy expects an alarm after those told already, an answer for visitors, and a name that does not move.
func (c *cell) frozenBy(t *testing.T, alarm string, told int) {
	t.Helper()
	c.stay(t, 5*time.Second, "the disk fails")
	if text := c.hooks.text()[told:]; !strings.Contains(text, `"journal"`) || !strings.Contains(text, alarm) {
		t.Errorf("no webhook tells of the journal and of %q: %.2000s", alarm, text)
	}
	if v := c.visitor().Get(c.hosts()[0]); v.Status != 503 {
		t.Errorf("while the disk fails a visitor got %d, %v", v.Status, v.Err)
	}
	if s, known := c.m.status("www"); !known {
		t.Error("the program does not tell its status")
	} else if s.Verdict.Health == failover.Unknown {
		t.Error("the origin is not looked at any more")
	}
}

// injected makes system calls of the running program fail, in strace's words, until healed.
func injected(fault string) func(c *cell, t *testing.T) func() {
	return func(c *cell, t *testing.T) func() {
		t.Helper()
		calls, _, _ := strings.Cut(fault, ":")
		cmd, _ := c.m.now()
		said := &journal{}
		attached := said.next("attached")
		tracer := exec.Command(lab.Need(t, "strace"), "-f", "-p", strconv.Itoa(cmd.Process.Pid), "-o", os.DevNull,
			"-e", "trace="+calls, "-e", "inject="+fault)
		tracer.Stderr = said
		tracer.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := tracer.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = tracer.Wait()
		}()
		heal := func() {
			_ = tracer.Process.Signal(syscall.SIGINT) // it detaches
			<-ended
		}
		t.Cleanup(heal)
		select {
		case <-attached:
		case <-ended:
			lab.Missing(t, "the right to trace another process: "+said.all())
		case <-time.After(long):
			t.Fatal("strace never attached")
		}
		return heal
	}
}

// limited lets the program write to a place in the middle of a page and no further, nearer and nearer
// to the file's beginning, and gives it something to write each time: of what begins before the place a
// part is written (setrlimit(2), RLIMIT_FSIZE). In the end nothing can be.
func limited(c *cell, t *testing.T) func() {
	t.Helper()
	prlimit := lab.Need(t, "prlimit")
	cmd, _ := c.m.now()
	set := func(soft string) {
		t.Helper()
		if out, err := exec.Command(prlimit, "--pid", strconv.Itoa(cmd.Process.Pid), fmt.Sprintf("--fsize=%s:unlimited", soft)).CombinedOutput(); err != nil {
			t.Fatalf("prlimit: %v, %s", err, out)
		}
	}
	refused := 0
	for page := 16; page >= 2; page-- {
		set(strconv.Itoa(page*os.Getpagesize() + 1000))
		if c.m.say("hold", "www", "--yes", "--reason", "drill").Code != 0 {
			refused++
		} else if c.m.say("release", "www", "--yes").Code != 0 {
			set("unlimited")
			c.m.say("release", "www", "--yes")
		}
	}
	if s, _ := c.m.status("www"); s.State.Held || refused < 3 {
		t.Fatalf("%d of 15 orders were refused, and the site is held: %v", refused, s.State.Held)
	}
	return func() { set("unlimited") }
}
