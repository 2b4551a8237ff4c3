package site

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; if that is meant: go test ./site -update, then read the difference\ngot:\n%s", path, got)
	}
}

// outage is the input of most tests: www.example.org, down since 04:17 UTC, now 23 minutes later.
func outage() RenderInput {
	since := time.Date(2026, 11, 22, 4, 17, 0, 0, time.UTC)
	return RenderInput{
		Site: failover.Site{Name: "www", RetryAfter: 5 * time.Minute, Hosts: []failover.Host{
			{Name: "*.example.org."}, {Name: "www.example.org."}, {Name: "example.org."},
		}},
		Serving: true, Since: since, Now: since.Add(23 * time.Minute),
	}
}

func mustLoad(t testing.TB, dir string) *Source {
	t.Helper()
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustRender(t testing.TB, s *Source, in RenderInput) failover.Notice {
	t.Helper()
	n, err := s.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestGolden(t *testing.T) {
	for name, dir := range map[string]string{"default": "", "full": "testdata/full"} {
		n := mustRender(t, mustLoad(t, dir), outage())
		if len(n.Pages) != 2 || n.Pages[0].Lang != "en" || n.Pages[1].Lang != "ja" {
			t.Fatalf("%s: want pages in en, ja; got %d", name, len(n.Pages))
		}
		for _, page := range n.Pages {
			// The style is the same everywhere and would hide the text in a golden file.
			html := regexp.MustCompile(`(?s)<style>.*</style>`).ReplaceAll(page.HTML, []byte("<style/>"))
			golden(t, name+"."+page.Lang+".html", html)
		}
		golden(t, name+".problem.json", append(n.Problem, '\n'))
	}
}

// TestOnTheWire checks that a page comes in the first flight of packets, with room to spare for a
// long text: ten segments of 1,460 bytes (RFC 6928).
func TestOnTheWire(t *testing.T) {
	for _, dir := range []string{"", "testdata/full"} {
		for _, page := range mustRender(t, mustLoad(t, dir), outage()).Pages {
			t.Logf("%q %s: %d bytes, gzip %d, brotli %d", dir, page.Lang, len(page.HTML), len(page.Gzip), len(page.Brotli))
			if len(page.Gzip) > 4000 || len(page.Brotli) > 4000 || len(page.HTML) > 14000 {
				t.Errorf("%q %s is too large", dir, page.Lang)
			}
		}
	}
}

// TestSelfContained checks that a page is complete in itself, and runs nothing but the one script.
func TestSelfContained(t *testing.T) {
	for _, dir := range []string{"", "testdata/full"} {
		for _, page := range mustRender(t, mustLoad(t, dir), outage()).Pages {
			for _, bad := range []string{"<script ", "<img", "<link", "<iframe", "<form", "url(", "@import", "src=", "javascript:", "ZgotmplZ", "{host}", "{n}"} {
				if strings.Contains(string(page.HTML), bad) {
					t.Errorf("%q %s holds %s", dir, page.Lang, bad)
				}
			}
			for _, want := range []string{`<html lang="` + page.Lang + `"`, "<main>", "<h1>", `name="viewport"`, "prefers-color-scheme:dark", `content="300"`, "<script>!async"} {
				if !strings.Contains(string(page.HTML), want) {
					t.Errorf("%q %s lacks %s", dir, page.Lang, want)
				}
			}
		}
	}
}
