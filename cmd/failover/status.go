package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
)

// newStatus shows where all sites stand.
func newStatus(p *program) *cobra.Command {
	watch := false
	c := &cobra.Command{
		Use:               "status [SITE...]",
		Short:             "Show where every site stands",
		Long:              "Show, for each site: its phase and since when, what is seen of the origin, whether the fallback is ready\nand for how long its certificates are valid, and what an operator did (held, latched). Below a site stand\nthe reasons why a wanted switch does not happen, and any trouble.",
		ValidArgsFunction: p.completeSites(1 << 30),
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show it again every second")
	output := outputFlag(c)
	c.RunE = func(c *cobra.Command, sites []string) error {
		client := p.door()
		defer client.Close()
		if watch && *output == "text" {
			return p.watch(c.Context(), client, sites)
		}
		statuses, err := someSites(c.Context(), client, sites)
		if err != nil {
			return err
		}
		if *output == "json" {
			return p.json(statuses)
		}
		writeStatus(p.out, statuses, time.Now(), p.colours())
		return nil
	}
	return c
}

// someSites returns the status of the named sites, or of all.
func someSites(ctx context.Context, client *admin.Client, names []string) ([]failover.SiteStatus, error) {
	all, err := client.Status(ctx)
	if err != nil {
		return nil, err
	}
	names, err = choose(names, all)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(s failover.SiteStatus) bool { return !slices.Contains(names, s.Site) }), nil
}

// writeStatus writes the table.
func writeStatus(w io.Writer, statuses []failover.SiteStatus, now time.Time, colours bool) {
	if len(statuses) == 0 {
		fmt.Fprintln(w, "no sites")
		return
	}
	t := table{}
	t.add(plain("SITE"), plain("PHASE"), plain("SINCE"), plain("ORIGIN"), plain("FALLBACK"), plain("HAND"))
	for _, s := range statuses {
		t.add(plain(s.Site), phase(s), plain(ago(s.State.Since, now)), origin(s.Verdict), readiness(s, now), operator(s.State))
		notes(&t, s, now)
	}
	t.write(w, colours)
}

func phase(s failover.SiteStatus) cell {
	text := string(s.State.Phase)
	if s.Acting {
		text += " (switching)"
	}
	switch {
	case s.State.Phase == failover.Primary:
		return paint(text, green)
	case s.State.Phase == failover.InFallback:
		return paint(text, red)
	default:
		return paint(text, yellow)
	}
}

func origin(v failover.Verdict) cell {
	text := string(v.Health)
	if v.Cause != "" {
		text += ": " + string(v.Cause)
	}
	switch {
	case v.Blind:
		return paint("unknown: we are offline", yellow)
	case v.Health == failover.Up && v.Cause == "":
		return paint(text, green)
	case v.Health == failover.Down:
		return paint(text, red)
	case v.Health == "":
		return paint("unknown", yellow)
	default:
		return paint(text, yellow)
	}
}

// readiness says whether the fallback could take over, and how long its first certificate to end lasts.
func readiness(s failover.SiteStatus, now time.Time) cell {
	if !s.Verdict.FallbackReady {
		return paint("not ready", red)
	}
	var end time.Time
	for _, o := range s.Observations {
		if o.Role == failover.RoleFallback && !o.Expiry.IsZero() && (end.IsZero() || o.Expiry.Before(end)) {
			end = o.Expiry
		}
	}
	if end.IsZero() {
		return paint("ready", green)
	}
	left := end.Sub(now)
	text := "ready, certificate for " + short(left)
	if left < 7*24*time.Hour {
		return paint(text, yellow)
	}
	return paint(text, green)
}

func operator(s failover.State) cell {
	if text := hand(s); text != "" {
		return paint(text[len(", "):], yellow)
	}
	return plain("-")
}

// notes writes what a person should know beside the row.
func notes(t *table, s failover.SiteStatus, now time.Time) {
	if s.Trouble != "" {
		t.note("trouble: "+s.Trouble, red)
	}
	if s.Verdict.Health != failover.Up || s.Verdict.Cause != "" {
		if s.Verdict.Detail != "" {
			t.note("origin: "+s.Verdict.Detail, none)
		}
	}
	if !s.Verdict.FallbackReady && s.Verdict.FallbackDetail != "" {
		t.note("fallback: "+s.Verdict.FallbackDetail, none)
	}
	if s.State.Reason != "" && (s.State.Held || s.State.Latched) {
		t.note("reason: "+s.State.Reason, none)
	}
	if s.State.Armed {
		t.note(armed(s.LowFrom, now), none)
	}
	for _, v := range s.State.Vetoes {
		t.note(v.Rule+": "+v.Message, yellow)
	}
	for _, v := range s.Verdict.Against {
		if s.State.Phase.Serving() {
			break // it was made
		}
		if !slices.ContainsFunc(s.State.Vetoes, func(said failover.Veto) bool { return said.Rule == v.Rule }) {
			t.note("a switch would "+stopped(v)+": "+v.Rule+": "+v.Message, yellow)
		}
	}
	for _, o := range s.Observations {
		if o.Warning != "" {
			t.note("warning: "+o.Check+" at "+o.Address+": "+o.Warning, yellow)
		}
	}
}

// armed says whether a switch would be quick for everybody already.
func armed(from, now time.Time) string {
	switch {
	case from.IsZero():
		return "armed: the TTLs are not low yet"
	case from.After(now):
		return "armed: the TTLs are low; resolvers may hold the old ones for another " + short(from.Sub(now))
	default:
		return "armed: ready, no resolver holds an old TTL any more"
	}
}

// ago is the time passed since t, short.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return short(now.Sub(t))
}

// short renders a duration by its two largest units, such as "3d4h", "5m7s" or "12s".
func short(d time.Duration) string {
	d = max(0, d).Truncate(time.Second)
	days, hours := int(d/(24*time.Hour)), int(d/time.Hour)%24
	minutes, secs := int(d/time.Minute)%60, int(d/time.Second)%60
	switch {
	case days >= 10:
		return fmt.Sprintf("%dd", days)
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm%ds", minutes, secs)
	default:
		return fmt.Sprintf("%ds", secs)
	}
}
