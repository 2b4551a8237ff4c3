package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
)

// errStopped says that the operator answered no.
var errStopped = errors.New("stopped; nothing was changed")

// order is an operator's word on its way to the controller.
type order struct {
	action failover.Action
	target failover.Target // of the zones; empty: they stay as they are
	means  string          // what it does, for the question
	asks   bool            // the reason must be given
	rules  bool            // safety rules may object, which --force overrides

	all, force, yes, wait bool
	override              []string
	reason                string
	timeout               time.Duration
}

// newOrders returns the commands that change something.
func newOrders(p *program) []*cobra.Command {
	return []*cobra.Command{
		newOrder(p, order{action: failover.Trigger, target: failover.ToFallback, asks: true, rules: true,
			means: "visitors get the maintenance page until `failover restore`"},
			"Switch sites to the fallback now",
			"Switch sites to the fallback now, and latch them: automation does not undo what a human did.\nThe way back is `failover restore`."),
		newOrder(p, order{action: failover.Restore, target: failover.ToArmed, rules: true,
			means: "visitors get the origin again; TTLs return to what they were after a quiet time"},
			"Switch sites back to the origin now",
			"Switch sites back to the origin now and take the latch off. With --force also when the origin is not\nseen to be well; the site is then held, so that automation does not undo it."),
		newOrder(p, order{action: failover.Hold, asks: true, means: "automation stands still until `failover release`"},
			"Make automation stand still",
			"Make automation stand still for sites, in either direction, until `failover release`. Orders by hand\nstill work."),
		newOrder(p, order{action: failover.Release, means: "automation acts again"},
			"Let automation act again", "Take back `failover hold`."),
		newOrder(p, order{action: failover.Arm, target: failover.ToArmed, means: "TTLs are brought down now, and kept down until `failover disarm`"},
			"Lower TTLs ahead of time",
			"Bring the TTLs of sites down to armed_ttl now and keep them there, so that a later switch is quick. The\noriginal TTLs are remembered. `failover status` says when the last resolver that honours TTLs can have\nforgotten the old ones: one old TTL later."),
		newOrder(p, order{action: failover.Disarm, target: failover.ToOrigin, means: "TTLs return to what they were"},
			"Let TTLs return to what they were", "Take back `failover arm`."),
		newOrder(p, order{action: failover.Adopt, asks: true, means: "the zones are right as they are, and become the new baseline"},
			"Take a zone as it stands for the new baseline",
			"Take the zones of sites as they stand for the new baseline, after somebody else changed them. A site that\nwas failed over counts as back at the origin then. Records that point at the fallback are refused."),
	}
}

func newOrder(p *program, o order, short, text string) *cobra.Command {
	c := &cobra.Command{
		Use:   string(o.action) + " SITE...",
		Short: short,
		Long: text + "\n\nShows what will change, asks, and reports each step as it happens. An end of the waiting (--timeout,\n" +
			"an interrupt) does not end the change: the controller goes on.\n\n" + exitCodes,
		ValidArgsFunction: p.completeSites(1 << 30),
		RunE: func(c *cobra.Command, sites []string) error {
			return o.run(c.Context(), p, sites)
		},
	}
	f := c.Flags()
	reason := "why, for the history"
	if o.asks {
		reason += "; asked for when missing"
	}
	f.StringVarP(&o.reason, "reason", "r", "", reason)
	f.BoolVar(&o.all, "all", false, "every site of the controller")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.wait, "wait", true, "wait until it is done")
	f.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long to wait")
	if o.rules {
		f.StringSliceVar(&o.override, "override", nil, "a safety `rule` that shall not object: "+strings.Join(failover.OperatorRules(), ", "))
		_ = c.RegisterFlagCompletionFunc("override", cobra.FixedCompletions(failover.OperatorRules(), cobra.ShellCompDirectiveNoFileComp))
		f.BoolVar(&o.force, "force", false, "override all of them")
	}
	return c
}

