package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/failover-dns/failover/config"
	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
)

// The rules of speech:
//
//   - What was asked for goes to standard output, and nothing else; questions, warnings and errors
//     go to standard error.
//   - An error is one line, "failover: error: ...", and each way out is a line "failover: try: ...".
//     The packages end a message with "; try: ..."; here it is cut into lines.
//   - A warning is "failover: warning: ...".
//   - Sentences begin in lower case after the colon and have no final stop.
//   - Colours only on a terminal, and never with NO_COLOR (https://no-color.org).

// Exit codes, documented in docs/cli.md and in `failover help`.
const (
	codeDone        = 0
	codeError       = 1
	codeUsage       = 2
	codeConfig      = 3
	codeUnreachable = 4
	codeRefused     = 5
	codeUnknown     = 6
	codeUnwell      = 7
)

const exitCodes = `Exit codes:
  0  done
  1  error
  2  the command line is wrong
  3  the configuration is not valid
  4  no controller answers at the socket
  5  refused by a safety rule; nothing was changed
  6  outcome unknown, or not finished in time
  7  check found the origin unwell`

// errUnwell is matched by the end of `failover check` when a look failed.
var errUnwell = errors.New("the origin is not well")

// saidError is an error that was told on standard output already.
type saidError struct{ err error }

func (e *saidError) Error() string { return e.err.Error() }
func (e *saidError) Unwrap() error { return e.err }

// errUsage is matched by mistakes on the command line.
var errUsage = errors.New("usage")

type usageError struct{ message string }

func (e *usageError) Error() string        { return e.message }
func (e *usageError) Is(target error) bool { return target == errUsage }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// errConfig is matched by errors that say: there is no valid configuration.
var errConfig = errors.New("configuration")

type configError struct{ err error }

func (e *configError) Error() string        { return e.err.Error() }
func (e *configError) Unwrap() error        { return e.err }
func (e *configError) Is(target error) bool { return target == errConfig }

// exitCode sorts an error.
func exitCode(err error) int {
	for _, kind := range []struct {
		err  error
		code int
	}{
		{nil, codeDone},
		{errUsage, codeUsage},
		{admin.ErrUnknownSite, codeUsage},
		{admin.ErrUnreachable, codeUnreachable},
		{errConfig, codeConfig},
		{failover.ErrRefused, codeRefused},
		{failover.ErrDrift, codeRefused},
		{failover.ErrNoPlan, codeRefused},
		{admin.ErrUnknownOutcome, codeUnknown},
		{context.DeadlineExceeded, codeUnknown},
		{errUnwell, codeUnwell},
	} {
		if errors.Is(err, kind.err) {
			return kind.code
		}
	}
	var invalid *config.Error
	if errors.As(err, &invalid) {
		return codeConfig
	}
	return codeError
}

// complain says what went wrong and returns the exit code.
func (p *program) complain(err error) int {
	var several *manyErrors
	var said *saidError
	switch {
	case errors.As(err, &said):
	case errors.As(err, &several):
		for _, one := range several.errs {
			p.sayError(one)
		}
		return exitCode(several.errs[0])
	default:
		p.sayError(err)
	}
	return exitCode(err)
}

func (p *program) sayError(err error) { say(p.err, "error", err.Error()) }

func (p *program) warn(format string, args ...any) {
	say(p.err, "warning", fmt.Sprintf(format, args...))
}

// say writes a message and cuts its hints into lines of their own.
func say(w io.Writer, kind, message string) {
	parts := strings.Split(message, "; try: ")
	fmt.Fprintf(w, "failover: %s: %s\n", kind, parts[0])
	for _, hint := range parts[1:] {
		fmt.Fprintf(w, "failover: try: %s\n", hint)
	}
}

// manyErrors is what went wrong with several sites, in the order they were named. The exit code is
// that of the first.
type manyErrors struct{ errs []error }

func (e *manyErrors) Error() string { return errors.Join(e.errs...).Error() }

// gather returns nil, the only error, or all of them.
func gather(errs []error) error {
	var some []error
	for _, err := range errs {
		if err != nil {
			some = append(some, err)
		}
	}
	switch len(some) {
	case 0:
		return nil
	case 1:
		return some[0]
	default:
		return &manyErrors{some}
	}
}
