package site

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/failover-dns/failover/failover"
)

// RenderInput is what a page says that is not written in its files.
type RenderInput struct {
	Site    failover.Site
	Serving bool      // whether the site is failed over; if not, no page is made
	Since   time.Time // start of the outage; zero: unknown. A since in the page takes precedence
	Now     time.Time // decides the day of the outage, and whether a promised update is overdue
}

// Bounds and default of what visitors are told to wait, and the longest time until a page that is
// left open loads itself again.
const (
	minRetry     = 30 * time.Second
	defaultRetry = 5 * time.Minute
	maxRetry     = 24 * time.Hour
	maxReload    = time.Hour
)

// rendering is what was made for one site, and from what.
type rendering struct {
	of      renderKey
	pages   []failover.Page
	problem []byte
}

// renderKey holds all that tells two renderings of a source apart, so that rendering again costs
// nothing until something that a visitor sees has changed.
type renderKey struct {
	host    string
	since   int64 // Unix time
	days    string
	overdue string
	retry   time.Duration
}

// Render returns the notice of a site: all languages, the default first, complete and compressed.
// A site that is not served gets a notice without pages, which costs nothing. Call it whenever the
// site's state or its source changes, and every minute besides: the day of the outage and a
// promised update depend on the time. It returns the last result again while nothing has changed.
func (s *Source) Render(in RenderInput) (failover.Notice, error) {
	notice := failover.Notice{Site: in.Site.Name, Serving: in.Serving}
	for _, h := range in.Site.Hosts {
		notice.Hosts = append(notice.Hosts, h.Name)
	}
	notice.RetryAfter = cmp.Or(s.documents[0].retryAfter, in.Site.RetryAfter, defaultRetry)
	if !in.Serving {
		return notice, nil
	}
	key := s.key(in, notice.RetryAfter)
	s.mu.Lock()
	last, found := s.last[in.Site.Name]
	s.mu.Unlock()
	if !found || last.of != key {
		var err error
		if last, err = s.render(in, key); err != nil {
			return notice, fmt.Errorf("the page of site %s: %w; try: failover page preview %s", in.Site.Name, err, in.Site.Name)
		}
		s.mu.Lock()
		if s.last == nil {
			s.last = map[string]rendering{}
		}
		s.last[in.Site.Name] = last
		s.mu.Unlock()
	}
	notice.Pages, notice.Problem = last.pages, last.problem
	return notice, nil
}

func (s *Source) key(in RenderInput, retry time.Duration) renderKey {
	key := renderKey{host: hostOf(in.Site), retry: retry}
	if !in.Since.IsZero() {
		key.since = in.Since.Unix()
	}
	for _, d := range s.documents {
		key.days += fmt.Sprintf("%d ", day(d.sinceOr(in.Since), in.Now, d.zone))
		key.overdue += fmt.Sprintf("%t ", d.overdue(in.Now))
	}
	return key
}

// render makes the pages and the problem document anew.
func (s *Source) render(in RenderInput, key renderKey) (rendering, error) {
	out := rendering{of: key}
	for i := range s.documents {
		text, err := s.execute(i, in, key)
		if err != nil {
			return out, err
		}
		page := failover.Page{Lang: s.documents[i].lang.String(), Title: fill(s.documents[i].title, key.host), HTML: text, Policy: policy(text)}
		if page.Gzip, page.Brotli, err = s.program.compressor.compress(text); err != nil {
			return out, err
		}
		out.pages = append(out.pages, page)
	}
	var err error
	out.problem, err = s.documents[0].problem(in, key)
	return out, err
}

// problem returns the answer for API clients: a problem document (RFC 9457) with the members
// retryAfter (seconds), since and nextUpdate (RFC 3339) added.
func (d document) problem(in RenderInput, key renderKey) ([]byte, error) {
	doc := struct {
		Type       string    `json:"type"`
		Title      string    `json:"title"` // that of the status, as section 4.2.1 asks with about:blank
		Status     int       `json:"status"`
		Detail     string    `json:"detail"`
		RetryAfter int       `json:"retryAfter"`
		Since      time.Time `json:"since,omitzero"`
		NextUpdate time.Time `json:"nextUpdate,omitzero"`
	}{
		Type: "about:blank", Title: http.StatusText(http.StatusServiceUnavailable), Status: http.StatusServiceUnavailable,
		Detail: fill(d.summary, key.host), RetryAfter: int(key.retry.Seconds()),
		Since: d.sinceOr(in.Since).UTC().Truncate(time.Second),
	}
	if !d.overdue(in.Now) {
		doc.NextUpdate = d.nextUpdate.UTC()
	}
	return json.Marshal(doc)
}
