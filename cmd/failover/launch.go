package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when a release is built: -ldflags "-X main.version=1.2.3".
var version string

// newRun runs the controller.
func newRun(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the controller and the fallback",
		Long:  "Run the controller and the fallback in the foreground until interrupted. A SIGHUP, or a change of the\nconfiguration file, reloads the configuration, whole or not at all.",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return runController(c.Context(), runOptions{Config: p.config, Socket: p.socket, Version: buildVersion(), Stderr: p.err})
		},
	}
}

// newDemo plays an outage.
func newDemo(p *program) *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play an outage and a recovery on this machine",
		Long:  "Start an origin, a name server, the controller and the fallback on high ports of 127.0.0.1, kill the\norigin, bring it back, and tell what happens. Needs no root and no account, and leaves nothing behind.",
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			o.Out = p.out
			return runDemo(c.Context(), o)
		},
	}
	c.Flags().BoolVar(&o.Stay, "stay", false, "leave everything running until interrupted")
	return c
}

// newVersion says what runs.
func newVersion(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(p.out, "failover %s (%s, %s, %s/%s)\n", buildVersion(), buildRevision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// buildVersion is the release's version, else the module's, else "devel".
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// buildRevision is the commit the program was built from, with "+" when files differed from it.
func buildRevision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown revision"
	}
	revision, dirty := "unknown revision", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+"
		}
	}
	return revision + dirty
}
