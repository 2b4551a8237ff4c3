package probe

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/failover-dns/failover/failover"
)

// SiteHeader is the header by which our own server says which site it answers for.
const SiteHeader = "X-Failover-Site"

// ReadyPath is where our own server answers 503 for every host of ours, even while it hands
// visitors on to an origin that came back.
const ReadyPath = "/.well-known/failover/ready"

// Fallback returns the look at our own server as a visitor would, through its public address:
// TCP; TLS with a certificate that is valid for the host and for opt.MinValidity at least; and
// at ReadyPath a 503 with Retry-After and the site's name in SiteHeader, so that another web server
// behind the address is not taken for ours.
func Fallback(site string, host failover.Host, at netip.AddrPort, opt Options) (Func, error) {
	check := failover.Check{
		Name:   host.Name,
		Kind:   failover.CheckHTTPS,
		Host:   visitorName(host.Name),
		Path:   ReadyPath,
		Status: []failover.StatusRange{{From: http.StatusServiceUnavailable, To: http.StatusServiceUnavailable}},
	}
	h, err := newHTTPLook(check, at, opt)
	if err == nil && (!at.IsValid() || at.Port() == 0) {
		err = fmt.Errorf("the address %s is not an IP address and port", at)
	}
	if err != nil {
		return nil, fmt.Errorf("site %s, look at the fallback for %s: %w", site, host.Name, err)
	}
	h.accept = func(resp *http.Response) error { return acceptOurs(resp, site) }
	l := look{
		identity: failover.Observation{Site: site, Role: failover.RoleFallback, Check: host.Name},
		address:  at,
		ask:      h.ask,
	}
	return l.start(opt), nil
}

// acceptOurs wants the marks of our own server.
func acceptOurs(resp *http.Response, site string) error {
	switch got := resp.Header.Get(SiteHeader); {
	case got == "":
		return fail(failover.CauseProtocol, "a web server that is not this fallback answers at the fallback's address")
	case got != site:
		return fail(failover.CauseProtocol, "the fallback takes the host for one of site %s", clip(got))
	case resp.Header.Get("Retry-After") == "":
		return fail(failover.CauseProtocol, "the fallback's answer has no Retry-After")
	}
	return nil
}

// visitorName is a name that a visitor of the host may ask for: for a wildcard, one below it.
func visitorName(host string) string {
	host = strings.TrimSuffix(host, ".")
	if rest, wild := strings.CutPrefix(host, "*."); wild {
		return "failover-check." + rest
	}
	return host
}
