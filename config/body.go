package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// body is one block being decoded: typed reading of attributes, with complaints.
type body struct {
	*loader
	ctx    *hcl.EvalContext
	dir    string
	title  string   // how messages call the block, such as `site "www"`
	labels []string // as written
	at     hcl.Range
	raw    hcl.Body
	attrs  hcl.Attributes
	blocks hcl.Blocks
}

// child prepares a nested block; its content is read by content.
func (b body) child(block *hcl.Block) body {
	title := block.Type
	if n := len(block.Labels); n > 0 {
		title += fmt.Sprintf(" %q", block.Labels[n-1])
	}
	if b.title != "" {
		title = b.title + ": " + title
	}
	return body{loader: b.loader, ctx: b.ctx, dir: b.dir, title: title, labels: block.Labels, at: block.DefRange, raw: block.Body}
}

// open reads the block's own body by its schema.
func (b *body) open(s schema) { b.content(b.raw, s) }

func (b *body) content(raw hcl.Body, s schema) {
	content, diags := raw.Content(s.body())
	b.translate(diags, b.title, s)
	if content != nil {
		b.attrs, b.blocks = content.Attributes, content.Blocks
	}
}

// each returns the nested blocks of a type.
func (b body) each(kind string) []body {
	var out []body
	for _, block := range b.blocks {
		if block.Type == kind {
			out = append(out, b.child(block))
		}
	}
	return out
}

// single returns the only nested block of a type, and complains if there are more.
func (b body) single(kind string) (body, bool) {
	all := b.each(kind)
	if len(all) == 0 {
		return body{}, false
	}
	for _, more := range all[1:] {
		b.complain(more.at, "keep one of them", "%s: %s is given a second time; the first is at %s", b.title, kind, place(all[0].at))
	}
	return all[0], true
}

// missing complains about a required attribute or block that is not there.
func (b body) missing(name, example string) {
	if b.guessed[b.title+name] {
		return // it is there, misspelt, and that was said
	}
	b.complain(b.at, "add "+example, "%s: %s is missing", b.title, name)
}

// translate turns hcl's diagnostics into complaints in our words.
func (l *loader) translate(diags hcl.Diagnostics, title string, s schema) {
	for _, d := range diags {
		at := l.top
		if d.Subject != nil {
			at = *d.Subject
		}
		switch d.Summary {
		case "Unsupported argument", "Unsupported block type", "Extraneous JSON object property":
			l.unknown(at, title, s)
		default:
			message, hint := l.words(d)
			l.complain(at, hint, "%s%s", prefix(title), message)
		}
	}
}

// syntaxHints say what to do about mistakes that hcl itself finds, by a part of its summary.
var syntaxHints = []struct{ summary, hint string }{
	{"Attribute redefined", "keep one of them"},
	{"Missing name", `name the block, as in site "www" { or dns "cloudflare" "main" {`},
	{"Missing block label", `name the block, as in "site": {"www": {...}}`},
	{"Extraneous label", "take the surplus name out"},
	{"single-argument block", "write one attribute a line"},
	{"Missing newline", "write one attribute a line"},
	{"Missing item separator", "put a comma between two items, and ] or } at the end"},
	{"Unterminated", `close the text with " on the same line`},
	{"multi-line string", `close the text with " on the same line`},
}

// words returns the message and the hint of a diagnostic of hcl.
func (l *loader) words(d *hcl.Diagnostic) (message, hint string) {
	if call, found := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); found && call.FunctionCallError() != nil {
		var h *hinted
		if errors.As(call.FunctionCallError(), &h) {
			return h.message, h.hint
		}
	}
	switch d.Summary {
	case "Call to unknown function":
		return "there is no such function", `env("NAME") and file("/path") are the functions`
	case "Variables not allowed":
		return "there are no variables here", `put texts in double quotes; env("NAME") and file("/path") read from outside`
	}
	message = strings.TrimSuffix(d.Summary, ".")
	if d.Detail != "" {
		message += ": " + d.Detail
	}
	for _, known := range syntaxHints {
		if strings.Contains(d.Summary, known.summary) {
			return message, known.hint
		}
	}
	return message, "compare with what failover init writes, or with docs/configuration.md"
}

// unknown complains about a name that the schema does not know, and guesses what was meant. A value
// whose name is unknown may be a secret, so it is not shown unless the guess says otherwise.
func (l *loader) unknown(at hcl.Range, title string, s schema) {
	name := strings.Trim(string(at.SliceBytes(l.sources[at.Filename])), `"`)
	where, guess := prefix(title), nearest(name, s.names())
	switch {
	case s.hasBlock(name):
		l.complain(at, fmt.Sprintf("%s { ... }, without \"=\"", name), "%s%q is a block, not an attribute", where, name)
	case slices.Contains(s.Attributes, name):
		l.guessed[title+name] = true
		l.complain(at, name+" = ...", "%s%q is an attribute, not a block", where, name)
	case guess != "":
		l.guessed[title+guess] = true
		if slices.Contains(hidden, guess) {
			l.hidden = append(l.hidden, name)
		}
		l.complain(at, "write "+guess, "%sunknown name %q; did you mean %q?", where, name, guess)
	case slices.Contains(everyName(), name):
		l.complain(at, "take it out; here may stand: "+strings.Join(s.names(), ", "), "%s%q does not belong here", where, name)
	default:
		if name != "" {
			l.hidden = append(l.hidden, name)
		}
		l.complain(at, "take it out; here may stand: "+strings.Join(s.names(), ", "), "%sunknown name %q", where, name)
	}
}

func prefix(title string) string {
	if title == "" {
		return ""
	}
	return title + ": "
}
