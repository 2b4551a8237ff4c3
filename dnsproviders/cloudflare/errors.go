package cloudflare

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/failover-dns/failover/failover"
)

// message is one of the API's errors.
type message struct {
	Code  int       `json:"code"`
	Text  string    `json:"message"`
	Chain []message `json:"error_chain"`
}

// apiError is what the API answered when it did not do what was asked.
type apiError struct {
	status   int
	messages []message
	detail   string // for an answer that isn't the API's JSON
}

func (e *apiError) Error() string {
	parts := []string{}
	for _, m := range e.flat() {
		parts = append(parts, fmt.Sprintf("%s (code %d)", m.Text, m.Code))
	}
	if e.detail != "" {
		parts = append(parts, e.detail)
	}
	return fmt.Sprintf("HTTP %d: %s", e.status, strings.Join(parts, "; "))
}

func (e *apiError) flat() []message {
	var all []message
	for _, m := range e.messages {
		all = append(append(all, m), m.Chain...)
	}
	return all
}

func (e *apiError) has(codes ...int) bool {
	return slices.ContainsFunc(e.flat(), func(m message) bool { return slices.Contains(codes, m.Code) })
}

// Codes of the API's errors that tell more than the HTTP status does.
const (
	codeInvalidHeaders = 6003  // the Authorization header is malformed
	codeInvalidToken   = 9109  // or its client address is not allowed
	codeAuthFailed     = 10000 // the token is unknown, or lacks a permission
	codeNoRecord       = 81044 // a record with this id does not exist
	codeRecordExists   = 81057
	codeIdentical      = 81058 // an identical record exists
)

// raced tells whether an error of a batch means that the zone is no longer what the batch was made for.
func raced(err error) bool {
	var e *apiError
	return errors.As(err, &e) && e.has(codeNoRecord, codeRecordExists, codeIdentical)
}

// judge sorts an answer: the envelope of a call that was done, or an error.
func (c *client) judge(method string, r reply) (envelope, error) {
	var e envelope
	decoded := json.Unmarshal(r.body, &e) == nil && e.Success != nil
	if decoded && *e.Success && r.status < 300 {
		return e, nil
	}
	cause := &apiError{status: r.status}
	if decoded {
		cause.messages = e.Errors
		for i := range cause.messages {
			cause.messages[i].Text = c.clean(cause.messages[i].Text)
		}
	} else {
		cause.detail = describe(r)
	}
	err := &failover.ZoneError{Kind: kind(method, cause, decoded), RetryAfter: r.retryAfter, Err: cause}
	switch err.Kind {
	case failover.KindUnauthorized:
		err.Hint = tokenHint
	case failover.KindUnavailable, failover.KindLost:
		err.Hint = "wait; it is tried again by itself, and www.cloudflarestatus.com tells how the API is"
	}
	return envelope{}, err
}

// kind sorts by code first, then by status. What neither the API nor HTTP declares as refused may
// have been done, unless it was a GET.
func kind(method string, e *apiError, decoded bool) failover.ErrorKind {
	unknown := failover.KindLost
	if method == http.MethodGet {
		unknown = failover.KindUnavailable
	}
	switch {
	case e.status == http.StatusTooManyRequests:
		return failover.KindRateLimited
	case e.has(codeInvalidHeaders, codeInvalidToken, codeAuthFailed),
		e.status == http.StatusUnauthorized, e.status == http.StatusForbidden:
		return failover.KindUnauthorized
	case e.status >= 500, e.status == http.StatusRequestTimeout:
		return unknown
	case e.status >= 400:
		return failover.KindRejected
	case e.status >= 300:
		return failover.KindUnavailable // a redirect: nobody did anything
	case decoded && slices.ContainsFunc(e.flat(), func(m message) bool { return validation(m.Code) }):
		return failover.KindRejected
	default:
		return unknown
	}
}

// validation tells whether a code says that a record is not acceptable.
func validation(code int) bool {
	return code == 1004 || code >= 9000 && code < 10000 || code >= 81000 && code < 82000
}

// describe says in a few words what came instead of the API's JSON. The body itself is not quoted:
// it may be a page of any size and of any origin.
func describe(r reply) string {
	switch {
	case len(r.body) == 0:
		return "an empty answer"
	case strings.Contains(r.header.Get("Content-Type"), "html"):
		return fmt.Sprintf("an HTML page of %d bytes", len(r.body))
	default:
		return fmt.Sprintf("%d bytes that are not the API's JSON", len(r.body))
	}
}
