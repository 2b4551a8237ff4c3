package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/failover-dns/failover/failover"
)

// newHistory shows the journal of a site.
func newHistory(p *program) *cobra.Command {
	n := 20
	c := oneSite(&cobra.Command{
		Use:   "history SITE",
		Short: "Show what happened to a site",
		Long:  "Show the newest entries of the site's journal, the oldest first: decisions, orders by hand, changes of\nthe zones, and when each name server and each resolver of the panel answered the new records.",
	}, p)
	c.Flags().IntVarP(&n, "number", "n", n, "how many entries")
	output := outputFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if n < 1 {
			return usage("--number must be 1 or more; try: failover history %s -n 20", args[0])
		}
		client := p.door()
		defer client.Close()
		entries, err := client.History(c.Context(), args[0], n)
		if err != nil {
			return err
		}
		if *output == "json" {
			return p.json(entries)
		}
		for _, e := range entries {
			p.writeEntry(e, time.DateTime)
		}
		return nil
	}
	return c
}

// writeEntry writes an entry as a line, in local time, and what each server answered below it.
func (p *program) writeEntry(e failover.Entry, layout string) {
	by := ""
	if e.By != "" && e.By != "controller" {
		by = " (" + e.By + ")"
	}
	fmt.Fprintf(p.out, "%s  %s  %s: %s%s\n", e.At.Local().Format(layout), e.Site, e.Event, e.Message, by)
	for _, c := range e.Confirmations {
		outcome := "answers the new records"
		if !c.OK {
			outcome = "does not yet answer the new records"
		}
		if c.After > 0 {
			outcome += fmt.Sprintf(", %v after the plan", c.After.Round(10*time.Millisecond))
		}
		if c.Detail != "" {
			outcome += ": " + c.Detail
		}
		fmt.Fprintf(p.out, "    %s  %s %s %s\n", c.At.Local().Format(layout), c.Server, c.Address, outcome)
	}
}
