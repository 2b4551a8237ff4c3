package fallback

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// StatusPath answers 200 with {"site": ..., "serving": ...} for every host of ours.
const StatusPath = "/.well-known/failover/status"

// SiteHeader is on every answer for a host of ours and holds the site's name. The controller
// looks for it to know that it sees its own server.
const SiteHeader = "X-Failover-Site"

// policy lets the page style itself and carry its pictures, and nothing else.
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Header values that are the same in every answer; nothing writes to them.
var (
	noStore   = []string{"no-store"}
	noSniff   = []string{"nosniff"}
	noReferer = []string{"no-referrer"}
	closing   = []string{"close"}
	varies    = []string{"Accept, Accept-Encoding, Accept-Language"}
	policies  = []string{policy}
	typeHTML  = []string{"text/html; charset=utf-8"}
	typeText  = []string{"text/plain; charset=utf-8"}
	typeJSON  = []string{"application/json"}
	typeIssue = []string{"application/problem+json"}
)

const (
	notOurs    = "This server does not answer for that name.\n"
	notServing = "This site is not served here at the moment; it is served by its own server. Please try again.\n"
)

// ServeHTTP answers one request. It never reads the body: net/http drains at most 256 kB of it
// within the read timeout, and never sends 100 Continue.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = noSniff
	e := s.table.Load().find(r.Host)
	if e == nil {
		s.counts.unknown.Add(1)
		h["Connection"] = closing
		writeText(w, r, http.StatusMisdirectedRequest, typeText, notOurs)
		return
	}
	h[SiteHeader] = e.site
	if !e.serving || tired(r) {
		h["Connection"] = closing // over HTTP/2 net/http turns this into a GOAWAY
	}
	switch {
	case r.URL.Path == StatusPath:
		writeText(w, r, http.StatusOK, typeJSON, string(e.status(s.options.Health)))
	case !e.serving:
		s.counts.notServing.Add(1)
		h["Retry-After"] = e.retryAfter
		writeText(w, r, http.StatusServiceUnavailable, typeText, notServing)
	default:
		s.serveSite(w, r, e)
	}
}

// serveSite answers for a failed-over site.
func (s *Server) serveSite(w http.ResponseWriter, r *http.Request, e *entry) {
	h := w.Header()
	h["Retry-After"] = e.retryAfter
	h["Vary"] = varies
	h["Referrer-Policy"] = noReferer
	h["Content-Security-Policy"] = policies
	content := e.problem
	if content != nil && wantsProblem(r.Header) {
		s.counts.problems.Add(1)
		h["Content-Type"] = typeIssue
	} else {
		s.counts.pages.Add(1)
		chosen := e.choose(r.Header)
		content = chosen.encoded(r.Header)
		h["Content-Type"] = typeHTML
		h["Content-Language"] = chosen.language
	}
	if content.coding != nil {
		h["Content-Encoding"] = content.coding
	}
	h["Content-Length"] = content.length
	w.WriteHeader(http.StatusServiceUnavailable)
	if r.Method != http.MethodHead {
		w.Write(content.content) // an error means that the client left
	}
}

func writeText(w http.ResponseWriter, r *http.Request, code int, mediaType []string, text string) {
	h := w.Header()
	h["Content-Type"] = mediaType
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		io.WriteString(w, text)
	}
}

// connection is what is remembered of an open connection.
type connection struct {
	opened   time.Time
	requests atomic.Int32
}

type connectionKey struct{}

// tired tells whether the request's connection has served enough: a visitor must not stay with
// the fallback once the name points elsewhere.
func tired(r *http.Request) bool {
	c, ok := r.Context().Value(connectionKey{}).(*connection)
	return ok && (c.requests.Add(1) >= connectionRequests || time.Since(c.opened) > connectionAge)
}
