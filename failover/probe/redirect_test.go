package probe

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/failover-dns/failover/failover"
)

// Wherever a redirect points, the next request goes to the address being looked at, for a host
// of the site, or nowhere.
func FuzzRedirect(f *testing.F) {
	for _, seed := range []string{"/", "https://www.example.org:8443/x?y#z", "//shop.example.org", "http://192.0.2.9/", "http://[2001:db8::1]:80/",
		"https://user:pass@www.example.org/", "http://www.example.org:99999/", "javascript:alert(1)", "http://%zz", "https://www.example.org\r\nX: y/", ""} {
		f.Add(302, seed)
	}
	at := netip.MustParseAddrPort("203.0.113.10:443")
	check := failover.Check{Kind: failover.CheckHTTPS, Host: "www.example.org", FollowRedirects: true}
	h, err := newHTTPLook(check, at, Options{Hosts: []string{"*.example.org."}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, location string) {
		next, err := h.nextHop(h.first, &http.Response{StatusCode: status, Header: http.Header{"Location": {location}}})
		if next == nil {
			return
		}
		if err != nil || next.at.Addr() != at.Addr() || next.at.Port() == 0 || !h.own(next.url.Hostname()) || len(next.request) == 0 {
			t.Errorf("%d %q leads to %v %v, error %v", status, location, next.at, next.url, err)
		}
	})
}
