package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/failover-dns/failover/failover"
)

// fakeController plays a controller of two sites, shop and www, for the scripts.
type fakeController struct {
	mu     sync.Mutex
	mood   string // see become
	got    []string
	phases map[string]failover.Phase
	held   map[string]bool
}

func newFake() *fakeController {
	return &fakeController{phases: map[string]failover.Phase{"shop": failover.Primary, "www": failover.Primary}, held: map[string]bool{}}
}

// become: refuse, drift, lost, away and hang are what becomes of orders; unwell is how www looks.
func (f *fakeController) become(args []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case len(args) != 1:
		return errors.New("usage: controller WORD")
	case args[0] == "well":
		f.mood = ""
	default:
		f.mood = args[0]
	}
	return nil
}

func (f *fakeController) orders() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got
}

func (f *fakeController) Status(context.Context) ([]failover.SiteStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []failover.SiteStatus
	for _, name := range []string{"shop", "www"} {
		s := failover.SiteStatus{Site: name, Hosts: []string{name + ".example.org."}, Target: failover.ToOrigin}
		s.State.Phase, s.State.Since, s.State.Held = f.phases[name], time.Now().Add(-3*time.Hour-90*time.Second), f.held[name]
		s.Verdict = failover.Verdict{Health: failover.Up, FallbackReady: true}
		s.Observations = []failover.Observation{{Role: failover.RoleFallback, Check: name + ".example.org.", Health: failover.Up, Expiry: time.Now().Add(63*24*time.Hour + time.Hour)}}
		if f.mood == "unwell" && name == "www" {
			s.State.Phase = failover.Suspect
			s.State.Vetoes = []failover.Veto{{Rule: failover.VetoFallback, Message: "the fallback does not serve this site yet: no certificate"}}
			s.Verdict = failover.Verdict{Health: failover.Down, Cause: failover.CauseRefused, Detail: "203.0.113.10:443 refuses connections", FallbackDetail: "no certificate"}
			s.Trouble = "example.org.: provider unavailable"
		}
		out = append(out, s)
	}
	return out, nil
}

func (f *fakeController) Plan(_ context.Context, site string, target failover.Target) ([]failover.Plan, error) {
	name := site + ".example.org."
	set := func(rrtype, value string, ttl uint32) failover.RecordSet {
		return failover.RecordSet{Name: name, Type: rrtype, TTL: ttl, Records: []failover.Record{{Value: value}}}
	}
	p := failover.Plan{Site: site, ZoneRef: failover.ZoneRef{Provider: "main", Zone: "example.org."}, Names: []string{name}, Target: target}
	own := []failover.RecordSet{set("A", "203.0.113.10", 300), set("AAAA", "2001:db8:1::10", 300)}
	ours := []failover.RecordSet{set("A", "198.51.100.7", 60)}
	if target == failover.ToFallback {
		p.Before, p.After = own, ours
	} else {
		p.Before, p.After = ours, own
	}
	return []failover.Plan{p}, nil
}

func (f *fakeController) Command(ctx context.Context, site string, c failover.Command, report func(failover.Entry)) error {
	f.mu.Lock()
	f.got = append(f.got, fmt.Sprintf("%s %s %s force=%v %s", c.Action, site, c.By, c.Force, c.Reason))
	mood := f.mood
	f.mu.Unlock()
	if mood == "refuse" && !c.Force {
		return fmt.Errorf("%w: fallback-not-ready: no certificate; try: --force to switch all the same", failover.ErrRefused)
	}
	step := func(event, by, message string) {
		report(failover.Entry{Site: site, At: time.Now(), Event: event, By: by, Message: message})
	}
	step(failover.EventCommand, c.By, string(c.Action)+": "+c.Reason)
	switch mood {
	case "drift":
		return fmt.Errorf("%w: example.org. holds neither what it held before nor what we wrote", failover.ErrDrift)
	case "away":
		return errors.New("not done yet, and tried again: the provider is away")
	case "hang":
		<-ctx.Done()
		return ctx.Err()
	}
	f.obey(site, c.Action)
	step(failover.EventApplied, "controller", "example.org. now points at the fallback")
	return nil
}

func (f *fakeController) obey(site string, a failover.Action) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch a {
	case failover.Trigger:
		f.phases[site] = failover.InFallback
	case failover.Restore:
		f.phases[site] = failover.Primary
	default:
		f.held[site] = a == failover.Hold
	}
}

func (f *fakeController) History(_ context.Context, site string, n int) ([]failover.Entry, error) {
	at := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	entries := []failover.Entry{
		{Seq: 1, Site: site, At: at, Event: failover.EventPhase, By: "controller", Message: "the origin is suspected: refused"},
		{Seq: 2, Site: site, At: at.Add(30 * time.Second), Event: failover.EventCommand, By: "operator uid 0", Message: "trigger: fire"},
		{Seq: 3, Site: site, At: at.Add(31 * time.Second), Event: failover.EventConfirmed, By: "controller", Message: "every name server follows",
			Confirmations: []failover.Confirmation{{Server: "ns1.example.org.", Address: "192.0.2.53:53", At: at.Add(31 * time.Second), OK: true, After: 1250 * time.Millisecond}}},
		{Seq: 4, Site: site, At: at.Add(11 * time.Minute), Event: failover.EventPropagated, By: "controller", Message: "1 of 2 resolvers",
			Confirmations: []failover.Confirmation{
				{Server: failover.Resolver, Address: "192.0.2.1:53", At: at.Add(72 * time.Second), OK: true, After: 41 * time.Second},
				{Server: failover.Resolver, Address: "192.0.2.2:53", At: at.Add(11 * time.Minute), After: 629 * time.Second, Detail: "no answer"}}},
	}
	return entries[max(0, len(entries)-n):], nil
}

func (f *fakeController) Check(context.Context, string) ([]failover.Observation, error) {
	return nil, nil
}

func (f *fakeController) Reload(context.Context) error { return nil }

func (f *fakeController) Export(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "{\"state\": true}\n")
	return err
}
