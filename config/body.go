package config

import (
	"errors"
	"fmt"
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
	return message, "failover init, which writes a file with every kind of block to look at"
}

// unknown complains about a name that the schema does not know, and guesses what was meant.
func (l *loader) unknown(at hcl.Range, title string, s schema) {
	name := strings.Trim(string(at.SliceBytes(l.sources[at.Filename])), `"`)
	if name != "" { // it may be a misspelt secret
		l.hidden = append(l.hidden, name)
	}
	where := prefix(title)
	if s.hasBlock(name) {
		l.complain(at, fmt.Sprintf("%s { ... }, without \"=\"", name), "%s%q is a block, not an attribute", where, name)
		return
	}
	for _, known := range s.Attributes {
		if known == name {
			l.complain(at, name+" = ...", "%s%q is an attribute, not a block", where, name)
			return
		}
	}
	if guess := nearest(name, s.names()); guess != "" {
		l.complain(at, "write "+guess, "%sunknown name %q; did you mean %q?", where, name, guess)
		return
	}
	l.complain(at, "take it out, or use one of: "+strings.Join(s.names(), ", "), "%sunknown name %q", where, name)
}

func prefix(title string) string {
	if title == "" {
		return ""
	}
	return title + ": "
}
