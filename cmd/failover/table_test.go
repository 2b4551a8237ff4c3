package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
)

func TestTable(t *testing.T) {
	tab := table{}
	tab.add(plain("SITE"), plain("PHASE"))
	tab.add(plain("bücher"), paint("fallback", red))
	tab.note("a long note that widens no column", yellow)
	for colours, want := range map[bool]string{
		false: "SITE    PHASE\nbücher  fallback\n    a long note that widens no column\n",
		true:  "SITE    PHASE\nbücher  \x1b[31mfallback\x1b[0m\n    \x1b[33ma long note that widens no column\x1b[0m\n",
	} {
		var out bytes.Buffer
		tab.write(&out, colours)
		if out.String() != want {
			t.Errorf("colours %v:\n%q, want\n%q", colours, out.String(), want)
		}
	}
}

func TestShortDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 12 * time.Second: "12s", 5*time.Minute + 7*time.Second: "5m7s",
		3*time.Hour + 90*time.Second: "3h1m", 76 * time.Hour: "3d4h", 63 * 24 * time.Hour: "63d",
	} {
		if got := short(d); got != want {
			t.Errorf("short(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestStatusOfEveryKindOfSite(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name  string
		s     failover.SiteStatus
		wants []string
	}{
		{"new", failover.SiteStatus{}, []string{"unknown", "not ready"}},
		{"blind", failover.SiteStatus{Verdict: failover.Verdict{Health: failover.Unknown, Blind: true, Detail: "too few references answer"}},
			[]string{"unknown: we are offline", "origin: too few references answer"}},
		{"partial", failover.SiteStatus{Verdict: failover.Verdict{Health: failover.Up, Cause: failover.CausePartial, Detail: "1 of 2 addresses fail"}},
			[]string{"up: partial", "origin: 1 of 2 addresses fail"}},
		{"acting", failover.SiteStatus{Acting: true, State: failover.State{Phase: failover.InFallback}}, []string{"fallback (switching)"}},
		{"by hand", failover.SiteStatus{State: failover.State{Held: true, Latched: true, Reason: "fire"}}, []string{"held, latched", "reason: fire"}},
		{"refused ahead", failover.SiteStatus{State: failover.State{Vetoes: []failover.Veto{{Rule: failover.VetoUnable, Message: "locked"}}},
			Verdict: failover.Verdict{Against: []failover.Veto{{Rule: failover.VetoUnable, Message: "locked"}, {Rule: failover.VetoNetwork, Message: "too near"},
				{Rule: failover.VetoClock, Message: "set"}}}},
			[]string{"    provider-unable: locked", "a switch would be refused: same-network: too near", "a switch would wait: clock: set"}},
		{"warned", failover.SiteStatus{Observations: []failover.Observation{{Check: "front", Address: "192.0.2.1:443", Warning: "expires soon"}}},
			[]string{"warning: front at 192.0.2.1:443: expires soon"}},
		{"certificate ends", failover.SiteStatus{Verdict: failover.Verdict{FallbackReady: true},
			Observations: []failover.Observation{{Role: failover.RoleFallback, Expiry: now.Add(90 * time.Hour)}, {Role: failover.RoleFallback, Expiry: now.Add(25 * time.Hour)}}},
			[]string{"ready, certificate for 1d1h"}},
	} {
		var out bytes.Buffer
		writeStatus(&out, []failover.SiteStatus{test.s}, now, false)
		for _, want := range test.wants {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", test.name, want, out.String())
			}
		}
	}
	var out bytes.Buffer
	if writeStatus(&out, nil, now, true); out.String() != "no sites\n" {
		t.Errorf("no sites: %q", out.String())
	}
}

func TestPlanOfAProxiedName(t *testing.T) {
	set := func(value string) failover.RecordSet {
		return failover.RecordSet{Name: "example.org.", Type: "A", TTL: 1, Proxied: true, Records: []failover.Record{{Value: value}}}
	}
	same := failover.RecordSet{Name: "www.example.org.", Type: "CNAME", TTL: 60, Records: []failover.Record{{Value: "example.org."}}}
	var out bytes.Buffer
	p := &program{out: &out, getenv: func(string) string { return "" }}
	p.writePlans([]failover.Plan{
		{Site: "www", ZoneRef: failover.ZoneRef{Provider: "main", Zone: "example.org."}, Target: failover.ToFallback,
			Before: []failover.RecordSet{set("203.0.113.10"), same}, After: []failover.RecordSet{set("198.51.100.7"), same}},
		{Site: "www", ZoneRef: failover.ZoneRef{Provider: "main", Zone: "example.net."}, Target: failover.ToFallback},
	})
	want := `www: zone example.org. at main, to fallback
  example.org.      A      203.0.113.10 (proxied)  ->  198.51.100.7 (proxied)
  www.example.org.  CNAME  example.org. (TTL 60)   =   stays
www: zone example.net. at main, to fallback (nothing to change)
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}

func TestExitCodes(t *testing.T) {
	lost := &failover.ZoneError{Kind: failover.KindDrift, Err: errors.New("moved")}
	for want, errs := range map[int][]error{
		codeError:       {errors.New("any"), errStopped},
		codeUsage:       {usage("x"), admin.NewUnknownSite("a", nil)},
		codeConfig:      {&configError{errors.New("x")}},
		codeUnreachable: {admin.ErrUnreachable},
		codeRefused:     {failover.ErrRefused, failover.ErrNoPlan, lost},
		codeUnknown:     {admin.ErrUnknownOutcome},
		codeUnwell:      {&saidError{errUnwell}},
	} {
		for _, err := range errs {
			if got := exitCode(err); got != want {
				t.Errorf("exitCode(%v) = %d, want %d", err, got, want)
			}
		}
	}
	p := &program{err: new(bytes.Buffer)}
	if got := p.complain(gather([]error{nil, failover.ErrRefused, admin.ErrUnknownOutcome})); got != codeRefused {
		t.Errorf("several errors: %d, want that of the first", got)
	}
}

func TestNoColour(t *testing.T) {
	p := &program{out: new(bytes.Buffer), getenv: func(string) string { return "" }}
	if p.colours() {
		t.Error("colours into a buffer")
	}
}
