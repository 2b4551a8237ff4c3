package failover

import "time"

// Role says what was looked at.
type Role string

const (
	RoleOrigin    Role = "origin"
	RoleReference Role = "reference"
	RoleFallback  Role = "fallback" // our own server, through its public address, for one host
)

// Health is the outcome of a look, or of many.
type Health string

const (
	Up      Health = "up"
	Down    Health = "down"
	Unknown Health = "unknown" // undecided; changes nothing
)

// Cause names why a look failed. The empty cause belongs to a look that did not fail.
type Cause string

const (
	CauseNXDOMAIN       Cause = "nxdomain"        // the name does not exist (RFC 8020)
	CauseNoData         Cause = "nodata"          // the name exists without the type asked for
	CauseServFail       Cause = "servfail"        // the name server answered SERVFAIL
	CauseDNSRefused     Cause = "dns-refused"     // the name server answered REFUSED
	CauseDNSTimeout     Cause = "dns-timeout"     // no name server answered
	CauseDNSAnswer      Cause = "dns-answer"      // an answer without the expected value
	CauseRefused        Cause = "refused"         // TCP RST: nothing listens
	CauseUnreachable    Cause = "unreachable"     // no route, or ICMP says so
	CauseConnectTimeout Cause = "connect-timeout" // no answer to SYN
	CauseReset          Cause = "reset"           // the connection broke in mid-talk
	CauseTLSExpired     Cause = "tls-expired"     // the certificate is not valid at this time
	CauseTLSWrongName   Cause = "tls-wrong-name"  // the certificate is for other names
	CauseTLSUntrusted   Cause = "tls-untrusted"   // the chain ends at no known root
	CauseTLSHandshake   Cause = "tls-handshake"   // no common ground, or no TLS at all
	CauseTimeout        Cause = "timeout"         // connected, then silence
	CauseSlow           Cause = "slow"            // right, but later than allowed
	CauseStatus         Cause = "http-status"     // an unexpected status
	CauseBody           Cause = "body"            // the content is not the expected one
	CauseProtocol       Cause = "protocol"        // not an answer of the protocol
	CauseRedirect       Cause = "redirect"        // sent elsewhere
	CausePanic          Cause = "panic"           // a defect of ours: counted as failed, never fatal
	CausePartial        Cause = "partial"         // some addresses of the origin fail, others do not
	CauseOperator       Cause = "operator"        // switched by hand
)

// Observation is one look.
type Observation struct {
	Site    string    `json:"site,omitempty"` // empty for a reference
	Role    Role      `json:"role"`
	Vantage string    `json:"vantage"`
	Check   string    `json:"check"`   // the name of the check, reference or host
	Address string    `json:"address"` // what was dialled: IP and port
	At      time.Time `json:"at"`      // when the look ended
	Health  Health    `json:"health"`
	Cause   Cause     `json:"cause,omitempty"`
	Detail  string    `json:"detail,omitempty"` // one sentence for people, without secrets
	Warning string    `json:"warning,omitempty"`
	Timings Timings   `json:"timings"`
	Expiry  time.Time `json:"expiry,omitzero"` // NotAfter of the certificate seen
}

// Timings are the phases of a look, in the order they happen; a phase that did not happen is 0.
type Timings struct {
	Resolve   time.Duration `json:"resolve"`
	Connect   time.Duration `json:"connect"`
	TLS       time.Duration `json:"tls"`
	FirstByte time.Duration `json:"firstByte"`
	Total     time.Duration `json:"total"`
}

// Key tells looks apart: only the newest observation of a key counts.
func (o Observation) Key() ObservationKey {
	return ObservationKey{o.Role, o.Vantage, o.Check, o.Address}
}

// ObservationKey identifies what was looked at, from where.
type ObservationKey struct {
	Role                    Role
	Vantage, Check, Address string
}
