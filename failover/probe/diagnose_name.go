package probe

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/failover-dns/failover/failover"
)

// Name is what DNS says about one host; the caller has asked.
type Name struct {
	Host         string   // canonical
	Published    []string // what the zone holds: addresses, or the target of a CNAME
	PublishedErr error
	Resolved     []string // addresses that the resolver here gives
	ResolvedErr  error
}

// diagnoseName compares what the zone publishes, what resolves, and the origin.
func diagnoseName(site failover.Site, n Name) Layer {
	l := Layer{Subject: "name " + strings.TrimSuffix(n.Host, "."), Name: LayerDNS, State: LayerOK}
	published, resolved := strings.Join(n.Published, ", "), strings.Join(n.Resolved, ", ")
	switch {
	case n.PublishedErr != nil:
		l.State, l.Detail = LayerBroken, "the zone cannot be read: "+n.PublishedErr.Error()
		l.Meaning = "without the provider's API failover can look, but not switch"
		l.Try = "check the provider's status and the credential"
	case len(n.Published) == 0:
		l.State, l.Detail = LayerBroken, "the zone holds no address for this name"
		l.Meaning, l.Try = "visitors cannot find the site", "put the origin's records back into the zone"
	case n.ResolvedErr != nil:
		l.State, l.Detail = LayerBroken, fmt.Sprintf("the zone says %s, but it does not resolve here: %v", published, n.ResolvedErr)
		l.Meaning = "the delegation, DNSSEC or this machine's resolver is broken"
		l.Try = "ask the zone's name servers directly, then the resolver, with dig"
	case !atOrigin(site, n.Published):
		l.Detail = fmt.Sprintf("the zone says %s, which is not the origin: the fallback, a proxy, or a change that failover was not told of", published)
	default:
		l.Detail = fmt.Sprintf("the zone says %s, the origin", published)
	}
	if l.State == LayerOK && len(n.Resolved) > 0 && areAddresses(n.Published) && !sameTexts(n.Published, n.Resolved) {
		l.Warning = fmt.Sprintf("the resolver here still says %s; caches keep an old answer for its TTL", resolved)
	}
	return l
}

func atOrigin(site failover.Site, values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool {
		a, err := netip.ParseAddr(v)
		return err != nil || !slices.Contains(site.Origin, a)
	})
}

func areAddresses(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { _, err := netip.ParseAddr(v); return err != nil })
}

func sameTexts(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
