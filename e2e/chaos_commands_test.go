package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

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
	if args[0] != "state" && args[0] != "history" { // their output is looked at by itself
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
