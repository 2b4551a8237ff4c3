package lab

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a program of the lab. It is ended with the test; its output is shown when the test fails.
type Process struct {
	Name string
	Log  string // file of its standard output and error
	cmd  *exec.Cmd
	done chan struct{}
	once sync.Once
}

// Start runs the command until the test ends or it is stopped.
func (l *Lab) Start(name string, cmd *exec.Cmd) *Process {
	l.T.Helper()
	p := &Process{Name: name, Log: l.Path("log/" + name), cmd: cmd, done: make(chan struct{})}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		l.T.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	// A test binary that is killed takes its processes along.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		l.T.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait()
	}()
	l.T.Cleanup(func() {
		p.Stop()
		if l.T.Failed() {
			l.T.Logf("%s said:\n%s", name, p.Tail(16<<10))
		}
	})
	return p
}

// Running tells whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends a signal to the process.
func (p *Process) Signal(sig os.Signal) { _ = p.cmd.Process.Signal(sig) }

// Kill ends the process at once, as a power cut would, and waits until it is gone.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Stop ends the process in order, or after ten seconds without.
func (p *Process) Stop() {
	p.once.Do(func() {
		if !p.Running() {
			return
		}
		p.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			p.Kill()
		}
	})
}

// ExitCode waits for the end of the process and returns its exit code.
func (p *Process) ExitCode() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output returns all that the process has said.
func (p *Process) Output() string {
	text, _ := os.ReadFile(p.Log)
	return string(text)
}

// Tail returns the last n bytes that the process has said.
func (p *Process) Tail(n int64) string {
	f, err := os.Open(p.Log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > n {
		_, _ = f.Seek(-n, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return string(bytes.TrimSpace(text))
}

// roleEnv names the part that a re-executed test binary plays.
const roleEnv = "FAILOVER_LAB_ROLE"

// Main is the TestMain of a package that uses a Lab: the test binary itself also plays the origin
// and the certificate authority, each as a process that can be killed. before runs once ahead of
// the tests.
func Main(m *testing.M, before func() error) {
	var err error
	switch os.Getenv(roleEnv) {
	case "":
		if err = before(); err == nil {
			os.Exit(m.Run())
		}
	case "origin":
		err = serveOrigin()
	case "pebble":
		err = servePebble()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// self returns a command that runs this test binary in a role.
func self(role string, env ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	cmd := exec.Command(filepath.Clean(exe))
	cmd.Env = append(os.Environ(), append(env, roleEnv+"="+role)...)
	return cmd
}
