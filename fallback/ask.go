package fallback

import "net/http"

// Paths that are ours on every host, and never handed on to an origin.
const (
	// StatusPath answers 200 with {"site": ..., "serving": ...} for every host of ours. Pages ask it.
	StatusPath = "/.well-known/failover/status"
	// ReadyPath answers 503 with Retry-After for every host of ours. The controller asks it.
	ReadyPath = "/.well-known/failover/ready"
	// HealthPath, with a site's name behind it, answers on any host or address, for health checks
	// of a DNS provider that switches by itself: 200 while the origin is to serve the site, 503
	// while the fallback is or when that is not known, 404 for a site that there is not.
	HealthPath = "/.well-known/failover/health/"
)

const (
	ready     = "ready\n"
	atOrigin  = "ok\n"
	atOurs    = "The fallback serves this site.\n"
	undecided = "It is not known yet who serves this site.\n"
	noSite    = "There is no such site.\n"
)

// serveHealth answers at HealthPath; e is nil for an unknown site.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request, e *entry) {
	h := head(w, true)
	if e == nil {
		writeText(w, r, http.StatusNotFound, typeText, noSite)
		return
	}
	h[SiteHeader] = e.site
	code, text := http.StatusServiceUnavailable, undecided
	if s.options.AtOrigin != nil {
		if at, known := s.options.AtOrigin(e.name); known && at {
			code, text = http.StatusOK, atOrigin
		} else if known {
			text = atOurs
		}
	}
	writeText(w, r, code, typeText, text)
}
