package fallback

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// SiteHeader is on every answer for a host of ours and holds the site's name. The controller
// looks for it to know that it sees its own server.
const SiteHeader = "X-Failover-Site"

// strict is the policy of pages that bring none: no script, and nothing from anywhere.
const strict = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Header values that are the same in every answer; nothing writes to them.
var (
	noStore   = []string{"no-store"}
	noSniff   = []string{"nosniff"}
	noReferer = []string{"no-referrer"}
	closing   = []string{"close"}
	varies    = []string{"Accept, Accept-Encoding, Accept-Language"}
	policies  = []string{strict}
	typeHTML  = []string{"text/html; charset=utf-8"}
	typeText  = []string{"text/plain; charset=utf-8"}
	typeJSON  = []string{"application/json"}
	typeIssue = []string{"application/problem+json"}
)

const (
	notOurs    = "This server does not answer for that name.\n"
	notServing = "This site is not served here at the moment; it is served by its own server. Please try again.\n"
)

// ServeHTTP answers one request. Unless it hands the request on it never reads the body: net/http
// drains at most 256 kB of it within the read timeout, and never sends 100 Continue.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := s.table.Load()
	if site, asked := strings.CutPrefix(r.URL.Path, HealthPath); asked {
		s.serveHealth(w, r, t.sites[site])
		return
	}
	e := t.find(r.Host)
	if e == nil {
		s.counts.unknown.Add(1)
		head(w, true)
		writeText(w, r, http.StatusMisdirectedRequest, typeText, notOurs)
		return
	}
	last := tired(r)
	if e.origin != nil && mayPass(r) {
		s.handOn(w, r, e, last)
		return
	}
	s.serveHost(w, r, e, last)
}

// serveHost answers for a host of ours by ourselves; last says that the connection ends with it.
func (s *Server) serveHost(w http.ResponseWriter, r *http.Request, e *entry, last bool) {
	h := head(w, last || !e.serving)
	h[SiteHeader] = e.site
	switch {
	case r.URL.Path == StatusPath:
		writeText(w, r, http.StatusOK, typeJSON, string(e.status(s.options.Health)))
	case r.URL.Path == ReadyPath:
		h["Retry-After"] = e.retryAfter
		writeText(w, r, http.StatusServiceUnavailable, typeText, ready)
	case !e.serving:
		s.counts.notServing.Add(1)
		h["Retry-After"] = e.retryAfter
		writeText(w, r, http.StatusServiceUnavailable, typeText, notServing)
	default:
		s.serveSite(w, r, e)
	}
}

// head writes what is in the header of every answer of our own, and returns the header.
func head(w http.ResponseWriter, last bool) http.Header {
	h := w.Header()
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = noSniff
	if last {
		h["Connection"] = closing // over HTTP/2 net/http turns this into a GOAWAY
	}
	return h
}

// serveSite answers for a failed-over site.
func (s *Server) serveSite(w http.ResponseWriter, r *http.Request, e *entry) {
	h := w.Header()
	h["Retry-After"] = e.retryAfter
	h["Vary"] = varies
	h["Referrer-Policy"] = noReferer
	if e.origin != nil {
		h["Refresh"] = e.retryAfter // comes before the page's own; the origin is expected back at once
	}
	content := e.problem
	if content != nil && wantsProblem(r.Header) {
		s.counts.problems.Add(1)
		h["Content-Type"] = typeIssue
		h["Content-Security-Policy"] = policies
	} else {
		s.counts.pages.Add(1)
		chosen := e.choose(r.Header)
		content = chosen.encoded(r.Header)
		h["Content-Type"] = typeHTML
		h["Content-Language"] = chosen.language
		h["Content-Security-Policy"] = chosen.policy
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
