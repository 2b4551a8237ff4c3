package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// colour is an SGR parameter (ECMA-48 section 8.3.117); none paints nothing.
type colour string

const (
	none   colour = ""
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
)

// colours tells whether standard output takes colours.
func (p *program) colours() bool { return p.getenv("NO_COLOR") == "" && isTerminal(p.out) }

// cell is a text and its colour.
type cell struct {
	text   string
	colour colour
}

func plain(text string) cell                { return cell{text: text} }
func paint(text string, colour colour) cell { return cell{text, colour} }

// table aligns cells in columns. A note stands below the row before it.
type table struct {
	rows []row
}

type row struct {
	cells []cell
	note  bool
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, row{cells: cells}) }
func (t *table) note(text string, colour colour) {
	t.rows = append(t.rows, row{cells: []cell{{text, colour}}, note: true})
}

func (t *table) write(w io.Writer, colours bool) {
	var widths []int
	for _, r := range t.rows {
		for i, c := range r.cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if !r.note {
				widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
			}
		}
	}
	for _, r := range t.rows {
		var line strings.Builder
		if r.note {
			line.WriteString("    ")
		}
		for i, c := range r.cells {
			text := c.text
			if colours && c.colour != none {
				text = fmt.Sprintf("\x1b[%sm%s\x1b[0m", c.colour, text)
			}
			line.WriteString(text)
			if i < len(r.cells)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}
