package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Diagnostic is one complaint or warning, placed where the operator can put it right.
type Diagnostic struct {
	File    string `json:"file"`
	Line    int    `json:"line"`             // from 1
	Column  int    `json:"column"`           // from 1, in characters
	Source  string `json:"source,omitempty"` // the line, or the part of it that matters, secrets masked
	Message string `json:"message"`          // what is wrong, and what was expected
	Hint    string `json:"hint,omitempty"`   // what to do

	before, width int // where in Source the mark goes, in characters
}

// String renders the diagnostic in several lines: place and message, the source line with a mark
// below, and what to try.
func (d Diagnostic) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", d.File, d.Line, d.Column, d.Message)
	if d.Source != "" {
		number := fmt.Sprintf("%5d", d.Line)
		fmt.Fprintf(&b, "\n%s | %s\n%s | %s%s", number, d.Source,
			strings.Repeat(" ", len(number)), indent(d.Source, d.before), strings.Repeat("^", max(1, d.width)))
	}
	if d.Hint != "" {
		fmt.Fprintf(&b, "\n  try: %s", d.Hint)
	}
	return b.String()
}

// indent returns white space as wide as the first n characters of line; tabs stay tabs.
func indent(line string, n int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= n {
			break
		}
		if r == '\t' {
			b.WriteRune('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// Error holds every complaint about a configuration.
type Error struct{ diagnostics []Diagnostic }

// Diagnostics returns the complaints in the order of file and line; there is at least one.
func (e *Error) Diagnostics() []Diagnostic { return slices.Clone(e.diagnostics) }

// mostShown bounds the text of an error: a mistake in a template repeats in every site.
const mostShown = 20

// Error renders the complaints for people, in many lines.
func (e *Error) Error() string {
	var parts []string
	for i, d := range e.diagnostics {
		if i == mostShown {
			parts = append(parts, fmt.Sprintf("... and %s", plural(len(e.diagnostics)-i, "more mistake")))
			break
		}
		parts = append(parts, d.String())
	}
	return fmt.Sprintf("%s in the configuration\n%s", plural(len(e.diagnostics), "mistake"), strings.Join(parts, "\n"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// sortDiagnostics orders by place and drops repetitions.
func sortDiagnostics(list []Diagnostic) []Diagnostic {
	slices.SortStableFunc(list, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(list)
}
