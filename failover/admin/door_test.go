package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
)

func TestCallsPassTheDoor(t *testing.T) {
	f := &fake{statuses: sites("shop", "www")}
	client, _, _ := door(t, f)
	ctx := t.Context()
	status, err := client.Status(ctx)
	if err != nil || !reflect.DeepEqual(status, f.statuses) {
		t.Errorf("Status = %v, %v", status, err)
	}
	plans, err := client.Plan(ctx, "www", failover.ToFallback)
	if err != nil || len(plans) != 1 || plans[0].Site != "www" || plans[0].Target != failover.ToFallback || plans[0].Generation != 7 {
		t.Errorf("Plan = %v, %v", plans, err)
	}
	entries, err := client.History(ctx, "www", 20)
	if err != nil || len(entries) != 1 || entries[0].Seq != 20 || entries[0].Site != "www" {
		t.Errorf("History = %v, %v", entries, err)
	}
	looks, err := client.Check(ctx, "shop")
	if err != nil || len(looks) != 1 || looks[0].Site != "shop" || looks[0].Timings.Connect != time.Second {
		t.Errorf("Check = %v, %v", looks, err)
	}
	if err := client.Reload(ctx); err != nil || f.reloads != 1 {
		t.Errorf("Reload = %v, %d times", err, f.reloads)
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	lost := &failover.ZoneError{Kind: failover.KindLost, Zone: "example.org.", Op: "replace", Err: errors.New("eof")}
	drift := &failover.ZoneError{Kind: failover.KindDrift, Zone: "example.org.", Op: "replace", Err: errors.New("moved")}
	for _, test := range []struct {
		err  error
		want error
	}{
		{fmt.Errorf("%w: not ready", failover.ErrRefused), failover.ErrRefused},
		{drift, failover.ErrDrift},
		{fmt.Errorf("%w: apex", failover.ErrNoPlan), failover.ErrNoPlan},
		{fmt.Errorf("zone: %w", lost), admin.ErrUnknownOutcome},
		{errors.New("disk on fire"), nil},
	} {
		f := &fake{statuses: sites("www"), err: test.err}
		f.command = func(context.Context, string, failover.Command, func(failover.Entry)) error { return test.err }
		client, _, _ := door(t, f)
		_, planErr := client.Plan(t.Context(), "www", failover.ToFallback)
		commandErr := client.Command(t.Context(), "www", failover.Command{Action: failover.Trigger}, func(failover.Entry) {})
		for _, got := range []error{planErr, commandErr} {
			if got == nil || got.Error() != test.err.Error() {
				t.Errorf("%q came as %q", test.err, got)
			}
			for _, kind := range []error{failover.ErrRefused, failover.ErrDrift, failover.ErrNoPlan, admin.ErrUnknownOutcome} {
				if errors.Is(got, kind) != (kind == test.want) {
					t.Errorf("%q: errors.Is(_, %q) = %v", got, kind, !(kind == test.want))
				}
			}
		}
	}
}

func TestUnknownSiteNamesTheNearest(t *testing.T) {
	client, _, _ := door(t, &fake{statuses: sites("blog", "shop", "www")})
	for site, nearest := range map[string]string{"wwww": "www", "shpo": "shop", "something-else": "", "a/b c": ""} {
		_, err := client.History(t.Context(), site, 1)
		var unknown *admin.UnknownSiteError
		if !errors.As(err, &unknown) || unknown.Site != site || unknown.Nearest != nearest {
			t.Errorf("History(%q): %v, want nearest %q", site, err, nearest)
		}
		if err := client.Command(t.Context(), site, failover.Command{}, nil); !errors.Is(err, admin.ErrUnknownSite) {
			t.Errorf("Command(%q): %v", site, err)
		}
	}
}

func TestBadRequests(t *testing.T) {
	client, _, _ := door(t, &fake{statuses: sites("www")})
	if _, err := client.Plan(t.Context(), "www", "sideways"); err == nil || !strings.Contains(err.Error(), "unknown target") {
		t.Error("Plan:", err)
	}
	if _, err := client.History(t.Context(), "www", 0); err == nil || !strings.Contains(err.Error(), "not a number") {
		t.Error("History:", err)
	}
}

func TestNobodyAtTheSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s.sock")
	client := admin.Dial(socket)
	_, err := client.Status(t.Context())
	if !errors.Is(err, admin.ErrUnreachable) || !strings.Contains(err.Error(), socket) || !strings.Contains(err.Error(), "try: failover run") {
		t.Error(err)
	}
	err = client.Command(t.Context(), "www", failover.Command{}, nil)
	if !errors.Is(err, admin.ErrUnreachable) {
		t.Error("a command that nobody heard has a known outcome:", err)
	}
}

func TestSocketIsPrivateAndGoesAway(t *testing.T) {
	f := &fake{}
	_, socket, server := door(t, f)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the socket stays:", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := start(t, socket); err == nil || !strings.Contains(err.Error(), "already runs") {
		t.Error("a socket in use was taken:", err)
	}
	l.Close() // as kill -9 leaves it
	if err := start(t, socket); err != nil {
		t.Error("a stale socket:", err)
	}
}

func TestFileThatIsNoSocketStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := start(t, path); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Error(err)
	}
	if data, _ := os.ReadFile(path); string(data) != "mine" {
		t.Errorf("the file now holds %q", data)
	}
}

// start starts a server at the socket and, if that worked, stops it when the test ends.
func start(t *testing.T, socket string) error {
	server := admin.NewServer(admin.Options{Socket: socket, Controller: &fake{}, Mode: 0o660})
	if err := server.Start(); err != nil {
		return err
	}
	t.Cleanup(func() { server.Stop(context.Background()) })
	return nil
}
