package site

import (
	"bytes"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// markdown turns the body of a page into HTML that needs nothing from elsewhere.
type markdown struct {
	parser goldmark.Markdown
	policy *bluemonday.Policy
}

func newMarkdown() markdown {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "strong", "em", "del", "blockquote",
		"ul", "ol", "li", "code", "pre", "table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto", "tel")
	p.AllowRelativeURLs(false)
	p.RequireParseableURLs(true)
	return markdown{goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify,
		extension.NewCJK(extension.WithEastAsianLineBreaks()))), p}
}

// html renders the body. What a page cannot show (images, HTML, links of other kinds) is a mistake
// with its line; should one be missed all the same, the sanitiser drops it.
func (m markdown) html(fm *frontMatter) (string, []error) {
	doc := m.parser.Parser().Parse(text.NewReader(fm.body))
	r := &reader{file: fm.file}
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			fm.checkNode(r, n)
		}
		return ast.WalkContinue, nil
	})
	var out bytes.Buffer
	if err == nil {
		err = m.parser.Renderer().Render(&out, fm.body, doc)
	}
	if err != nil {
		r.problem(fm.bodyLine, "simpler Markdown", "the text cannot be rendered: %v", err)
	}
	return strings.TrimSpace(m.policy.Sanitize(out.String())), r.problems
}

// checkNode reports a node that a page cannot show, and keeps the page's only h1 its title.
func (fm *frontMatter) checkNode(r *reader, n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		n.Level = max(n.Level, 2)
	case *ast.Image:
		r.problem(fm.lineOf(n), "a link to the picture", "a page cannot show pictures, for it must be complete in itself")
	case *ast.RawHTML:
		fm.checkHTML(r, n, n.Segments.Value(fm.body))
	case *ast.HTMLBlock:
		fm.checkHTML(r, n, n.Lines().Value(fm.body))
	case *ast.Link:
		fm.checkLink(r, n, string(n.Destination))
	case *ast.AutoLink:
		if n.AutoLinkType == ast.AutoLinkURL {
			fm.checkLink(r, n, string(n.URL(fm.body)))
		}
	}
}

// checkHTML lets comments pass, which are not shown.
func (fm *frontMatter) checkHTML(r *reader, n ast.Node, raw []byte) {
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("<!--")) {
		r.problem(fm.lineOf(n), "Markdown alone", "a page cannot hold HTML")
	}
}

func (fm *frontMatter) checkLink(r *reader, n ast.Node, address string) {
	if !isLink(address) {
		r.problem(fm.lineOf(n), linkTry, "%q is not an address a link may have", address)
	}
}

// lineOf returns the line of the file on which a node stands.
func (fm *frontMatter) lineOf(n ast.Node) int {
	pos := n.Pos()
	for p := n.Parent(); pos < 0 && p != nil; p = p.Parent() {
		pos = p.Pos()
	}
	pos = min(max(pos, 0), len(fm.body))
	return fm.bodyLine + bytes.Count(fm.body[:pos], []byte("\n"))
}
