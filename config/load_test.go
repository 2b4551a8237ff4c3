package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

func read1(t *testing.T, name, text string) *Config {
	t.Helper()
	cfg, err := parse([]source{{name: name, dir: "/etc/failover", text: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestDefaults says what six lines of site mean.
func TestDefaults(t *testing.T) {
	t.Setenv("TEST_TOKEN", canaryToken)
	cfg := read1(t, "a.hcl", base["dns"]+base["acme"]+base["fallback"]+`
site "www" {
  hosts  = ["*.example.org", "WWW.Example.org."]
  origin = ["203.0.113.10", "2001:0db8:1::10"]
}
`)
	want := failover.Site{
		Name: "www",
		Hosts: []failover.Host{
			{Name: "*.example.org.", Zone: "example.org.", Provider: "main"},
			{Name: "www.example.org.", Zone: "example.org.", Provider: "main"},
		},
		Origin: []netip.Addr{netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("2001:db8:1::10")},
		Checks: []failover.Check{{
			Name: "https", Kind: "https", Host: "www.example.org", Port: 443, Method: "GET", Path: "/",
			ExpiryWarning: 336 * time.Hour, Interval: 10 * time.Second, Recheck: time.Second, Timeout: 5 * time.Second,
		}},
		Policy: failover.Policy{
			DownAfter: 30 * time.Second, UpAfter: 2 * time.Minute, Dwell: 5 * time.Minute, Quiet: 15 * time.Minute,
			Fresh: 26 * time.Second, FallbackFresh: 3 * time.Minute, MaxFailovers: 6, Addresses: 2, Hosts: 2, Quorum: 2, Quorum6: 2,
		},
		Overwrite: failover.Overwrite{Grace: 2 * time.Minute}, TTL: failover.TTL{Armed: 60}, RetryAfter: 5 * time.Minute,
	}
	if !reflect.DeepEqual(cfg.Sites, []failover.Site{want}) {
		t.Errorf("got  %+v\nwant %+v", cfg.Sites[0], want)
	}
	if len(cfg.Warnings) != 0 {
		t.Errorf("warnings: %v", cfg.Warnings)
	}
	c := cfg.Controller
	if c.DataDir != "/var/lib/failover" || c.Socket != "/var/lib/failover/failover.sock" || c.Admin.String() != "127.0.0.1:9180" || c.LogLevel != "info" || c.LogJSON {
		t.Errorf("controller: %+v", c)
	}
	if got := fmt.Sprint(cfg.Fallback.HTTP, cfg.Fallback.HTTPS, cfg.Fallback.CheckHTTPS, cfg.Fallback.MinValidity); got != "[[::]:80] [[::]:443] [198.51.100.7:443] 24h0m0s" {
		t.Errorf("fallback: %s", got)
	}
	if got := fmt.Sprint(cfg.References); got != "{[{tcp 1.1.1.1:443} {tcp 8.8.8.8:443} {tcp 9.9.9.9:443} {tcp [2606:4700:4700::1111]:443} {tcp [2001:4860:4860::8888]:443} {tcp [2620:fe::fe]:443}] 2 2 5s 2s 50}" {
		t.Errorf("references: %s", got)
	}
	if got := cfg.Propagation; len(got.Resolvers) != 0 || got.Within != 10*time.Minute {
		t.Errorf("propagation: %+v", got)
	}
	if got := *cfg.ACME; got.Directory != letsEncrypt || got.Email != "ops@example.org" {
		t.Errorf("acme: %+v", got)
	}
	if cfg.DNS[0].Cloudflare.ACMEToken.Reveal() != canaryToken {
		t.Error("without acme_token, token serves for ACME too")
	}
}

// TestDerived covers values that follow from others.
func TestDerived(t *testing.T) {
	t.Setenv("TEST_TOKEN", canaryToken)
	tests := []struct {
		name, references, site string
		look                   func(s failover.Site) any
		want                   any
	}{
		{"fresh follows the slowest check", "", "check \"https\" \"a\" {\n interval = \"30s\"\n timeout = \"8s\"\n}\ncheck \"tcp\" \"b\" {\n port = 25\n}",
			func(s failover.Site) any { return s.Policy.Fresh }, 69 * time.Second},
		{"references count for fresh", "", "check \"https\" \"a\" {\n interval = \"1s\"\n}",
			func(s failover.Site) any { return s.Policy.Fresh }, 13 * time.Second},
		{"no references, no wait for them", "none = true", "check \"https\" \"a\" {\n interval = \"1s\"\n}",
			func(s failover.Site) any { return s.Policy.Fresh }, 4 * time.Second},
		{"no references, no quorum", "none = true", "", func(s failover.Site) any { return s.Policy.Quorum }, 0},
		{"quorum is more than half", "tcp = [\"192.0.2.1:443\", \"192.0.2.2:443\"]\n dns = [\"192.0.2.3:53\", \"192.0.2.4:53\"]", "",
			func(s failover.Site) any { return s.Policy.Quorum }, 3},
		{"each family has a quorum", "tcp = [\"192.0.2.1:443\", \"192.0.2.2:443\", \"[2001:db8:5::1]:443\"]\n quorum = 2", "",
			func(s failover.Site) any { return []int{s.Policy.Quorum, s.Policy.Quorum6} }, []int{2, 1}},
		{"no IPv6 origin, no reference at IPv6", "", "", func(s failover.Site) any { return []int{s.Policy.Quorum, s.Policy.Quorum6} }, []int{2, 0}},
		{"a quick check has quick timeouts", "", "check \"https\" \"a\" {\n interval = \"500ms\"\n}",
			func(s failover.Site) any { return []time.Duration{s.Checks[0].Recheck, s.Checks[0].Timeout} }, []time.Duration{500 * time.Millisecond, 500 * time.Millisecond}},
		{"numbers are statuses", "", "check \"http\" \"a\" {\n status = [200, \"301-302\"]\n}",
			func(s failover.Site) any { return s.Checks[0].Status }, []failover.StatusRange{{From: 200, To: 200}, {From: 301, To: 302}}},
		{"null is absent", "", "page = null\n down_after = null", func(s failover.Site) any { return s.Policy.DownAfter }, 30 * time.Second},
		{"the page is relative to the file", "", "page = \"pages/www\"", func(s failover.Site) any { return s.Page }, "/etc/failover/pages/www"},
		{"env gives numbers too", "", "priority = env(\"TEST_SEVEN\")", func(s failover.Site) any { return s.Priority }, 7},
	}
	t.Setenv("TEST_SEVEN", "7")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := read1(t, "a.hcl", base["dns"]+base["acme"]+base["fallback"]+"references {\n"+tt.references+"\n}\nsite \"www\" {\n"+
				"hosts = [\"www.example.org\"]\norigin = [\"203.0.113.10\"]\n"+tt.site+"\n}\n")
			if got := tt.look(cfg.Sites[0]); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestKinds: what each kind of check does when nothing more is said.
func TestKinds(t *testing.T) {
	t.Setenv("TEST_TOKEN", canaryToken)
	tests := []struct {
		text string
		want failover.Check
	}{
		{"check \"http\" \"a\" {\n}", failover.Check{Kind: "http", Port: 80, Host: "www.example.org", Method: "GET", Path: "/"}},
		{"check \"https\" \"a\" {\n}", failover.Check{Kind: "https", Port: 443, Host: "www.example.org", Method: "GET", Path: "/", ExpiryWarning: 336 * time.Hour}},
		{"check \"tls\" \"a\" {\nhost = \"WWW.example.org.\"\n}", failover.Check{Kind: "tls", Port: 443, Host: "www.example.org", ExpiryWarning: 336 * time.Hour}},
		{"check \"tcp\" \"a\" {\nport = 25\n}", failover.Check{Kind: "tcp", Port: 25}},
		{"check \"dns\" \"a\" {\n}", failover.Check{Kind: "dns", Port: 53, Host: "www.example.org", RRType: "A"}},
		{"check \"dns\" \"a\" {\ntype = \"TXT\"\nanswer = \"x\"\n}", failover.Check{Kind: "dns", Port: 53, Host: "www.example.org", RRType: "TXT", Answer: "x"}},
	}
	for _, tt := range tests {
		cfg := read1(t, "a.hcl", base["dns"]+base["acme"]+base["fallback"]+"site \"www\" {\nhosts = [\"*.example.org\", \"www.example.org\"]\norigin = [\"203.0.113.10\"]\n"+tt.text+"\n}\n")
		tt.want.Name, tt.want.Interval, tt.want.Recheck, tt.want.Timeout = "a", 10*time.Second, time.Second, 5*time.Second
		if got := cfg.Sites[0].Checks[0]; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.text, got, tt.want)
		}
	}
}

// TestOff: an empty admin address turns the listener off, an empty list of HTTP addresses too.
func TestOff(t *testing.T) {
	t.Setenv("TEST_TOKEN", canaryToken)
	cfg := read1(t, "a.hcl", "controller {\n admin = \"\"\n data_dir = \"data\"\n}\n"+base["dns"]+base["acme"]+base["site"]+"fallback {\n ipv4 = [\"198.51.100.7\"]\n http = []\n}\n")
	if cfg.Controller.Admin.IsValid() || len(cfg.Fallback.HTTP) != 0 {
		t.Errorf("admin %v, http %v", cfg.Controller.Admin, cfg.Fallback.HTTP)
	}
	if cfg.Controller.Socket != "/etc/failover/data/failover.sock" {
		t.Errorf("socket %s", cfg.Controller.Socket)
	}
}

// TestHosts covers names as people type them and the search for their zone.
func TestHosts(t *testing.T) {
	t.Setenv("TEST_TOKEN", canaryToken)
	zones := "dns \"cloudflare\" \"main\" {\n zones = [\"example.org\", \"Bücher.example\"]\n token = env(\"TEST_TOKEN\")\n}\n" +
		"dns \"builtin\" \"own\" {\n zones = [\"sub.example.org.\"]\n listen = [\":53\"]\n nameservers = [\"ns1.example.net\"]\n}\n"
	tests := []struct{ given, name, zone, provider string }{
		{"example.org", "example.org.", "example.org.", "main"},
		{"EXAMPLE.org.", "example.org.", "example.org.", "main"},
		{"a.sub.example.org", "a.sub.example.org.", "sub.example.org.", "own"},
		{"*.sub.example.org", "*.sub.example.org.", "sub.example.org.", "own"},
		{"notsub.example.org", "notsub.example.org.", "example.org.", "main"},
		{"www.bücher.example", "www.xn--bcher-kva.example.", "xn--bcher-kva.example.", "main"},
		{"日本.example.org", "xn--wgv71a.example.org.", "example.org.", "main"},
	}
	for _, tt := range tests {
		cfg := read1(t, "a.hcl", zones+base["acme"]+base["fallback"]+
			fmt.Sprintf("site \"www\" {\n hosts = [%q]\n origin = [\"203.0.113.10\"]\n check \"tcp\" \"a\" {\n port = 443\n }\n}\n", tt.given))
		want := failover.Host{Name: tt.name, Zone: tt.zone, Provider: tt.provider}
		if got := cfg.Sites[0].Hosts[0]; got != want {
			t.Errorf("%s: got %v, want %v", tt.given, got, want)
		}
	}
}

// TestWarnings: what is allowed, and worth a word.
func TestWarnings(t *testing.T) {
	t.Setenv("TEST_TOKEN", canaryToken)
	tests := []struct{ text, want string }{
		{"dns \"cloudflare\" \"main\" {\n zones = [\"example.org\"]\n token = \"cf-literal-canary\"\n}\n", "token is written into the file"},
		{"references {\n none = true\n}\n", "without references"},
		{"{\"dns\": {\"cloudflare\": {\"main\": {\"zones\": [\"example.org\"], \"token\": \"cf-literal-canary\"}}}}", "token is written into the file"},
		{"# no acme\n", "there is no acme block"},
		{"# no site\n", "there is no site block"},
		{"site \"www\" {\n hosts = [\"www.example.org\"]\n origin = [\"198.51.100.200\"]\n}\n", "in the same network"},
		{"references {\n tcp = [\"192.0.2.1:443\"]\n}\nsite \"www\" {\n hosts = [\"www.example.org\"]\n origin = [\"203.0.113.10\", \"2001:db8:9::1\"]\n}\n", "no reference has an IPv6 address"},
		{"site \"www\" {\n hosts = [\"*.example.org\"]\n origin = [\"203.0.113.10\"]\n check \"https\" \"a\" {\n host = \"a.b.example.org\"\n }\n}\n", "not one of the site's hosts"},
	}
	for _, tt := range tests {
		name := "a.hcl"
		if tt.text[0] == '{' {
			name = "a.hcl.json"
		}
		cfg, err := parse(withBase(source{name: name, text: []byte(tt.text)}))
		if err != nil {
			t.Fatal(err)
		}
		if len(cfg.Warnings) != 1 || !strings.Contains(cfg.Warnings[0].Message, tt.want) || cfg.Warnings[0].Hint == "" {
			t.Errorf("%q: got %v, want one warning that says %q", tt.text, cfg.Warnings, tt.want)
		}
		if strings.Contains(fmt.Sprint(cfg.Warnings), "canary") {
			t.Errorf("a warning shows the secret: %v", cfg.Warnings)
		}
	}
}

// TestForms: HCL and its JSON form give equal configurations, every attribute among them.
func TestForms(t *testing.T) {
	t.Setenv("TEST_TOKEN", canaryToken)
	t.Setenv("TEST_TSIG", canaryTSIG)
	native, err := Load("testdata/forms/all.hcl")
	if err != nil {
		t.Fatal(err)
	}
	form, err := Load("testdata/forms/all.hcl.json")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(native, form) {
		t.Errorf("the forms differ:\n%+v\n%+v", native, form)
	}
	text, err := os.ReadFile("testdata/forms/all.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range everyName() {
		if !strings.Contains(string(text), "  "+name+" ") && name != "none" && name != "cname" {
			t.Errorf("testdata/forms/all.hcl does not use %s", name)
		}
	}
}

// TestDirectory: the files of a directory are one configuration; others are not read.
func TestDirectory(t *testing.T) {
	t.Setenv("TEST_TOKEN", canaryToken)
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "no *.hcl") {
		t.Errorf("an empty directory: %v", err)
	}
	write("00-base.hcl", base["dns"]+base["acme"]+base["fallback"])
	write("b.hcl", base["site"])
	write("a.hcl.json", `{"site": {"www": {"hosts": ["www.example.org"], "origin": ["203.0.113.10"]}}}`)
	for _, name := range []string{".hidden.hcl", "b.hcl~", "readme.md", "c.hcl.bak", "d.json"} {
		write(name, "not a configuration {")
	}
	cfg, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, s := range cfg.Sites {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, []string{"base", "www"}) {
		t.Errorf("sites: %v", names)
	}
	write("c.hcl", "site \"www\" {\n  hosts = [\"c.example.org\"]\n  origin = [\"203.0.113.10\"]\n}\n")
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "c.hcl:1") || !strings.Contains(err.Error(), "a.hcl.json:1") {
		t.Errorf("a site in two files: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "failover init") {
		t.Errorf("a missing path: %v", err)
	}
}

// TestManyMistakes: the text of an error stays readable, and Diagnostics has them all.
func TestManyMistakes(t *testing.T) {
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, "site \"s%d\" {\n  hosts = [\"s%d.example.com\"]\n}\n", i, i)
	}
	_, err := parse([]source{{name: "a.hcl", text: []byte(text.String())}})
	invalid, ok := err.(*Error)
	if !ok || len(invalid.Diagnostics()) != 101 || !strings.Contains(err.Error(), "... and 81 more mistakes") {
		t.Errorf("got %v", err)
	}
	for i, d := range invalid.Diagnostics()[1:] {
		if d.Line < invalid.Diagnostics()[i].Line {
			t.Fatalf("not in order: %v", d)
		}
	}
}
