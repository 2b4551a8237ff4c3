package fallback

import (
	"net/http"
	"testing"
)

// TestHealthPath asks as a DNS provider's health check does: by any name, or by address.
func TestHealthPath(t *testing.T) {
	answers := map[string][2]bool{"www": {false, true}, "shop": {true, true}}
	for name, c := range map[string]struct {
		atOrigin func(string) (bool, bool)
		want     map[string]int
	}{
		"known": {func(site string) (bool, bool) { return answers[site][0], answers[site][1] },
			map[string]int{"www": 503, "shop": 200, "": 404, "nobody": 404, "www/": 404, "www/../shop": 404, "WWW": 404, "%77ww": 503}},
		"not yet": {func(string) (bool, bool) { return true, false }, map[string]int{"www": 503, "shop": 503, "nobody": 404}},
		"never":   {nil, map[string]int{"www": 503, "shop": 503, "nobody": 404}},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, func(o *Options) { o.AtOrigin = c.atOrigin })
			for _, host := range []string{r.http[0].String(), r.http[1].String(), "example.org", "shop.example.net", "unknown.example"} {
				for site, want := range c.want {
					for _, method := range []string{"GET", "HEAD"} {
						resp, text := do(t, r.client(t, r.http[0], false), method, "http://"+host+HealthPath+site, nil)
						if resp.StatusCode != want || resp.Header.Get("Cache-Control") != "no-store" || want == 200 && method == "GET" && text != "ok\n" {
							t.Errorf("%s %s at %s: %d %q, want %d", method, site, host, resp.StatusCode, text, want)
						}
						if got := resp.Header.Get(SiteHeader); (got != "") != (want != http.StatusNotFound) {
							t.Errorf("%s: %s %q", site, SiteHeader, got)
						}
					}
				}
			}
		})
	}
}
