package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Build compiles the program under test into dir and returns its path. With FAILOVER_E2E_RACE=1
// the race detector is in it; figures measured then say nothing.
func Build(dir string) (string, error) {
	binary := dir + "/failover"
	args := []string{"build", "-trimpath", "-o", binary}
	if os.Getenv("FAILOVER_E2E_RACE") == "1" {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/failover")...)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return binary, nil
}

// Controller is the program under test, running.
type Controller struct {
	*Process
	lab    *Lab
	binary string
	Config string // path of the configuration file
	env    []string
	n      int
}

// Controller starts the program with a configuration. env is added to its environment.
func (l *Lab) Controller(binary, config string, env ...string) *Controller {
	l.T.Helper()
	c := &Controller{lab: l, binary: binary, Config: l.Write("failover.hcl", config), env: env}
	c.Start()
	return c
}

// Start starts the program, again after it ended.
func (c *Controller) Start() {
	c.lab.T.Helper()
	c.n++
	cmd := exec.Command(c.binary, "run", "--config", c.Config)
	cmd.Env = append(os.Environ(), c.env...)
	c.Process = c.lab.Start(fmt.Sprintf("failover-%d", c.n), cmd)
}

// Said is what one run of the program said.
type Said struct {
	Out, Err string
	Code     int
}

// Run runs one command of the program against the running controller and waits for its end.
func (c *Controller) Run(args ...string) Said {
	c.lab.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.binary, append(args, "--config", c.Config)...)
	cmd.Env = append(os.Environ(), c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.lab.T.Fatalf("failover %v: %v", args, err)
	}
	return Said{Out: stdout.String(), Err: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}

// Status returns the site's status, or false while the controller does not answer.
func (c *Controller) Status(site string) (failover.SiteStatus, bool) {
	c.lab.T.Helper()
	for _, s := range c.All() {
		if s.Site == site {
			return s, true
		}
	}
	return failover.SiteStatus{}, false
}

// All returns the status of all sites; none while the controller does not answer.
func (c *Controller) All() []failover.SiteStatus {
	c.lab.T.Helper()
	said := c.Run("status", "-o", "json")
	if said.Code != 0 {
		return nil
	}
	var all []failover.SiteStatus
	if err := json.Unmarshal([]byte(said.Out), &all); err != nil {
		c.lab.T.Fatalf("failover status -o json: %v in %q", err, said.Out)
	}
	return all
}

// WaitReady waits until the controller sees the origin well and the fallback serve every host.
func (c *Controller) WaitReady(t testing.TB, site string) {
	t.Helper()
	c.WaitStatus(t, site, "sees the origin well and the fallback ready", func(s failover.SiteStatus) bool {
		return s.Verdict.Health == failover.Up && s.Verdict.FallbackReady && s.State.Phase == failover.Primary
	})
}

// WaitStatus waits until the site's status is as wanted and returns it.
func (c *Controller) WaitStatus(t testing.TB, site, what string, wanted func(failover.SiteStatus) bool) failover.SiteStatus {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		status, known := c.Status(site)
		if known && wanted(status) {
			return status
		}
		switch {
		case !c.Running():
			t.Fatalf("the controller ended with exit code %d before it %s", c.ExitCode(), what)
		case time.Now().After(deadline):
			t.Fatalf("the controller never %s; its status is %+v", what, status)
		}
		<-ticker.C
	}
}

// History returns the site's journal, the oldest entry first.
func (c *Controller) History(site string) []failover.Entry {
	c.lab.T.Helper()
	said := c.Run("history", site, "-n", "1000", "-o", "json")
	var entries []failover.Entry
	if err := json.Unmarshal([]byte(said.Out), &entries); err != nil {
		c.lab.T.Fatalf("failover history -o json: %v in %q, %q", err, said.Out, said.Err)
	}
	return entries
}
