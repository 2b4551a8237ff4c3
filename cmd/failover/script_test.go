package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/failover-dns/failover/failover/admin"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"failover": main})
}

type fakeKey struct{}

// TestScripts runs testdata/script/*.txtar. Each has a controller of its own behind a socket, which
// `controller WORD` tells how to behave (see fakeController.become).
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"controller": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(ts.Value(fakeKey{}).(*fakeController).become(args))
			},
			"code":       code,
			"asked":      asked,
			"waitfor":    waitFor,
			"listening":  listening,
			"nameserver": nameServer,
			"freeport":   freePorts,
			"expand":     expand,
			"answers":    answers,
			"webserver":  webServer,
			"fetch":      fetch,
			"page":       page,
		},
	})
}

func setUp(env *testscript.Env) error {
	fake := newFake()
	socket := filepath.Join(env.WorkDir, "s.sock")
	server := admin.NewServer(admin.Options{Socket: socket, Controller: fake})
	if err := server.Start(); err != nil {
		return err
	}
	env.Defer(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Stop(ctx)
	})
	env.Values[fakeKey{}] = fake
	env.Values[webKey{}] = &origins{stop: func() {}}
	env.Setenv("FAILOVER_SOCKET", socket)
	env.Setenv("FAILOVER_CONFIG", filepath.Join(env.WorkDir, "failover.hcl"))
	env.Setenv("TZ", "UTC")
	return nil
}