func (o order) run(ctx context.Context, p *program, sites []string) error {
	if o.all == (len(sites) > 0) {
		return usage("name the sites, or say --all; try: failover %s SITE", o.action)
	}
	client := p.door()
	defer client.Close()
	statuses, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if sites, err = choose(sites, statuses); err != nil {
		return err
	}
	if err := o.askReason(p); err != nil {
		return err
	}
	o.show(ctx, p, client, statuses, sites)
	if !o.yes {
		if err := p.confirm(); err != nil {
			return err
		}
	}
	out := newReporter(p)
	return gather(each(sites, func(name string) error { return o.send(ctx, client, name, out) }))
}

// choose returns the named sites, each once, or all when none is named.
func choose(names []string, statuses []failover.SiteStatus) ([]string, error) {
	known := make([]string, len(statuses))
	for i, s := range statuses {
		known[i] = s.Site
	}
	if len(names) == 0 {
		return known, nil
	}
	var chosen []string
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, admin.NewUnknownSite(name, known)
		}
		if !slices.Contains(chosen, name) {
			chosen = append(chosen, name)
		}
	}
	return chosen, nil
}

func (o *order) askReason(p *program) error {
	if strings.TrimSpace(o.reason) != "" || !o.asks {
		return nil
	}
	if !p.interactive() {
		return usage("%s needs a reason, for whoever reads the history; try: --reason TEXT", o.action)
	}
	answer, err := p.question("Reason: ")
	if err != nil {
		return err
	}
	if answer == "" {
		return usage("%s needs a reason, for whoever reads the history; try: --reason TEXT", o.action)
	}
	o.reason = answer
	return nil
}

// show writes what will change. A plan that cannot be had is a warning only: the controller
// decides, and goes on trying.
func (o order) show(ctx context.Context, p *program, client *admin.Client, statuses []failover.SiteStatus, sites []string) {
	for _, s := range statuses {
		if slices.Contains(sites, s.Site) {
			fmt.Fprintf(p.out, "%s: %s, now in phase %s%s: %s\n", o.action, s.Site, s.State.Phase, hand(s.State), o.means)
		}
	}
	if o.target == "" {
		return
	}
	if !o.rules { // arming changes nothing while the fallback serves, where TTLs are low anyway
		sites = slices.DeleteFunc(slices.Clone(sites), func(name string) bool {
			return slices.ContainsFunc(statuses, func(s failover.SiteStatus) bool { return s.Site == name && s.State.Phase.Serving() })
		})
	}
	plans := make(map[string][]failover.Plan, len(sites))
	var mu sync.Mutex
	errs := each(sites, func(name string) error {
		found, err := client.Plan(ctx, name, o.target)
		mu.Lock()
		defer mu.Unlock()
		plans[name] = found
		return err
	})
	for i, name := range sites {
		if errs[i] != nil {
			p.warn("%s: the plan cannot be shown: %v", name, errs[i])
		}
		p.writePlans(plans[name])
	}
}

// hand says what an operator did to the site, with a comma before it.
func hand(s failover.State) string {
	text := ""
	if s.Held {
		text += ", held"
	}
	if s.Latched {
		text += ", latched"
	}
	if s.Armed {
		text += ", armed"
	}
	return text
}

// send hands the order to the controller and reports until it is done.
func (o order) send(ctx context.Context, client *admin.Client, name string, out *reporter) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("%w: not finished within %v", context.DeadlineExceeded, o.timeout))
	defer cancel()
	heard := false
	err := client.Command(ctx, name, failover.Command{Action: o.action, Reason: o.reason, Override: o.override, Force: o.force}, func(e failover.Entry) {
		out.step(e)
		heard = true
		if !o.wait {
			cancel()
		}
	})
	switch {
	case err == nil:
		out.say(name, "done")
		return nil
	case !o.wait && heard && errors.Is(err, context.Canceled):
		out.say(name, "accepted; the controller goes on")
		return nil
	default:
		return fmt.Errorf("%s: %w", name, err)
	}
}
