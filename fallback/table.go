package fallback

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/failover-dns/failover/failover"
)

// table is everything that is served. It is built whole and never changed.
type table struct {
	hosts     map[string]*entry // by host, lower case, without final dot
	wildcards map[string]*entry // by what follows "*."
	sites     map[string]*entry // by name
}

// entry is what is served for a site. Header values are made once, as net/http wants them.
type entry struct {
	name       string
	serving    bool    // failed over, or handed on
	origin     *origin // where visitors are handed on to; nil: nowhere
	site       []string
	retryAfter []string
	languages  language.Matcher // nil: one page, nothing to choose
	pages      []page
	problem    *body // nil: clients that want JSON get the page
}

// page is a maintenance page in one language; a nil body is a coding that is not there.
type page struct {
	language []string
	policy   []string
	codings  [codings]*body
}

// body is content with its length and coding as header values.
type body struct {
	content []byte
	length  []string
	coding  []string // nil: identity
}

func newBody(content []byte, coding string) *body {
	b := &body{content: content, length: []string{strconv.Itoa(len(content))}}
	if coding != "" {
		b.coding = []string{coding}
	}
	return b
}

// newTable builds the table of the notices; origins are by site. Where two notices name the same host, which a valid
// configuration does not, one that is failed over wins.
func newTable(notices []failover.Notice, origins map[string]*origin) *table {
	t := &table{hosts: map[string]*entry{}, wildcards: map[string]*entry{}, sites: map[string]*entry{}}
	matchers := matchers{}
	for _, n := range notices {
		e := newEntry(n, matchers, origins[n.Site])
		t.sites[n.Site] = e
		for _, host := range n.Hosts {
			host = strings.ToLower(strings.TrimSuffix(host, "."))
			into := t.hosts
			if suffix, wildcard := strings.CutPrefix(host, "*."); wildcard {
				into, host = t.wildcards, suffix
			}
			if old := into[host]; old == nil || !old.serving {
				into[host] = e
			}
		}
	}
	return t
}

func newEntry(n failover.Notice, m matchers, to *origin) *entry {
	e := &entry{
		name:       n.Site,
		serving:    n.Serving || to != nil,
		origin:     to,
		site:       []string{n.Site},
		retryAfter: []string{retryAfter(n.RetryAfter)},
	}
	if to != nil {
		e.retryAfter = []string{retryAfter(min(n.RetryAfter, onwardRetry))}
	}
	if len(n.Problem) > 0 {
		e.problem = newBody(n.Problem, "")
	}
	for _, p := range n.Pages {
		e.pages = append(e.pages, newPage(p))
	}
	if len(e.pages) == 0 {
		e.pages = []page{newPage(bare)}
	}
	e.languages = m.of(n.Pages)
	return e
}

// bare is what is served for a site without any page, which is a defect elsewhere.
var bare = failover.Page{Lang: "en", HTML: []byte("<!doctype html><html lang=en><meta charset=utf-8><title>Out of service</title>" +
	"<p>This site is out of service for the moment. Please come back later.</html>\n")}

func newPage(p failover.Page) page {
	made := page{language: []string{p.Lang}, policy: policies}
	if p.Policy != "" {
		made.policy = []string{p.Policy}
	}
	made.codings[identity] = newBody(p.HTML, "")
	if len(p.Gzip) > 0 {
		made.codings[gzip] = newBody(p.Gzip, "gzip")
	}
	if len(p.Brotli) > 0 {
		made.codings[brotli] = newBody(p.Brotli, "br")
	}
	return made
}

// retryAfter returns the header's value: whole seconds, rounded up, at least one (RFC 9110 section 10.2.3).
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}

// matchers keeps one matcher for all sites that have the same languages.
type matchers map[string]language.Matcher

// of returns the matcher of the pages' languages, or nil when there is nothing to choose.
func (m matchers) of(pages []failover.Page) language.Matcher {
	if len(pages) < 2 {
		return nil
	}
	var key strings.Builder
	tags := make([]language.Tag, len(pages))
	for i, p := range pages {
		tags[i] = language.Make(p.Lang)
		key.WriteString(p.Lang + ",")
	}
	if m[key.String()] == nil {
		m[key.String()] = language.NewMatcher(tags)
	}
	return m[key.String()]
}

// find returns what is served for a host as clients write it, with any port and case, or nil. As
// in DNS a wildcard covers every depth (RFC 4592), and the nearest name wins.
func (t *table) find(host string) *entry {
	host = hostname(host)
	if e := t.hosts[host]; e != nil || len(t.wildcards) == 0 || len(host) > 253 {
		return e
	}
	for {
		_, parent, found := strings.Cut(host, ".")
		if !found {
			return nil
		}
		if e := t.wildcards[parent]; e != nil {
			return e
		}
		host = parent
	}
}

// hostname strips port and final dot and lowers the case; it allocates for upper case only.
func hostname(host string) string {
	if i := strings.IndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// status is the answer at StatusPath.
type status struct {
	Site    string `json:"site"`
	Serving bool   `json:"serving"`           // whether the page is what visitors get
	Healthy *bool  `json:"healthy,omitempty"` // the origin; absent when nobody can say
}

func (e *entry) status(health func(string) (bool, bool)) []byte {
	s := status{Site: e.name, Serving: e.serving && e.origin == nil}
	if health != nil {
		if healthy, known := health(e.name); known {
			s.Healthy = &healthy
		}
	}
	text, _ := json.Marshal(s) // cannot fail: two bools and a string
	return append(text, '\n')
}
