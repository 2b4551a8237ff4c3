package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// machine is where the program under test runs, over and over.
type machine struct {
	c      *cell
	config string   // path
	socket string   // path, short enough for a unix socket
	within []string // a command to run it by, such as ip netns exec
	said   *journal

	mu      sync.Mutex
	cmd     *exec.Cmd
	done    chan struct{}
	runs    int
	epoch   int // counts starts and kills
	started time.Time
}

func newMachine(c *cell) *machine {
	c.T.Helper()
	dir, err := os.MkdirTemp("", "fo")
	if err != nil {
		c.T.Fatal(err)
	}
	m := &machine{c: c, config: c.Path("failover.hcl"), socket: filepath.Join(dir, "s"), said: &journal{}}
	c.T.Cleanup(func() {
		m.stop()
		os.RemoveAll(dir)
		if c.T.Failed() {
			c.T.Logf("the controller said:\n%s", m.said.tail(24<<10))
		}
	})
	return m
}

func (m *machine) environment() []string {
	return append(os.Environ(), "TSIG_SECRET="+lab.TSIGSecret, "CF_TOKEN="+apiToken, "WEBHOOK_SECRET="+canary, "SSL_CERT_FILE="+m.c.ca.file)
}

func (m *machine) command(ctx context.Context, args ...string) *exec.Cmd {
	line := append(append([]string{}, m.within...), binary)
	line = append(line, args...)
	cmd := exec.CommandContext(ctx, line[0], append(line[1:], "--config", m.config)...)
	cmd.Env = m.environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// write stores the configuration.
func (m *machine) write(text string) {
	m.c.T.Helper()
	if err := os.WriteFile(m.config, []byte(text), 0o600); err != nil {
		m.c.T.Fatal(err)
	}
}

// start starts the program, the first time with the cell's configuration.
func (m *machine) start() {
	m.c.T.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.runs == 0 {
		if _, err := os.Stat(m.config); err != nil {
			m.write(m.c.config())
		}
	}
	cmd := m.command(context.Background(), "run")
	cmd.Stdout, cmd.Stderr = m.said, m.said
	if err := cmd.Start(); err != nil {
		m.c.T.Errorf("start the controller: %v", err)
		return
	}
	m.runs++
	m.epoch++
	m.started = time.Now()
	done := make(chan struct{})
	m.cmd, m.done = cmd, done
	go func() {
		defer close(done)
		_ = cmd.Wait()
	}()
}

func (m *machine) now() (*exec.Cmd, chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cmd, m.done
}

// run tells runs of the program apart; it changes before a kill and at a start.
func (m *machine) run() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.epoch
}

// age is how long the present run has lasted.
func (m *machine) age() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Since(m.started)
}

func (m *machine) running() bool {
	_, done := m.now()
	select {
	case <-done:
		return false
	default:
		return done != nil
	}
}

func (m *machine) signal(sig syscall.Signal) {
	if cmd, _ := m.now(); cmd != nil {
		_ = cmd.Process.Signal(sig)
	}
}

// kill ends the program at once and waits until it is gone.
func (m *machine) kill() {
	m.mu.Lock()
	m.epoch++
	m.mu.Unlock()
	m.signal(syscall.SIGKILL)
	if _, done := m.now(); done != nil {
		<-done
	}
}

// stop ends the program in order, or after ten seconds without.
func (m *machine) stop() {
	if !m.running() {
		return
	}
	m.signal(syscall.SIGCONT)
	m.signal(syscall.SIGTERM)
	_, done := m.now()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		m.kill()
	}
}

// exit waits for the end of the program and returns its exit code, or -1 if it goes on.
func (m *machine) exit(limit time.Duration) int {
	cmd, done := m.now()
	select {
	case <-done:
		return cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		return -1
	}
}

// say runs one command of the program.
func (m *machine) say(args ...string) lab.Said {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := m.command(ctx, append(args, "--socket", m.socket)...)
	if args[0] == "state" {
		cmd = m.command(ctx, args...)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return lab.Said{Err: err.Error(), Code: -1}
	}
	if args[0] != "state" { // its output is looked at by itself
		_, _ = m.said.Write(stdout.Bytes())
	}
	_, _ = m.said.Write(stderr.Bytes())
	return lab.Said{Out: stdout.String(), Err: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}

// status is what the controller says of a site; false while it does not answer.
func (m *machine) status(site string) (failover.SiteStatus, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := m.command(ctx, "status", "-o", "json", "--socket", m.socket).Output()
	var all []failover.SiteStatus
	if err != nil || json.Unmarshal(out, &all) != nil {
		return failover.SiteStatus{}, false
	}
	for _, s := range all {
		if s.Site == site {
			return s, true
		}
	}
	return failover.SiteStatus{}, false
}

// waitStatus waits until the status of a site is as wanted and returns it.
func (m *machine) waitStatus(t *testing.T, site, what string, wanted func(failover.SiteStatus) bool) failover.SiteStatus {
	t.Helper()
	var last failover.SiteStatus
	ticker := time.NewTicker(150 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(long); ; <-ticker.C {
		s, known := m.status(site)
		if known {
			last = s
			if wanted(s) {
				return s
			}
		}
		if !m.running() {
			t.Fatalf("the controller ended before %s %s", site, what)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never %s; its status is %+v", site, what, last)
		}
	}
}

func (m *machine) waitReady(t *testing.T, site string) {
	t.Helper()
	m.waitStatus(t, site, "is ready to be switched", func(s failover.SiteStatus) bool {
		return s.Verdict.Health == failover.Up && s.Verdict.FallbackReady && s.State.Phase == failover.Primary && based(s)
	})
}

// based tells whether the records to go back to are in the journal.
func based(s failover.SiteStatus) bool {
	for _, z := range s.State.Zones {
		if len(z.Baseline) == 0 {
			return false
		}
	}
	return len(s.State.Zones) > 0
}

// entries are a site's journal, the oldest first.
func (m *machine) entries(t *testing.T, site string) []failover.Entry {
	t.Helper()
	said := m.say("history", site, "-n", "1000", "-o", "json")
	var entries []failover.Entry
	if err := json.Unmarshal([]byte(said.Out), &entries); err != nil {
		t.Fatalf("failover history: %v in %q, %q", err, said.Out, said.Err)
	}
	return entries
}

// journal keeps all that the program says, and tells whoever waits for a word.
type journal struct {
	mu    sync.Mutex
	text  bytes.Buffer
	word  string
	heard chan struct{}
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Write(p)
	if j.heard != nil && bytes.Contains(p, []byte(j.word)) {
		close(j.heard)
		j.heard = nil
	}
	return len(p), nil
}

// next is closed when the program says the word.
func (j *journal) next(word string) <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.word, j.heard = word, make(chan struct{})
	return j.heard
}

func (j *journal) all() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) has(text string) bool { return strings.Contains(j.all(), text) }

func (j *journal) tail(n int) string {
	text := j.all()
	return text[max(0, len(text)-n):]
}
