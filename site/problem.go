package site

import (
	"fmt"
	"slices"

	"github.com/agext/levenshtein"
)

// Problem is one mistake in a page directory. [Load] returns all of them, joined.
type Problem struct {
	File string // path of the file, or of the directory
	Line int    // from 1; 0 when the mistake has no line
	What string // one clause, what is wrong
	Try  string // what to do
}

func (p *Problem) Error() string {
	where := p.File
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s: %s; try: %s", where, p.What, p.Try)
}

// nearest returns the known name that a misspelt one most likely means, or "".
func nearest(name string, known []string) string {
	best, distance := "", len(name)/3+2
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := levenshtein.Distance(name, k, nil); d < distance {
			best, distance = k, d
		}
	}
	return best
}
