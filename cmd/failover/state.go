package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/failover-dns/failover/failover/admin"
	"github.com/failover-dns/failover/failover/journal"
)

// newState saves and restores what the controller knows.
func newState(p *program) *cobra.Command {
	c := &cobra.Command{Use: "state", Short: "Save and restore what the controller knows", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(newExport(p), newImport(p))
	return c
}

func newExport(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write the state as JSON",
		Long:  "Write the state of all sites, baselines included, as JSON to FILE or to standard output. Asks the running\ncontroller, or reads the journal where none runs.",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			if len(given) == 0 {
				return p.export(c, p.out)
			}
			if _, err := os.Lstat(given[0]); err == nil {
				return fmt.Errorf("%s exists; try: another name", given[0])
			}
			var text strings.Builder
			if err := p.export(c, &text); err != nil {
				return err
			}
			return writeNew(given[0], text.String(), false)
		},
	}
}

// export asks the controller, or reads the journal where none runs.
func (p *program) export(c *cobra.Command, w io.Writer) error {
	client := p.door()
	defer client.Close()
	err := client.Export(c.Context(), w)
	if !errors.Is(err, admin.ErrUnreachable) {
		return err
	}
	cfg, bad := p.load()
	if bad != nil {
		return errors.Join(err, bad)
	}
	j, bad := journal.Open(filepath.Join(cfg.Controller.DataDir, journalFile))
	if bad != nil {
		return bad
	}
	return errors.Join(j.Export(w), j.Close())
}

func newImport(p *program) *cobra.Command {
	force := false
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Take a saved state for the controller's",
		Long:  "Take the state in FILE, as `failover state export` or a backup wrote it, for the controller's own. The\ncontroller must not run. A journal that knows more than FILE is kept, unless --force; it is put aside then.",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			cfg, err := p.load()
			if err != nil {
				return err
			}
			file, err := os.Open(given[0])
			if err != nil {
				return err
			}
			defer file.Close()
			if err := os.MkdirAll(cfg.Controller.DataDir, 0o700); err != nil {
				return err
			}
			path := filepath.Join(cfg.Controller.DataDir, journalFile)
			if err := journal.Import(path, file, force); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.out, "%s holds the state of %s now\n", path, given[0])
			return err
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace a journal that knows more; it is put aside")
	return c
}
