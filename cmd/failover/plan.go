package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/failover-dns/failover/failover"
)

// newPlan shows what a switch would change.
func newPlan(p *program) *cobra.Command {
	target := failover.ToFallback
	c := oneSite(&cobra.Command{
		Use:   "plan SITE",
		Short: "Show what a switch would change, without changing anything",
		Long:  "Ask the running controller what a switch would change in the site's zones: one line for each record\nset, before and after, and the safety rules that would refuse it. Nothing is changed.",
	}, p)
	c.Flags().Var((*targetFlag)(&target), "to", "`form` the zones should have: fallback, armed (low TTLs) or origin")
	_ = c.RegisterFlagCompletionFunc("to", cobra.FixedCompletions([]cobra.Completion{"fallback", "armed", "origin"}, cobra.ShellCompDirectiveNoFileComp))
	output := outputFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		client := p.door()
		defer client.Close()
		plans, err := client.Plan(c.Context(), args[0], target)
		if err != nil {
			return err
		}
		if *output == "json" {
			return p.json(plans)
		}
		p.writePlans(plans)
		if target != failover.ToFallback {
			return nil
		}
		statuses, err := someSites(c.Context(), client, args)
		for _, s := range statuses {
			p.writeObjections(s)
		}
		return err
	}
	return c
}

// writeObjections says which safety rules would refuse the switch.
func (p *program) writeObjections(s failover.SiteStatus) {
	for _, v := range s.Verdict.Objections() {
		fmt.Fprintf(p.out, "%s: a switch would %s: %s: %s\n", s.Site, stopped(v), v.Rule, v.Message)
	}
}

// stopped says what a rule does to a switch.
func stopped(v failover.Veto) string {
	if slices.Contains(failover.OperatorRules(), v.Rule) {
		return "be refused"
	}
	return "wait"
}

// targetFlag is the value of --to.
type targetFlag failover.Target

func (t *targetFlag) String() string { return string(*t) }
func (t *targetFlag) Type() string   { return "form" }
func (t *targetFlag) Set(s string) error {
	switch failover.Target(s) {
	case failover.ToFallback, failover.ToArmed, failover.ToOrigin:
		*t = targetFlag(s)
		return nil
	}
	return errors.New("must be fallback, armed or origin")
}

// writePlans writes a head line for each zone and a line for each record set.
func (p *program) writePlans(plans []failover.Plan) {
	for _, plan := range plans {
		end := ""
		if plan.Empty() {
			end = " (nothing to change)"
		}
		fmt.Fprintf(p.out, "%s: zone %s at %s, to %s%s\n", plan.Site, plan.Zone, plan.Provider, plan.Target, end)
		t := table{}
		for _, c := range transitions(plan) {
			t.add(plain("  "+c.name), plain(c.rrtype), plain(c.before), plain(c.arrow), paint(c.after, c.colour))
		}
		t.write(p.out, p.colours())
	}
}

// transition is one record set of a plan, before and after.
type transition struct {
	name, rrtype, before, arrow, after string
	colour                             colour
}

// transitions lists the plan's record sets, also those that stay, in order of name and type.
func transitions(plan failover.Plan) []transition {
	before, after := byKey(plan.Before), byKey(plan.After)
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	var out []transition
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		set := keys[key]
		t := transition{name: set.Name, rrtype: set.Type, before: "nothing", arrow: "->", after: "nothing", colour: yellow}
		b, had := before[key]
		a, has := after[key]
		if had {
			t.before = content(b)
		}
		if has {
			t.after = content(a)
		}
		if had && has && a.Equal(b) {
			t.arrow, t.after, t.colour = "=", "stays", none
		}
		out = append(out, t)
	}
	return out
}

func byKey(sets []failover.RecordSet) map[string]failover.RecordSet {
	out := make(map[string]failover.RecordSet, len(sets))
	for _, s := range sets {
		out[s.Key()] = s
	}
	return out
}

// content is values and TTL.
func content(s failover.RecordSet) string {
	ttl := fmt.Sprintf("TTL %d", s.TTL)
	if s.Proxied {
		ttl = "proxied"
	}
	return strings.Join(s.Values(), ", ") + " (" + ttl + ")"
}
