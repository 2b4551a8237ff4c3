package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/probe"
	"github.com/failover-dns/failover/fallback"
	"github.com/failover-dns/failover/site"
)

func TestOnwardFollowsTheChecks(t *testing.T) {
	address := []netip.Addr{netip.MustParseAddr("203.0.113.10")}
	for name, c := range map[string]struct {
		checks []failover.Check
		want   failover.Onward
	}{
		"none":  {nil, failover.Onward{HTTP: 80, HTTPS: 443}},
		"other": {[]failover.Check{{Kind: failover.CheckTCP, Port: 25}, {Kind: failover.CheckTLS, Port: 993, SkipVerify: true}}, failover.Onward{HTTP: 80, HTTPS: 443}},
		"first": {[]failover.Check{
			{Kind: failover.CheckHTTPS, Port: 8443, SkipVerify: true}, {Kind: failover.CheckHTTP, Port: 8080, SkipVerify: true},
			{Kind: failover.CheckHTTPS, Port: 9443}, {Kind: failover.CheckHTTP, Port: 9080},
		}, failover.Onward{HTTP: 8080, HTTPS: 8443, SkipVerify: true}},
	} {
		c.want.Addresses = address
		if got := onward(failover.Site{Origin: address, Checks: c.checks}); !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, *got, c.want)
		}
	}
}

// TestPublisher walks through an outage and the way back, and asks as a visitor after each step.
func TestPublisher(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "origin of "+r.Host) }))
	defer origin.Close()
	at := netip.MustParseAddrPort(origin.Listener.Addr().String())
	log := slog.New(slog.DiscardHandler)
	server := fallback.New(fallback.Options{HTTP: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Log: log})
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Stop(t.Context())
	www := failover.Site{Name: "www", Hosts: []failover.Host{{Name: "www.example.org."}}, Origin: []netip.Addr{at.Addr()},
		Checks: []failover.Check{{Kind: failover.CheckHTTP, Port: at.Port()}}}
	lame := failover.State{Phase: failover.Primary, LameUntil: time.Now().Add(time.Hour)}
	pages := &publisher{store: site.NewStore(log), server: server}
	ask := func(want string) {
		t.Helper()
		addresses, _ := server.Addrs()
		r, _ := http.NewRequest("GET", "http://"+addresses[0].String()+"/", nil)
		r.Host = "www.example.org"
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, _ := io.ReadAll(resp.Body); !strings.Contains(string(text), want) {
			t.Errorf("a visitor gets %.200s, want %s", text, want)
		}
	}
	if err := pages.set([]failover.Site{www}, func(string) failover.State { return lame }); err != nil {
		t.Fatal(err)
	}
	ask("origin of www.example.org") // a restart after the way back
	for _, step := range []struct {
		state   failover.State
		serving bool
		want    string
	}{
		{failover.State{Phase: failover.InFallback}, true, "<h1>"},
		{failover.State{Phase: failover.Recovering}, true, "<h1>"},
		{lame, true, "origin of www.example.org"},
		{failover.State{Phase: failover.Suspect, LameUntil: lame.LameUntil}, true, "origin of www.example.org"},
		{failover.State{Phase: failover.InFallback}, true, "<h1>"},
		{failover.State{Phase: failover.Primary}, false, "not served here"},
	} {
		if err := pages.publish(www, step.state, step.serving); err != nil {
			t.Fatal(err)
		}
		ask(step.want)
	}
}

// TestSharedWords: the look, the page and the server, which do not know one another, mean the same.
func TestSharedWords(t *testing.T) {
	if probe.ReadyPath != fallback.ReadyPath || probe.SiteHeader != fallback.SiteHeader {
		t.Error("the look at our own server asks for what the server does not have")
	}
	source, err := site.Load("")
	if err != nil {
		t.Fatal(err)
	}
	notice, err := source.Render(site.RenderInput{Site: failover.Site{Name: "www"}, Serving: true, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range notice.Pages {
		for _, want := range []string{`fetch("` + fallback.StatusPath + `"`, `has("` + fallback.SiteHeader + `")`, `.serving`} {
			if !strings.Contains(string(page.HTML), want) {
				t.Errorf("the page does not ask with %s", want)
			}
		}
	}
}
