package certs

import (
	"crypto/x509"
	"log/slog"
	"time"

	"github.com/libdns/libdns"
)

// Options are what a Manager needs.
type Options struct {
	// Dir is where certificates and the account key are kept; it is made if missing, mode 0700.
	Dir string
	// Directory is the URL of the CA's ACME directory. Empty: nothing is obtained, and only what
	// lies in Dir is served.
	Directory string
	// Email is the account's contact; empty: an account without contact. The CA's terms of
	// service count as agreed to.
	Email        string
	TrustedRoots *x509.CertPool // for the CA's own HTTPS; nil: the system's
	EAB          EAB            // external account binding, for CAs that ask for it
	Profile      string         // one of the CA's certificate profiles; empty: its default
	// Resolvers are asked whether a challenge record is visible, as host:port. Empty: the
	// system's, and then the zone's own servers.
	Resolvers []string
	// RenewBefore is how long before its end a certificate is renewed; 0, or more than its whole
	// life: after two thirds of its life.
	RenewBefore time.Duration
	// Solver returns who can write the challenge records of a host (canonical, without "*.").
	Solver func(host string) (DNSProvider, error)
	// Obtained, unless nil, hears the host, without final dot, of each certificate as soon as
	// visitors are served with it. It must not block.
	Obtained func(host string)
	Log      *slog.Logger // nil: slog.Default()
}

// DNSProvider sets and removes the TXT records of DNS-01 challenges (RFC 8555 section 8.4).
type DNSProvider interface {
	libdns.RecordAppender
	libdns.RecordDeleter
}

// EAB is an external account binding (RFC 8555 section 7.3.4). It never prints.
type EAB struct {
	KeyID  string
	MACKey string // base64url
}

func (EAB) String() string       { return "(secret)" }
func (EAB) GoString() string     { return "(secret)" }
func (EAB) LogValue() slog.Value { return slog.StringValue("(secret)") }

// MarshalJSON keeps the key out of every JSON.
func (EAB) MarshalJSON() ([]byte, error) { return []byte(`"(secret)"`), nil }
