package site

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// reader walks a YAML document and collects every mistake with its line.
type reader struct {
	file     string
	offset   int // lines of the file above the YAML document
	problems []error
}

// scalar is a value that was written, and where. The zero scalar was not written.
type scalar struct {
	text string
	line int
}

func (s scalar) given() bool { return s.line > 0 }

func (r *reader) problem(line int, try, what string, args ...any) {
	r.problems = append(r.problems, &Problem{File: r.file, Line: line, What: fmt.Sprintf(what, args...), Try: try})
}

// parse returns the top node of a document, nil when it is empty or broken.
func (r *reader) parse(data []byte) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		line, what := r.offset+1, err.Error()
		if m := regexp.MustCompile(`^yaml: line (\d+): (.*)`).FindStringSubmatch(what); m != nil {
			n, _ := strconv.Atoi(m[1])
			line, what = r.offset+n, m[2]
		}
		r.problem(line, `one "key: value" a line, and quotes around a value that holds ": "`,
			"not YAML: %s", strings.TrimPrefix(what, "yaml: "))
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

func (r *reader) line(n *yaml.Node) int { return r.offset + n.Line }

// mapping hands every value of a mapping to the function of its key.
func (r *reader) mapping(n *yaml.Node, what string, keys map[string]func(*yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.problem(r.line(n), "see docs/page.md for the keys", "%s must be a list of \"key: value\" lines", what)
		return
	}
	known := slices.Sorted(maps.Keys(keys))
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, found := keys[key.Value]
		switch {
		case !found:
			try := "one of " + strings.Join(known, ", ")
			if near := nearest(key.Value, known); near != "" {
				try = strconv.Quote(near)
			}
			r.problem(r.line(key), try, "unknown key %q in %s", key.Value, what)
		case seen[key.Value]:
			r.problem(r.line(key), "keep one of the two", "%q is written twice", key.Value)
		default:
			seen[key.Value] = true
			read(value)
		}
	}
}

// text returns a function that reads a plain value, trimmed, into dst. An empty value counts as
// not written.
func (r *reader) text(key string, dst *scalar) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode {
			r.problem(r.line(n), fmt.Sprintf("%s: some text", key), "%s must be plain text", key)
			return
		}
		if value := strings.TrimSpace(n.Value); value != "" {
			*dst = scalar{value, r.line(n)}
		}
	}
}
