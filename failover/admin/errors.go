package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/agext/levenshtein"

	"github.com/failover-dns/failover/failover"
)

// Errors of a Client beside those of a Controller.
var (
	// ErrUnreachable says that no controller answers at the socket.
	ErrUnreachable = errors.New("no controller answers")
	// ErrUnknownOutcome says that a change was begun and nobody waited for, or saw, its end.
	ErrUnknownOutcome = errors.New("the outcome is not known")
	// ErrUnknownSite is matched by an UnknownSiteError.
	ErrUnknownSite = errors.New("unknown site")
	errRequest     = errors.New("bad request")
)

// UnknownSiteError names a site that the configuration does not have.
type UnknownSiteError struct {
	Site    string `json:"site"`
	Nearest string `json:"nearest"` // the known name most like it; empty when none is alike
}

func (e *UnknownSiteError) Error() string {
	text := fmt.Sprintf("%v %q", ErrUnknownSite, e.Site)
	if e.Nearest != "" {
		return text + fmt.Sprintf("; did you mean %q?", e.Nearest)
	}
	return text + "; try: failover status, which lists them all"
}

// Is lets errors.Is(err, ErrUnknownSite) hold.
func (e *UnknownSiteError) Is(target error) bool { return target == ErrUnknownSite }

// NewUnknownSite returns the error for a name that is not among known.
func NewUnknownSite(site string, known []string) *UnknownSiteError {
	return &UnknownSiteError{Site: site, Nearest: Nearest(site, known)}
}

// Nearest returns the known name most like the given one, or "" when none is alike: at most a
// third of its letters, and always two, may differ.
func Nearest(name string, known []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := levenshtein.Distance(name, k, nil); d < least && d < max(len(name), len(k)) {
			best, least = k, d
		}
	}
	return best
}

// Codes of wireError, one for each error that a caller may want to tell apart.
const (
	codeRefused        = "refused"
	codeDrift          = "drift"
	codeNoPlan         = "no-plan"
	codeUnknownSite    = "unknown-site"
	codeUnknownOutcome = "unknown-outcome"
	codeRequest        = "bad-request"
	codeOther          = "error"
)

// wireError is an error on its way through the socket.
type wireError struct {
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Unknown *UnknownSiteError `json:"unknownSite,omitempty"`
}

func toWire(err error) *wireError {
	w := &wireError{Code: codeOther, Message: err.Error()}
	switch {
	case errors.As(err, &w.Unknown):
		w.Code = codeUnknownSite
	case errors.Is(err, errRequest):
		w.Code = codeRequest
	case errors.Is(err, failover.ErrRefused):
		w.Code = codeRefused
	case errors.Is(err, failover.ErrDrift):
		w.Code = codeDrift
	case errors.Is(err, failover.ErrNoPlan):
		w.Code = codeNoPlan
	case failover.KindOf(err) == failover.KindLost, errors.Is(err, ErrUnknownOutcome),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		w.Code = codeUnknownOutcome
	}
	return w
}

func (w *wireError) status() int {
	switch w.Code {
	case codeUnknownSite:
		return http.StatusNotFound
	case codeRequest:
		return http.StatusBadRequest
	case codeRefused, codeDrift, codeNoPlan:
		return http.StatusConflict
	default:
		return http.StatusInternalServerError
	}
}

// err turns the error back into one that matches what it was made from.
func (w *wireError) err() error {
	kinds := map[string]error{
		codeRefused: failover.ErrRefused, codeDrift: failover.ErrDrift, codeNoPlan: failover.ErrNoPlan,
		codeUnknownOutcome: ErrUnknownOutcome, codeRequest: errRequest,
	}
	if w.Unknown != nil {
		return w.Unknown
	}
	if kind, found := kinds[w.Code]; found {
		return &remoteError{message: w.Message, kind: kind}
	}
	return errors.New(w.Message)
}

// remoteError says what the other side said and matches what the other side's error matched.
type remoteError struct {
	message string
	kind    error
}

func (e *remoteError) Error() string { return e.message }
func (e *remoteError) Unwrap() error { return e.kind }
