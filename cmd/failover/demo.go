package main

import (
	"context"
	"errors"
	"io"
)

// demoOptions is what `failover demo` was told on the command line.
type demoOptions struct {
	Stay bool // leave everything running until interrupted
	Out  io.Writer
}

// runDemo plays an outage and a recovery on loopback.
func runDemo(ctx context.Context, o demoOptions) error {
	return errors.New("this build has no demo yet")
}
