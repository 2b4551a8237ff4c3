package config

import (
	"bytes"
	"regexp"
	"strings"
)

var (
	// indirect matches a value that only says where the secret is; it is shown.
	indirect = regexp.MustCompile(`^("\$\{)?(env|file)\(\\?"[^"\\\n]*\\?"\)(\}")?`)
	heredoc  = regexp.MustCompile(`^<<-?\s*(\w+)`)
)

// redact blanks out the values of the named attributes in a source text, HCL or JSON, so that its
// lines can be shown. It looks at the text alone and also works where the text does not parse; in
// doubt it blanks out too much. Offsets and line ends stay as they are.
func redact(src []byte, names []string) []byte {
	key := regexp.MustCompile(`(?:^|[^\w-])(?:` + strings.Join(quoteAll(names), "|") + `)"?\s*[=:]\s*`)
	out := bytes.Clone(src)
	for at := 0; ; {
		found := key.FindIndex(src[at:])
		if found == nil {
			return out
		}
		start := at + found[1]
		if m := indirect.FindIndex(src[start:]); m != nil {
			at = start + m[1]
			continue
		}
		end := start + valueEnd(src[start:])
		for i := start; i < end; i++ {
			if out[i] != '\n' && out[i] != '\r' {
				out[i] = '*'
			}
		}
		at = max(end, start)
	}
}

func quoteAll(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = regexp.QuoteMeta(n)
	}
	return out
}

// valueEnd returns the length of the expression at the start of src: up to a line end, comma or
// closing bracket outside of all quotes and brackets.
func valueEnd(src []byte) int {
	if m := heredoc.FindSubmatch(src); m != nil {
		end := regexp.MustCompile(`\n[ \t]*` + string(m[1]) + `\b`).FindIndex(src)
		if end == nil {
			return len(src)
		}
		return end[1]
	}
	depth, quoted := 0, false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case bytes.IndexByte([]byte("([{"), c) >= 0:
			depth++
		case depth == 0 && bytes.IndexByte([]byte("\n,)]}"), c) >= 0:
			return i
		case bytes.IndexByte([]byte(")]}"), c) >= 0:
			depth--
		}
	}
	return len(src)
}
