package site

import (
	"crypto/sha256"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Preview returns a handler that shows a site's page to its author: "/" with a language chooser
// and the mistakes, "/page?lang=ja" the page as visitors get it. It follows edits.
func Preview(site failover.Site, dir string) http.Handler {
	p := &preview{site: site, dir: dir, store: NewStore(nil), began: time.Now(),
		frame: template.Must(template.ParseFS(embedded, "preview/frame.html"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.serveFrame)
	mux.HandleFunc("GET /page", p.servePage)
	mux.HandleFunc("GET /version", p.serveVersion)
	mux.HandleFunc("GET /frame.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, embedded, "preview/frame.js")
	})
	return mux
}

type preview struct {
	site  failover.Site
	dir   string
	store *Store
	began time.Time
	frame *template.Template
}

// notice renders the directory as it stands.
func (p *preview) notice() (failover.Notice, error) {
	p.store.Reload(p.dir)
	source, mistake := p.store.Get(p.dir)
	n, err := source.Render(RenderInput{Site: p.site, Serving: true, Since: p.began, Now: time.Now()})
	if mistake != nil {
		err = mistake
	}
	return n, err
}

// choose returns the page in the language asked for, or the first.
func choose(pages []failover.Page, lang string) failover.Page {
	for _, page := range pages {
		if strings.EqualFold(page.Lang, lang) {
			return page
		}
	}
	return pages[0]
}

func (p *preview) serveFrame(w http.ResponseWriter, r *http.Request) {
	n, mistake := p.notice()
	page := choose(n.Pages, r.FormValue("lang"))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; frame-src 'self'")
	_ = p.frame.Execute(w, map[string]any{ // an error is the browser's, which went away
		"Site": p.site.Name, "Dir": p.dir, "Pages": n.Pages, "Lang": page.Lang, "Mistake": errorText(mistake),
		"Gzip": fmt.Sprintf("%.1f", float64(len(page.Gzip))/1000), "Version": version(n, mistake),
	})
}

func (p *preview) servePage(w http.ResponseWriter, r *http.Request) {
	n, _ := p.notice()
	page := choose(n.Pages, r.FormValue("lang"))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", page.Lang)
	h.Set("Content-Security-Policy", strict) // nobody is to ask the preview who serves the site
	h.Set("Cache-Control", "no-store")
	h.Set("Retry-After", strconv.Itoa(int(n.RetryAfter.Seconds())))
	w.WriteHeader(http.StatusServiceUnavailable)
	w.Write(page.HTML)
}

// serveVersion tells the frame when to load again.
func (p *preview) serveVersion(w http.ResponseWriter, _ *http.Request) {
	n, mistake := p.notice()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprint(w, version(n, mistake))
}

// version names what is shown.
func version(n failover.Notice, mistake error) string {
	h := sha256.New()
	for _, page := range n.Pages {
		h.Write(page.HTML)
	}
	fmt.Fprint(h, mistake)
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}
