package site

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestPolicy: a browser that takes the digest of the script as it finds it may run it, and no other.
func TestPolicy(t *testing.T) {
	for _, dir := range []string{"", "testdata/full"} {
		for _, page := range mustRender(t, mustLoad(t, dir), outage()).Pages {
			digest := sha256.Sum256([]byte(scriptOf(t, page.HTML)))
			want := "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; script-src 'sha256-" +
				base64.StdEncoding.EncodeToString(digest[:]) + "'; connect-src 'self'; frame-ancestors 'none'"
			if page.Policy != want {
				t.Errorf("%q %s:\n got %s\nwant %s", dir, page.Lang, page.Policy, want)
			}
		}
	}
	if got := policy([]byte("<p>no script")); strings.Contains(got, "script-src") {
		t.Errorf("a page without script may run one: %s", got)
	}
}

// scriptOf returns the text of the one script, as a parser sees it.
func scriptOf(t *testing.T, page []byte) string {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(string(page)))
	for z.Next() != html.ErrorToken {
		if token := z.Token(); token.Type == html.StartTagToken && token.Data == "script" {
			z.Next()
			return z.Token().Data
		}
	}
	t.Fatal("no script")
	return ""
}
