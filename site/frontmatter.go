package site

import (
	"bytes"
	"strconv"

	"gopkg.in/yaml.v3"
)

// frontMatter is a page file as written: what it says, and on which line.
type frontMatter struct {
	file       string
	lang       scalar
	title      scalar
	summary    scalar
	since      scalar
	nextUpdate scalar
	timeZone   scalar
	retryAfter scalar
	fraud      scalar // empty with line > 0: no warning is wanted
	contact    contact
	links      []link
	labels     words

	body     []byte // Markdown
	bodyLine int    // line of the file on which the body begins
}

// contact is how to reach people while the site is away.
type contact struct {
	Text, Tel, Mailto scalar
}

// link is a link worth having while the site is away.
type link struct {
	text, url scalar
	official  bool
}

// maxPage bounds a page file; with it, the page fits the first flight of packets.
const maxPage = 64 << 10 // bytes

// parsePage reads one page file. The front matter may be left out.
func parsePage(file string, data []byte) (*frontMatter, []error) {
	fm := &frontMatter{file: file, bodyLine: 1}
	r := &reader{file: file, offset: 1}
	if len(data) > maxPage {
		r.problem(0, "a shorter text", "the file is longer than %d kB", maxPage>>10)
		return fm, r.problems
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	head, body, found := split(data)
	if !found {
		r.problem(1, `a line of just "---" after the last key`, "the front matter has no end")
		return fm, r.problems
	}
	fm.body, fm.bodyLine = body, 1+bytes.Count(data[:len(data)-len(body)], []byte("\n"))
	if top := r.parse(head); top != nil {
		r.mapping(top, "the front matter", fm.keys(r))
	}
	return fm, r.problems
}

// split cuts a page into front matter and body; found is false when the front matter has no end.
func split(data []byte) (head, body []byte, found bool) {
	rest, begins := bytes.CutPrefix(data, []byte("---\n"))
	if !begins {
		return nil, data, true
	}
	if body, empty := bytes.CutPrefix(rest, []byte("---\n")); empty {
		return nil, body, true
	}
	if head, body, found := bytes.Cut(rest, []byte("\n---\n")); found {
		return append(head[:len(head):len(head)], '\n'), body, true
	}
	if head, found := bytes.CutSuffix(rest, []byte("\n---")); found {
		return head, nil, true
	}
	return nil, nil, false
}

// keys lists the front matter's keys and reads each.
func (fm *frontMatter) keys(r *reader) map[string]func(*yaml.Node) {
	return map[string]func(*yaml.Node){
		"lang":          r.text("lang", &fm.lang),
		"title":         r.text("title", &fm.title),
		"summary":       r.text("summary", &fm.summary),
		"since":         r.text("since", &fm.since),
		"next_update":   r.text("next_update", &fm.nextUpdate),
		"time_zone":     r.text("time_zone", &fm.timeZone),
		"retry_after":   r.text("retry_after", &fm.retryAfter),
		"fraud_warning": func(n *yaml.Node) { fm.readFraud(r, n) },
		"contact":       func(n *yaml.Node) { fm.readContact(r, n) },
		"links":         func(n *yaml.Node) { fm.readLinks(r, n) },
		"labels":        r.labels(&fm.labels),
	}
}

// readFraud takes a text of one's own, true for the embedded text, false for none.
func (fm *frontMatter) readFraud(r *reader, n *yaml.Node) {
	wanted, err := strconv.ParseBool(n.Value)
	switch {
	case n.ShortTag() != "!!bool" || err != nil:
		r.text("fraud_warning", &fm.fraud)(n)
	case !wanted:
		fm.fraud = scalar{"", r.line(n)}
	}
}

// readContact takes a plain text, or a mapping of text, tel and mailto.
func (fm *frontMatter) readContact(r *reader, n *yaml.Node) {
	c := &fm.contact
	if n.Kind == yaml.ScalarNode {
		r.text("contact", &c.Text)(n)
	} else {
		r.mapping(n, "contact", map[string]func(*yaml.Node){
			"text": r.text("text", &c.Text), "tel": r.text("tel", &c.Tel), "mailto": r.text("mailto", &c.Mailto),
		})
	}
	if c.Tel.given() && !isTel(c.Tel.text) {
		r.problem(c.Tel.line, `digits, such as "+1 202 555 0100"`, "%q is not a telephone number", c.Tel.text)
	}
	if c.Mailto.given() && !isMail(c.Mailto.text) {
		r.problem(c.Mailto.line, `an address alone, such as "help@example.org"`, "%q is not an e-mail address", c.Mailto.text)
	}
}

// readLinks takes a list of mappings with text, url and official.
func (fm *frontMatter) readLinks(r *reader, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.problem(r.line(n), `lines that begin with "- text: ..." and "url: ..."`, "links must be a list")
		return
	}
	for _, item := range n.Content {
		var l link
		r.mapping(item, "links", map[string]func(*yaml.Node){
			"text": r.text("text", &l.text), "url": r.text("url", &l.url),
			"official": func(n *yaml.Node) {
				if err := n.Decode(&l.official); err != nil {
					r.problem(r.line(n), "official: true", "%q is neither true nor false", n.Value)
				}
			},
		})
		switch {
		case item.Kind != yaml.MappingNode: // said already
		case !l.url.given():
			r.problem(r.line(item), "url: https://...", "a link needs a url")
		case !isLink(l.url.text):
			r.problem(l.url.line, linkTry, "%q is not an address a link may have", l.url.text)
		}
		if !l.text.given() {
			l.text = l.url
		}
		fm.links = append(fm.links, l)
	}
}
