// Package config reads what an operator wrote, in HCL or in HCL's JSON form, one file or a
// directory of files, and turns it into domain values or into complaints with file and line.
// It opens no connection and starts nothing.
package config

import (
	"net/netip"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Config is a whole, valid configuration.
type Config struct {
	Controller Controller
	DNS        []DNS
	ACME       *ACME // nil: no `acme` block; the fallback then serves only with certificates it holds
	Fallback   Fallback
	References References
	// Propagation says which resolvers are asked after a switch.
	Propagation Propagation
	Sites       []failover.Site // in order of name
	// Warnings are worth an operator's attention and do not stop the program.
	Warnings []Diagnostic
}

// Controller holds the process's own settings.
type Controller struct {
	DataDir  string         // journal, certificates, builtin zones
	Socket   string         // unix socket of the operator's door; default DataDir/failover.sock
	Admin    netip.AddrPort // /metrics, /healthz, /readyz; zero: off
	LogLevel string         // debug, info, warn, error
	LogJSON  bool
	// Resolvers are asked which servers are authoritative for a zone, as IP:port; empty: the system's.
	Resolvers []string
	Webhooks  []Webhook
	// Backup are directories on other storage that get a copy of the state whenever it changes.
	Backup     []string
	BackupKeep int
}

// Webhook receives every phase change and alarm as JSON, signed with HMAC-SHA-256.
type Webhook struct {
	Name   string
	URL    string
	Secret Secret
}

// DNS is one provider account; exactly one of the pointers is set.
type DNS struct {
	Name  string
	Zones []string // canonical apexes
	// Authoritative are the servers that are asked whether they follow a switch; empty: those of
	// the zone's NS set.
	Authoritative []netip.AddrPort
	Cloudflare    *Cloudflare
	RFC2136       *RFC2136
	Builtin       *Builtin
}

// Cloudflare is an account at Cloudflare.
type Cloudflare struct {
	Token     Secret
	ACMEToken Secret // for _acme-challenge records; Token when empty
	Endpoint  string // API base URL; empty: Cloudflare's own
	CAFile    string // PEM roots for Endpoint; empty: the system's
}

// RFC2136 is a server that takes DNS UPDATE with TSIG (RFC 8945).
type RFC2136 struct {
	Server     string // host:port
	TSIGName   string // canonical key name
	TSIGAlgo   string // canonical, such as "hmac-sha256."
	TSIGSecret Secret // base64
	Timeout    time.Duration
}

// Builtin is our own authoritative server.
type Builtin struct {
	Listen      []netip.AddrPort // UDP and TCP
	Nameservers []string         // canonical names for the apex NS set
	Records     []string         // lines in master file format (RFC 1035 section 5) that seed a new zone
}

// ACME says where certificates come from (RFC 8555).
type ACME struct {
	Directory    string // URL
	Email        string
	TrustedRoots string // PEM file; empty: the system's
	EABKeyID     string // external account binding
	EABHMAC      Secret
	DNS          string // name of the `dns` block that takes _acme-challenge records; empty: each host's own
	Profile      string
	Resolvers    []string      // host:port, for the propagation check; empty: the system's
	RenewBefore  time.Duration // 0: after two thirds of the certificate's life
}

// Fallback is our own web server.
type Fallback struct {
	failover.Fallback
	HTTP  []netip.AddrPort
	HTTPS []netip.AddrPort
	// CheckHTTPS is where the controller looks at its own server "from outside"; by default the
	// public addresses at port 443.
	CheckHTTPS []netip.AddrPort
	// CheckRoots is a PEM file of the roots that visitors trust beside the system's, for that look.
	CheckRoots  string
	MinValidity time.Duration // a certificate that ends sooner is not good enough to switch to
}

// Propagation is the panel of resolvers that are asked after a switch.
type Propagation struct {
	Resolvers []string      // IP:port; empty: nobody is asked
	Within    time.Duration // how long one may take once the TTL of its old answer is over
}

// References are places that are always up.
type References struct {
	Checks []Reference
	// Quorum and Quorum6 are how many must answer of those at IPv4 and at IPv6; default: more than half
	// of each. 0: there are none of that family.
	Quorum, Quorum6 int
	Interval        time.Duration
	Timeout         time.Duration
	// MassFailure is the share of all sites, in percent, that may fail at once before it takes
	// references that are all fine to switch any.
	MassFailure int
}

// Reference is one place that is always up: something that accepts TCP, or a name server.
type Reference struct {
	Kind    string // "tcp" or "dns"
	Address string // host:port, host an IP address
}
