package fallback

import (
	"net/http"
	"strings"
	"testing"
)

func TestLanguage(t *testing.T) {
	e := newTable(notices(t), nil).find("example.org")
	for header, want := range map[string]string{
		"": "en", "ja": "ja", "ja-JP,ja;q=0.9,en;q=0.8": "ja", "en-GB": "en", "fr": "en", "fr,ja;q=0.5": "ja", "*": "en",
		"ja;q=0": "en", ";;;": "en", "en;q=0.1,ja": "ja",
		strings.Repeat("ja,", 200): "en",
	} {
		h := http.Header{}
		if header != "" {
			h.Set("Accept-Language", header)
		}
		if got := e.choose(h).language[0]; got != want {
			t.Errorf("%.40q: %s, want %s", header, got, want)
		}
	}
}

func TestEncoding(t *testing.T) {
	full := newPage(notices(t)[0].Pages[0])
	bare := newPage(bare)
	for header, want := range map[string]string{
		"":                           "",
		"gzip, deflate, br, zstd":    "br",
		"gzip, deflate":              "gzip",
		"GZIP":                       "gzip",
		"x-gzip":                     "gzip",
		"br;q=0, gzip":               "gzip",
		"br;q=0.5, gzip;q=0.8":       "gzip",
		"br;q=0.5, gzip;q=0.5":       "br",
		"identity, gzip;q=0.5":       "",
		"identity;q=0.5, gzip;q=1.0": "gzip",
		"identity":                   "",
		"*":                          "br",
		"*;q=0.5, br;q=0":            "gzip",
		"*;q=0":                      "",
		"identity;q=0, *;q=0":        "",
		"deflate, compress":          "",
		"gzip;q=x, br;q=1.5":         "",
		" gzip ; q=1 , , ;":          "gzip",
		"gzip;q=0.000":               "",
		"gzip;q=0.0001":              "",
	} {
		h := http.Header{}
		if header != "" {
			h.Set("Accept-Encoding", header)
		}
		got := ""
		if b := full.encoded(h); b.coding != nil {
			got = b.coding[0]
		}
		if got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
		if bare.encoded(h).coding != nil {
			t.Errorf("%q: a coding that is not there", header)
		}
	}
}

func TestWantsProblem(t *testing.T) {
	for header, want := range map[string]bool{
		"":                                  false,
		"*/*":                               false,
		"application/json":                  true,
		"Application/JSON; charset=utf-8":   true,
		"application/problem+json":          true,
		"application/vnd.example+json":      true,
		"application/json, text/plain, */*": true,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": false,
		"text/html, application/json":                                     false,
		"text/html;q=0.5, application/json":                               true,
		"application/json;q=0.5, text/html":                               false,
		"application/json;q=0":                                            false,
		"application/*":                                                   true,
		"text/*, application/json;q=0.9":                                  false,
		"image/png":                                                       false,
		"+json":                                                           false,
	} {
		h := http.Header{}
		if header != "" {
			h.Set("Accept", header)
		}
		if got := wantsProblem(h); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}
