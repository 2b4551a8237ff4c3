package config

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestStarter(t *testing.T) {
	full := StarterInput{
		Site: "shop", Hosts: []string{"shop.example.net", "*.example.net"}, Zone: "example.net", Server: "192.0.2.9",
		Origin: []string{"203.0.113.20", "2001:db8:1::20"}, Fallback: []string{"2001:db8::7", "198.51.100.7"}, Email: "me@example.net",
		ZoneNow: []string{"shop.example.net. 3600 IN A 203.0.113.20", "a\nsite \"evil\" {"},
	}
	for _, provider := range []string{"", "cloudflare", "rfc2136", "builtin"} {
		for name, in := range map[string]StarterInput{"empty": {}, "full": full, "wildcard": {Hosts: []string{"*.example.org"}}} {
			in.Provider = provider
			text := Starter(in)
			outside(t, text)
			cfg, err := parse([]source{{name: "failover.hcl", dir: ".", text: []byte(text)}})
			if err != nil {
				t.Errorf("%s %s: %v\n%s", provider, name, err, text)
				continue
			}
			if len(cfg.Warnings) > 0 || len(cfg.Sites) != 1 {
				t.Errorf("%s %s: %d sites, warnings %v", provider, name, len(cfg.Sites), cfg.Warnings)
			}
			if name != "full" {
				continue
			}
			s := cfg.Sites[0]
			if s.Name != "shop" || s.Hosts[0].Name != "shop.example.net." || !slices.Equal(s.Origin, []netip.Addr{netip.MustParseAddr("203.0.113.20"), netip.MustParseAddr("2001:db8:1::20")}) {
				t.Errorf("site: %+v", s)
			}
			if len(cfg.Fallback.IPv4) != 1 || len(cfg.Fallback.IPv6) != 1 || cfg.ACME.Email != "me@example.net" {
				t.Errorf("fallback %+v, acme %+v", cfg.Fallback, cfg.ACME)
			}
			if !strings.Contains(text, "#   shop.example.net. 3600 IN A 203.0.113.20\n") {
				t.Errorf("the zone's records are missing:\n%s", text)
			}
		}
	}
}

// TestStarterQuotes: an answer is a text, whatever is in it.
func TestStarterQuotes(t *testing.T) {
	text := Starter(StarterInput{Site: "a\"${env(\"HOME\")}%{ if }\n\\"})
	_, err := parse([]source{{name: "failover.hcl", dir: ".", text: []byte(text)}})
	if err == nil || !strings.Contains(err.Error(), "is not a name for a block") {
		t.Errorf("got %v", err)
	}
}
