package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
)

// machine is where the program under test runs, over and over.
type machine struct {
	c      *cell
	config string   // path
	socket string   // path, short enough for a unix socket
	within []string // a command to run it by, such as ip netns exec
	binary string   // the program, or another build of it
	env    []string // more environment
	said   *journal

	mu      sync.Mutex
	cmd     *exec.Cmd
	done    chan struct{}
	runs    int
	epoch   int  // counts starts and kills
	doomed  bool // killed, and perhaps not dead yet
	started time.Time
}

func newMachine(c *cell) *machine {
	c.T.Helper()
	dir, err := os.MkdirTemp("", "fo")
	if err != nil {
		c.T.Fatal(err)
	}
	m := &machine{c: c, config: c.Path("failover.hcl"), socket: filepath.Join(dir, "s"), binary: binary, said: &journal{}}
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
	return append(append(os.Environ(), m.env...), "TSIG_SECRET="+lab.TSIGSecret, "CF_TOKEN="+apiToken, "WEBHOOK_SECRET="+canary, "SSL_CERT_FILE="+m.c.ca.file)
}

func (m *machine) command(ctx context.Context, args ...string) *exec.Cmd {
	line := append(append([]string{}, m.within...), m.binary)
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
	m.doomed = false
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

// running tells whether the program runs and nobody has killed it.
func (m *machine) running() bool {
	m.mu.Lock()
	done, doomed := m.done, m.doomed
	m.mu.Unlock()
	if doomed {
		return false
	}
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
	m.doomed = true
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
