package main

import (
	"context"
	"errors"
	"io"
)

// runOptions is what `failover run` was told on the command line.
type runOptions struct {
	Config  string // file or directory
	Socket  string // overrides the configuration's when not empty
	Version string // for logs and metrics
	Stderr  io.Writer
}

// runController runs the controller and the fallback until ctx ends.
func runController(ctx context.Context, o runOptions) error {
	return errors.New("this build has no controller yet")
}
