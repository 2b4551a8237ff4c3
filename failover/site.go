package failover

import (
	"net/netip"
	"time"
)

// Site is what is protected: hosts that move together, the origin that serves them, how it is
// looked at and when it may be replaced.
type Site struct {
	Name  string
	Hosts []Host
	// Origin holds the origin's own addresses. Checks dial these and never the site's name: after
	// the switch the name is us.
	Origin []netip.Addr
	Checks []Check
	Policy Policy
	TTL    TTL
	// Overwrite says what happens when somebody writes the origin's records while the fallback serves.
	Overwrite Overwrite
	// Priority orders switches when many sites fail at once; higher first.
	Priority int
	// Records is what the hosts hold while all is well, as the configuration declares it, sorted; may be
	// nil. It is the baseline of a controller that finds its zone failed over and remembers nothing.
	Records []RecordSet
	// Page is the directory of page.md and its translations; empty means the embedded page.
	Page string
	// RetryAfter is what the maintenance page promises in its Retry-After header.
	RetryAfter time.Duration
}

// Host is one owner name of a site and where its zone is kept.
type Host struct {
	Name     string // canonical, may be a wildcard ("*.example.org.")
	Zone     string // canonical apex of the zone that holds Name
	Provider string // the name of the `dns` block that serves the zone
}

// TTL holds the times to live a site uses, in seconds.
type TTL struct {
	// Armed is the TTL that names are brought to when the origin is suspected, and kept at while
	// the fallback serves, so that both ways are quick.
	Armed uint32
}

// Overwrite is what to do about the origin's own records in the zone in the middle of an outage, as
// a routine run of Terraform writes them.
type Overwrite struct {
	Hold  bool          // leave them to an operator
	Grace time.Duration // else put the fallback's back after this time
}

// Fallback is where a failed-over name points: addresses, or the name of a host that has them.
type Fallback struct {
	IPv4  []netip.Addr
	IPv6  []netip.Addr
	CNAME string // canonical; exclusive with the addresses
	// SameNetwork accepts that the fallback is in an origin's network; see [Neighbours].
	SameNetwork bool
}

// Kinds of check.
const (
	CheckHTTP  = "http"
	CheckHTTPS = "https"
	CheckTCP   = "tcp"
	CheckTLS   = "tls"
	CheckDNS   = "dns"
)

// Check says how to look at an origin. Every check is made at every address of the origin.
type Check struct {
	Name string // unique within the site
	Kind string // one of the Check constants
	// Host is the name asked for in SNI and the Host header, without final dot; for a DNS check
	// the name that is queried.
	Host string
	Port uint16

	Method          string            // HTTP method, GET by default
	Path            string            // with a leading slash and the query, if any
	Header          map[string]string // own request headers
	Status          []StatusRange     // expected answers; 200-399 when empty
	Body            string            // regular expression that the body must match (RE2); empty: any body
	FollowRedirects bool              // by default a redirect is an answer as it is
	SkipVerify      bool              // do not let the certificate's validity count
	ExpiryWarning   time.Duration     // warn when the certificate ends within this time

	RRType string // for a DNS check: the type queried
	Answer string // for a DNS check: a value that the answer must hold; empty: any answer

	Interval time.Duration // between two looks while all is as before
	Recheck  time.Duration // until the next look after a first failure
	Timeout  time.Duration // for the whole look
	Slow     time.Duration // longer than this is a failure with cause "slow"; 0: no limit below Timeout
}

// StatusRange is an inclusive range of HTTP statuses.
type StatusRange struct{ From, To int }

// Names returns the owner names of the site's hosts in the given zone.
func (s Site) Names(zone string) []string {
	names := []string{}
	for _, h := range s.Hosts {
		if h.Zone == zone {
			names = append(names, h.Name)
		}
	}
	return names
}

// Zones returns the site's zones in the order of its hosts, each once, as provider and apex.
func (s Site) Zones() []ZoneRef {
	var refs []ZoneRef
	seen := map[ZoneRef]bool{}
	for _, h := range s.Hosts {
		ref := ZoneRef{Provider: h.Provider, Zone: h.Zone}
		if !seen[ref] {
			seen[ref] = true
			refs = append(refs, ref)
		}
	}
	return refs
}

// ZoneRef names a zone at a provider account.
type ZoneRef struct {
	Provider string // the name of the `dns` block
	Zone     string // canonical apex
}
