package wire

import (
	"fmt"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/failover"
)

// ExchangeError says that no usable answer came.
type ExchangeError struct {
	Server string // host:port
	// Sent tells whether any of the request may have reached the server; if not, nothing was done there.
	Sent bool
	Err  error
}

func (e *ExchangeError) Error() string { return fmt.Sprintf("ask %s: %v", e.Server, e.Err) }
func (e *ExchangeError) Unwrap() error { return e.Err }

// RcodeError is an answer with a response code other than NOERROR.
type RcodeError struct {
	Server string
	Rcode  int // dns.RcodeRefused and so on
	TSIG   int // error field of the answer's TSIG record (RFC 8945 section 3); 0: none
	Text   string
}

func (e *RcodeError) Error() string {
	text := fmt.Sprintf("%s answers %s", e.Server, dns.RcodeToString[e.Rcode])
	if name, ok := tsigErrors[e.TSIG]; ok {
		text += ", " + name
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// tsigErrors names error codes of TSIG; 16 means BADVERS elsewhere (RFC 6895 section 2.3).
var tsigErrors = map[int]string{dns.RcodeBadSig: "BADSIG", dns.RcodeBadKey: "BADKEY", dns.RcodeBadTime: "BADTIME", dns.RcodeBadTrunc: "BADTRUNC"}

// Kind sorts a response code (RFC 2136 section 2.2, RFC 8945 section 5.2).
func (e *RcodeError) Kind() failover.ErrorKind {
	switch e.Rcode {
	case dns.RcodeRefused, dns.RcodeNotAuth:
		return failover.KindUnauthorized
	case dns.RcodeNXRrset, dns.RcodeYXRrset, dns.RcodeNameError, dns.RcodeYXDomain:
		return failover.KindDrift
	case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeNotZone, dns.RcodeBadVers:
		return failover.KindRejected
	default:
		return failover.KindUnavailable
	}
}

// Hint says what a person can do about it; "" when there is nothing to say.
func (e *RcodeError) Hint() string {
	switch {
	case e.TSIG == dns.RcodeBadTime:
		return "set the clocks of this machine and of the server (chronyc tracking); TSIG allows 5 minutes"
	case e.TSIG == dns.RcodeBadKey:
		return "compare tsig name and algorithm with the key that the server knows"
	case e.TSIG == dns.RcodeBadSig:
		return "compare the tsig secret with the server's, it does not match"
	case e.Rcode == dns.RcodeRefused:
		return "allow the key to update this zone at the server (BIND: allow-update or update-policy; Knot: acl with action update)"
	case e.Rcode == dns.RcodeNotAuth:
		return "check that the server is the primary of this zone and knows the tsig key"
	case e.Rcode == dns.RcodeServerFailure:
		return "read the server's log"
	default:
		return ""
	}
}
