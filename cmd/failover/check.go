package main

import (
	"context"
	"github.com/spf13/cobra"
)

func newCheck(p *program) *cobra.Command { _ = context.Background; return oneSite(&cobra.Command{Use: "check SITE", RunE: func(*cobra.Command, []string) error { return nil }}, p) }
