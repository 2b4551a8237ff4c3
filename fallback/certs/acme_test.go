package certs

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const hmacKey = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"

// lab is an ACME issuer with its CA and its zone.
func lab(t *testing.T, change func(*Options)) (*acmeIssuer, *fakeCA, *zone, *logged) {
	t.Helper()
	z, log := newZone(t), &logged{}
	ca := newFakeCA(t, z)
	options := Options{
		Dir: t.TempDir(), Directory: ca.URL + "/dir", TrustedRoots: ca.roots(), Resolvers: []string{z.addr},
		Solver: func(string) (DNSProvider, error) { return z, nil },
		Log:    slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&options)
	}
	s, err := newStore(options.Dir)
	if err != nil {
		t.Fatal(err)
	}
	issuer := newACME(options, s)
	t.Cleanup(issuer.close)
	return issuer, ca, z, log
}

func TestACMEIssuesByDNS01(t *testing.T) {
	var asked string
	a, ca, z, log := lab(t, func(o *Options) {
		o.Email, o.EAB = "ops@example.org", EAB{KeyID: "kid-1", MACKey: hmacKey + "="}
		inner := o.Solver
		o.Solver = func(host string) (DNSProvider, error) { asked = host; return inner(host) }
	})
	pair, err := a.issue(t.Context(), "*.example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	h, err := parse("*.example.org", pair)
	if err != nil {
		t.Fatal(err)
	}
	if asked != "example.org." || !ca.bound || fmt.Sprint(ca.contacts) != "[mailto:ops@example.org]" {
		t.Errorf("solver for %q, bound %v, contacts %v", asked, ca.bound, ca.contacts)
	}
	if z.has("_acme-challenge.example.org.") {
		t.Error("the challenge record was left behind")
	}
	// The renewal says what it replaces; a CA that does not know it gets a new order at once.
	ca.strict = true
	if _, err := a.issue(t.Context(), "*.example.org", h.leaf()); err != nil {
		t.Fatal(err)
	}
	if len(ca.replaces) != 3 || ca.replaces[0] != "" || ca.replaces[1] == "" || ca.replaces[2] != "" {
		t.Errorf("replaces %q", ca.replaces)
	}
	for _, secret := range []string{hmacKey, "PRIVATE KEY"} {
		if log.count(secret) != 0 {
			t.Errorf("the log holds %q", secret)
		}
	}
	if log.count("level=INFO")+log.count("level=WARN")+log.count("level=ERROR") != 0 {
		t.Error("the protocol's steps are louder than debug")
	}
}

func TestACMEAccount(t *testing.T) {
	a, ca, _, _ := lab(t, nil)
	if _, err := a.registered(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(ca.contacts) != 0 {
		t.Errorf("contacts %v without an e-mail", ca.contacts)
	}
	again := newACME(a.options, a.store) // after a restart
	defer again.close()
	if _, err := again.registered(t.Context()); err != nil || len(ca.accounts) != 1 {
		t.Errorf("%d accounts: %v", len(ca.accounts), err)
	}
	ca.accounts = map[string]bool{} // the CA forgot everything
	_, err := again.issue(t.Context(), "example.org", nil)
	var issue *issueError
	if !errors.As(err, &issue) || issue.trouble != troubleCA {
		t.Fatalf("%v", err)
	}
	if _, err := again.registered(t.Context()); err != nil || len(ca.accounts) != 1 {
		t.Errorf("not registered again: %v", err)
	}
}

func TestACMETroubleIsSorted(t *testing.T) {
	for name, tc := range map[string]struct {
		break_ func(*acmeIssuer, *fakeCA, *zone)
		want   trouble
		wait   time.Duration
	}{
		"limit":    {func(_ *acmeIssuer, f *fakeCA, _ *zone) { f.limited = "7200" }, troubleLimit, 2 * time.Hour},
		"provider": {func(_ *acmeIssuer, _ *fakeCA, z *zone) { z.fail = errors.New("no such token") }, troubleHost, 0},
		"nobody": {func(a *acmeIssuer, _ *fakeCA, _ *zone) {
			a.options.Solver = func(string) (DNSProvider, error) { return nil, errors.New("no dns block") }
		}, troubleHost, 0},
		"down": {func(_ *acmeIssuer, f *fakeCA, _ *zone) { f.Close() }, troubleCA, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a, ca, z, _ := lab(t, nil)
			if _, err := a.registered(t.Context()); err != nil {
				t.Fatal(err)
			}
			tc.break_(a, ca, z)
			_, err := a.issue(t.Context(), "example.org", nil)
			var issue *issueError
			if !errors.As(err, &issue) || issue.trouble != tc.want || issue.retryAfter != tc.wait {
				t.Errorf("%+v", err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "1": time.Second, "3600": time.Hour, "99999999": 7 * 24 * time.Hour, "-1": 0, "soon": 0,
		"Sun, 22 Nov 2026 12:30:00 GMT": 30 * time.Minute, "Sun, 22 Nov 2026 11:00:00 GMT": 0, "99999999999999999999": 0,
	} {
		if got := parseRetryAfter(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	o := Options{EAB: EAB{KeyID: "kid-1", MACKey: hmacKey}}
	json, _ := o.EAB.MarshalJSON()
	text := fmt.Sprintf("%v %+v %#v %s %s", o, o, o, o.EAB, json)
	log := &logged{}
	log.logger().Info("x", "eab", o.EAB)
	if strings.Contains(text, hmacKey) || log.count(hmacKey) != 0 {
		t.Errorf("the MAC key prints: %s", text)
	}
}

func TestNewWantsASolver(t *testing.T) {
	_, err := New(Options{Dir: t.TempDir(), Directory: directory})
	if err == nil || !strings.Contains(err.Error(), "acme.dns") {
		t.Errorf("%v", err)
	}
	if _, err := New(Options{Dir: "/proc/nowhere"}); err == nil || !strings.Contains(err.Error(), "data_dir") {
		t.Errorf("%v", err)
	}
}
