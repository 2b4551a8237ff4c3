package fallback

import (
	"iter"
	"net/http"
	"strings"

	"golang.org/x/text/language"
)

// Content codings (RFC 9110 section 8.4.1), the one we like best last.
const (
	identity = iota
	gzip
	brotli
	codings // how many
)

// maxNegotiated bounds the bytes of an Accept-Language that are looked at.
const maxNegotiated = 256

// choose returns the page in the language the client likes best, or the default.
func (e *entry) choose(header http.Header) *page {
	wanted := header["Accept-Language"]
	if e.languages == nil || len(wanted) == 0 || len(wanted[0]) > maxNegotiated {
		return &e.pages[0]
	}
	tags, _, err := language.ParseAcceptLanguage(wanted[0])
	if err != nil || len(tags) == 0 {
		return &e.pages[0]
	}
	_, index, confidence := e.languages.Match(tags...)
	if confidence == language.No {
		index = 0
	}
	return &e.pages[index]
}

// encoded returns the page in the coding the client likes best among those it accepts (RFC 9110
// section 12.5.3); without any wish, or when nothing is acceptable, as it is.
func (p *page) encoded(header http.Header) *body {
	wanted := header["Accept-Encoding"]
	if len(wanted) == 0 {
		return p.codings[identity]
	}
	const unsaid = -1
	quality, other := [codings]int{unsaid, unsaid, unsaid}, unsaid
	for name, q := range items(wanted[0]) {
		switch {
		case name == "*":
			other = q
		case strings.EqualFold(name, "identity"):
			quality[identity] = q
		case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
			quality[gzip] = q
		case strings.EqualFold(name, "br"):
			quality[brotli] = q
		}
	}
	best, most := identity, quality[identity]
	for coding := gzip; coding < codings; coding++ {
		q := quality[coding]
		if q == unsaid {
			q = other
		}
		if p.codings[coding] != nil && q > 0 && q >= most {
			best, most = coding, q
		}
	}
	return p.codings[best]
}

// wish is how much a client wants a media type, in thousandths, and how precisely it said so.
type wish struct{ q, precision int }

const (
	anything = iota + 1 // */*
	anyOf               // text/*
	exact               // text/html
)

// take lets a media range count: the more precise one, or else the better one.
func (w *wish) take(q, precision int) {
	if precision > w.precision || precision == w.precision && q > w.q {
		w.q, w.precision = q, precision
	}
}

// wantsProblem tells whether a client prefers JSON to HTML (RFC 9110 section 12.5.1). Equal
// wishes are decided by which of them was named: `application/json, */*` is a program.
func wantsProblem(header http.Header) bool {
	wanted := header["Accept"]
	if len(wanted) == 0 {
		return false
	}
	var html, json wish
	for name, q := range items(wanted[0]) {
		switch {
		case name == "*/*":
			html.take(q, anything)
			json.take(q, anything)
		case strings.EqualFold(name, "text/*"):
			html.take(q, anyOf)
		case strings.EqualFold(name, "application/*"):
			json.take(q, anyOf)
		case strings.EqualFold(name, "text/html"), strings.EqualFold(name, "application/xhtml+xml"):
			html.take(q, exact)
		case isJSON(name):
			json.take(q, exact)
		}
	}
	if json.q != html.q {
		return json.q > html.q
	}
	return json.q > 0 && json.precision == exact && html.precision < exact
}

func isJSON(mediaType string) bool {
	kind, sub, _ := strings.Cut(mediaType, "/")
	return strings.EqualFold(kind, "application") &&
		(strings.EqualFold(sub, "json") || len(sub) > 5 && strings.EqualFold(sub[len(sub)-5:], "+json"))
}

// items yields the elements of a weighted list (RFC 9110 section 12.4.2): each element without
// its parameters, and its quality in thousandths, 0 when that cannot be read.
func items(list string) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for list != "" {
			var item string
			item, list, _ = strings.Cut(list, ",")
			name, parameters, _ := strings.Cut(item, ";")
			if name = strings.TrimSpace(name); name != "" && !yield(name, quality(parameters)) {
				return
			}
		}
	}
}

// quality finds the q among parameters: 0 to 1 with at most three decimals, 1000 when absent.
func quality(parameters string) int {
	for parameters != "" {
		var p string
		p, parameters, _ = strings.Cut(parameters, ";")
		if p = strings.TrimSpace(p); len(p) > 2 && (p[0] == 'q' || p[0] == 'Q') && p[1] == '=' {
			return thousandths(p[2:])
		}
	}
	return 1000
}

func thousandths(text string) int {
	whole, decimals, _ := strings.Cut(text, ".")
	if len(whole) != 1 || whole[0] != '0' && whole[0] != '1' || len(decimals) > 3 {
		return 0
	}
	value, unit := int(whole[0]-'0')*1000, 100
	for _, digit := range []byte(decimals) {
		if digit < '0' || digit > '9' {
			return 0
		}
		value += int(digit-'0') * unit
		unit /= 10
	}
	if value > 1000 {
		return 0
	}
	return value
}
