package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/failover-dns/failover/failover"
)

// failure is why a look failed. The empty cause means that the fault is ours.
type failure struct {
	cause  failover.Cause
	detail string // one sentence for people, without secrets
	err    error  // may be nil
}

func (f *failure) Error() string { return string(f.cause) + ": " + f.detail }
func (f *failure) Unwrap() error { return f.err }

func fail(cause failover.Cause, format string, args ...any) error {
	return &failure{cause: cause, detail: fmt.Sprintf(format, args...)}
}

// phase is how far a look had come when an error of the network met it: what a silence is called
// there, and what any other unexpected error is called.
type phase struct {
	doing          string // ends the sentence "... while ..."
	silence, other failover.Cause
}

// Phases of a look.
func connecting() phase {
	return phase{"connecting", failover.CauseConnectTimeout, failover.CauseUnreachable}
}
func handshaking() phase {
	return phase{"shaking hands for TLS", failover.CauseTimeout, failover.CauseTLSHandshake}
}
func talking(what string) phase {
	return phase{what, failover.CauseTimeout, failover.CauseProtocol}
}
func querying() phase {
	return phase{"waiting for the DNS answer", failover.CauseDNSTimeout, failover.CauseProtocol}
}

// failed sorts an error of the network, once, where it arises.
func (p phase) failed(err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	f = &failure{err: err}
	switch {
	case isAny(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL):
		f.detail = "a shortage of our own: " + plain(err) + "; try: a higher limit of open files"
	case isAny(err, syscall.ECONNREFUSED):
		f.cause, f.detail = failover.CauseRefused, "connection refused"
	case isTimeout(err):
		f.cause, f.detail = p.silence, "no answer in time while "+p.doing
	case isAny(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN, syscall.EACCES, syscall.EPERM):
		f.cause, f.detail = failover.CauseUnreachable, plain(err)
	case isAny(err, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed):
		f.cause, f.detail = failover.CauseReset, "the connection broke while "+p.doing
	default:
		f.cause, f.detail = p.other, "failed while "+p.doing+": "+plain(err)
	}
	return f
}

// certificateFailed sorts an error of x509's verification.
func certificateFailed(err error) error {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	f := &failure{cause: failover.CauseTLSUntrusted, detail: plain(err), err: err}
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired: // also: not yet valid
		f.cause = failover.CauseTLSExpired
		f.detail = expired(invalid.Cert)
	case errors.As(err, &name):
		f.cause = failover.CauseTLSWrongName
	}
	return f
}

// expired says when the certificate is valid. The text of crypto/x509 holds the time of the look as
// well, so that no two looks would say the same.
func expired(c *x509.Certificate) string {
	const text = "the certificate has expired or is not yet valid"
	if c == nil {
		return text
	}
	return fmt.Sprintf("%s: it is valid from %s to %s", text, c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339))
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &t) && t.Timeout()
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// plain is the innermost text of an error: without the addresses that an observation has anyway,
// and bounded, for part of it may come from the other side.
func plain(err error) string {
	var alert tls.AlertError
	var call *os.SyscallError
	var op *net.OpError
	text := err.Error()
	switch {
	case errors.As(err, &alert):
		text = "the server answered with the alert \"" + alert.Error() + "\""
	case errors.As(err, &call):
		text = call.Err.Error()
	case errors.As(err, &op):
		text = op.Err.Error()
	}
	return clip(text)
}

// clip bounds text that may come from the other side, and keeps it printable.
func clip(text string) string {
	const most = 200
	if len(text) > most {
		text = text[:most] + "..."
	}
	out := []rune(text)
	for i, r := range out {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			out[i] = '.'
		}
	}
	return string(out)
}
