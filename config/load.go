package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
)

// Load reads a file, or all *.hcl and *.hcl.json files of a directory in order of name as if they
// were one. A file whose name ends in .json is read in HCL's JSON form. Relative paths in a file
// are relative to the file's directory. Complaints about the content come as an [*Error] that
// holds all of them; any other error means that the files themselves could not be read.
func Load(path string) (*Config, error) {
	sources, err := read(path)
	if err != nil {
		return nil, err
	}
	return parse(sources)
}

// parse is Load for texts at hand.
func parse(sources []source) (*Config, error) {
	l := &loader{
		sources: map[string][]byte{}, seen: map[string]hcl.Range{},
		zones: map[string]string{}, fallback: map[string]hcl.Range{}, reference: map[string]hcl.Range{}, guessed: map[string]bool{},
	}
	if len(sources) > 0 {
		l.top = hcl.Range{Filename: sources[0].name, Start: hcl.InitialPos, End: hcl.InitialPos}
	}
	blocks := l.blocks(sources)
	l.broken = len(l.complaints) > 0
	cfg := l.config(blocks)
	if mistakes := l.diagnostics(l.complaints); len(mistakes) > 0 {
		return nil, &Error{mistakes}
	}
	cfg.Warnings = l.diagnostics(l.warnings)
	return cfg, nil
}

// loader gathers complaints and what must be known across blocks.
type loader struct {
	sources    map[string][]byte
	hidden     []string // unknown attributes, which may be misspelt secrets
	complaints []complaint
	warnings   []complaint
	top        hcl.Range // start of the first file

	seen        map[string]hcl.Range // what may be said only once, by noun, and where it was
	zones       map[string]string    // canonical apex to name of `dns` block
	broken      bool                 // some blocks could not be read, so that others refer to nothing
	zonesBroken bool                 // some zones could not be read, so that hosts have none
	guessed     map[string]bool      // title and name of what is there misspelt
	fallback    map[string]hcl.Range // the fallback's own addresses
	cname       text                 // the fallback's own name, canonical
	reference   map[string]hcl.Range // the references' addresses
	wellKnown   bool                 // the references are those that are taken when none are given
	near        bool                 // the fallback may be in an origin's network
}

// complaint is a diagnostic whose source line is not yet cut out.
type complaint struct {
	at            hcl.Range
	message, hint string
}

func (l *loader) complain(at hcl.Range, hint, format string, args ...any) {
	l.complaints = append(l.complaints, complaint{at, fmt.Sprintf(format, args...), hint})
}

func (l *loader) warn(at hcl.Range, hint, format string, args ...any) {
	l.warnings = append(l.warnings, complaint{at, fmt.Sprintf(format, args...), hint})
}

// once complains if the noun was seen before, and tells whether it was not. Noun is a kind and a
// name, such as `site "www"`.
func (l *loader) once(noun string, at hcl.Range, hint string) bool {
	if was, found := l.seen[noun]; found {
		l.complain(at, hint, "%s is given a second time; the first is at %s", noun, place(was))
		return false
	}
	l.seen[noun] = at
	return true
}

func place(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }

// blocks parses the sources and returns their top-level blocks by type, in order.
func (l *loader) blocks(sources []source) map[string][]body {
	out := map[string][]body{}
	parser := hclparse.NewParser()
	for _, src := range sources {
		l.sources[src.name] = src.text
		file := l.file(parser, src)
		if file == nil {
			continue
		}
		root := body{loader: l, ctx: functions(src.dir), dir: src.dir, at: l.top}
		root.content(file.Body, fileSchema)
		for _, b := range root.blocks {
			out[b.Type] = append(out[b.Type], root.child(b))
		}
	}
	return out
}

// file parses one source; nil when it has mistakes of syntax.
func (l *loader) file(parser *hclparse.Parser, src source) *hcl.File {
	if err := tooDeep(src.text); err != nil {
		at := hcl.Range{Filename: src.name, Start: hcl.InitialPos, End: hcl.InitialPos}
		l.complain(at, "look for brackets that are never closed", "the file is %v", err)
		return nil
	}
	var file *hcl.File
	var diags hcl.Diagnostics
	if strings.HasSuffix(src.name, ".json") {
		file, diags = parser.ParseJSON(src.text, src.name)
	} else {
		file, diags = parser.ParseHCL(src.text, src.name)
	}
	l.translate(diags, "", schema{})
	if diags.HasErrors() || file == nil || file.Body == nil {
		return nil
	}
	return file
}

// diagnostics cuts out the source lines and orders the list.
func (l *loader) diagnostics(list []complaint) []Diagnostic {
	slices.Sort(l.hidden)
	names := slices.Concat(hidden, slices.Compact(l.hidden))
	shown := map[string][]byte{}
	var out []Diagnostic
	for _, c := range list {
		file := c.at.Filename
		if _, found := shown[file]; !found {
			shown[file] = redact(l.sources[file], names)
		}
		d := Diagnostic{File: file, Line: c.at.Start.Line, Column: c.at.Start.Column, Message: c.message, Hint: c.hint}
		d.Source, d.before = excerpt(shown[file], c.at.Start.Byte)
		d.width = utf8.RuneCountInString(d.Source) - d.before
		if c.at.End.Line == c.at.Start.Line {
			d.width = min(c.at.End.Column-c.at.Start.Column, d.width)
		}
		out = append(out, d)
	}
	return sortDiagnostics(out)
}
