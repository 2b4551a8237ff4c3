package site

import (
	"cmp"
	"fmt"
	"html/template"
	"time"
	_ "time/tzdata" // a container from scratch knows no time zones

	"golang.org/x/text/language"
)

// program holds what comes with the program and serves every page.
type program struct {
	layout     *template.Template
	style      template.CSS
	script     template.JS
	markdown   markdown
	compressor *compressor
	words      map[string]words        // by language
	pages      map[string]*frontMatter // the embedded pages, by language
	defaults   []document              // the same, ready
}

// newProgram reads the embedded files. They are part of the program, and the tests read them all;
// a mistake in them is a panic, as with template.Must.
func newProgram() *program {
	must := func(err error) {
		if err != nil {
			panic(fmt.Sprintf("site: embedded files: %v", err))
		}
	}
	p := &program{markdown: newMarkdown(), compressor: newCompressor(), pages: map[string]*frontMatter{}}
	var err error
	p.layout, err = template.ParseFS(embedded, "default/layout.html")
	must(err)
	style, err := embedded.ReadFile("default/style.css")
	must(err)
	p.style = template.CSS(style)
	p.script, err = comeback()
	must(err)
	p.words, err = embeddedWords()
	must(err)
	var files []pageFile
	for _, name := range []string{"default/page.md", "default/page.ja.md"} {
		data, err := embedded.ReadFile(name)
		must(err)
		files = append(files, pageFile{name, data})
	}
	pages, problems := parsePages(files)
	for _, fm := range pages {
		p.pages[fm.lang.text] = fm
	}
	for _, fm := range pages {
		d, found := p.resolve(fm, nil)
		problems = append(problems, found...)
		p.defaults = append(p.defaults, d)
	}
	for _, problem := range problems {
		must(problem)
	}
	return p
}

// resolve completes a page. Facts that it leaves out (since, next_update, time_zone, retry_after,
// contact, links) are those of the first page, the one in the default language, which is nil while
// that page itself is resolved; words that it leaves out are the embedded page's in its language.
func (p *program) resolve(fm *frontMatter, first *document) (document, []error) {
	r := &reader{file: fm.file}
	tag, err := language.Parse(fm.lang.text)
	if err != nil {
		r.problem(fm.lang.line, `a tag such as "en", "ja" or "pt-BR"`, "%q is not a language", fm.lang.text)
	}
	base, _ := tag.Base()
	built := p.pages[base.String()]
	if built == nil {
		built = &frontMatter{}
	}
	if first == nil {
		first = &document{page: &frontMatter{}}
	}
	d := document{page: fm, lang: tag, links: fm.links, contact: contact{
		Text:   cmp.Or(fm.contact.Text, first.contact.Text),
		Tel:    cmp.Or(fm.contact.Tel, first.contact.Tel),
		Mailto: cmp.Or(fm.contact.Mailto, first.contact.Mailto),
	}}
	if d.links == nil {
		d.links = first.links
	}
	d.title = r.need("title", fm.title, built.title)
	d.summary = r.need("summary", fm.summary, built.summary)
	d.fraud = fraudWarning(fm.fraud, first.page.fraud, built.fraud)
	d.words = p.wordsFor(base.String(), fm.labels)
	d.zone = r.zone(cmp.Or(fm.timeZone, first.page.timeZone, built.timeZone))
	d.since = r.instant("since", fm.since, d.zone, first.since)
	d.nextUpdate = r.instant("next_update", fm.nextUpdate, d.zone, first.nextUpdate)
	d.retryAfter = r.retry(fm.retryAfter, first.retryAfter)
	body, problems := p.markdown.html(fm)
	d.body = body
	return d, append(r.problems, problems...)
}

// need returns a text that no page can do without, the page's own or the embedded one.
func (r *reader) need(key string, own, built scalar) string {
	text := cmp.Or(own.text, built.text)
	if text == "" {
		r.problem(0, fmt.Sprintf(`a line "%s: ..." between the two lines of "---" at the top`, key),
			"there is no %s, and none is built in for this language", key)
	}
	return text
}

// fraudWarning returns the page's own warning, none where the page or the first page wants none,
// else the embedded one.
func fraudWarning(own, first, built scalar) string {
	switch {
	case own.given():
		return own.text
	case first.given() && first.text == "":
		return ""
	}
	return built.text
}

// wordsFor returns the labels in a language, English where nothing else is known, under a page's own.
func (p *program) wordsFor(lang string, own words) words {
	w, found := p.words[lang]
	if !found {
		w = p.words["en"]
	}
	base := w.fields()
	for key, value := range own.fields() {
		*base[key] = cmp.Or(*value, *base[key])
	}
	return w
}

// zone reads an IANA time zone name; none means UTC.
func (r *reader) zone(name scalar) *time.Location {
	zone, err := time.LoadLocation(name.text) // "" is UTC
	if err != nil || name.text == "Local" {
		r.problem(name.line, `a name such as "Asia/Tokyo", or "UTC"`, "%q is not a time zone", name.text)
		return time.UTC
	}
	return zone
}

// timeLayouts are the forms in which a time may be written; one without an offset is in the
// page's time zone.
func timeLayouts() []string {
	return []string{time.RFC3339, "2006-01-02 15:04Z07:00", "2006-01-02 15:04 Z07:00", "2006-01-02 15:04 UTC",
		"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02"}
}

// instant reads a time in the zone of the page; otherwise is the one to take when none is written.
func (r *reader) instant(key string, s scalar, zone *time.Location, otherwise time.Time) time.Time {
	if !s.given() {
		return otherwise
	}
	for _, layout := range timeLayouts() {
		if t, err := time.ParseInLocation(layout, s.text, zone); err == nil {
			return t
		}
	}
	r.problem(s.line, `a time such as "2026-11-22 04:17" or "2026-11-22 04:17 +09:00"`, "%s: %q is not a time", key, s.text)
	return otherwise
}

// retry reads the time after which a visitor may try again; otherwise is the one to take when none
// is written.
func (r *reader) retry(s scalar, otherwise time.Duration) time.Duration {
	if !s.given() {
		return otherwise
	}
	d, err := time.ParseDuration(s.text)
	if err != nil || d < minRetry || d > maxRetry {
		r.problem(s.line, `a time between 30s and 24h, such as "5m"`, "retry_after: %q is not a fitting time", s.text)
	}
	return d
}
