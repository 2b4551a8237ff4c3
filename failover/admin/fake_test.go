package admin_test

import (
	"context"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a Controller that answers what it was given.
type fake struct {
	mu       sync.Mutex
	statuses []failover.SiteStatus
	err      error // of every call
	command  func(ctx context.Context, site string, c failover.Command, report func(failover.Entry)) error
	reloads  int
}

func (f *fake) Status(context.Context) ([]failover.SiteStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.statuses, nil
}

func (f *fake) Plan(_ context.Context, site string, target failover.Target) ([]failover.Plan, error) {
	return []failover.Plan{{Site: site, Target: target, Generation: 7}}, f.err
}

func (f *fake) Command(ctx context.Context, site string, c failover.Command, report func(failover.Entry)) error {
	return f.command(ctx, site, c, report)
}

func (f *fake) History(_ context.Context, site string, n int) ([]failover.Entry, error) {
	return []failover.Entry{{Seq: uint64(n), Site: site, Event: failover.EventStart}}, f.err
}

func (f *fake) Check(_ context.Context, site string) ([]failover.Observation, error) {
	return []failover.Observation{{Site: site, Cause: failover.CauseRefused, Timings: failover.Timings{Connect: time.Second}}}, f.err
}

func (f *fake) Reload(context.Context) error {
	f.reloads++
	return f.err
}

func sites(names ...string) []failover.SiteStatus {
	var out []failover.SiteStatus
	for _, n := range names {
		out = append(out, failover.SiteStatus{Site: n, State: failover.State{Phase: failover.Primary}})
	}
	return out
}

// door starts a server over the fake and returns a client and the socket's path.
func door(t *testing.T, f *fake) (*admin.Client, string, *admin.Server) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s.sock")
	server := admin.NewServer(admin.Options{Socket: socket, Controller: f})
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	client := admin.Dial(socket)
	t.Cleanup(func() {
		client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error("stop:", err)
		}
	})
	return client, socket, server
}

func (f *fake) Export(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "{\"state\": true}\n")
	return err
}
