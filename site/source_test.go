package site

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pages writes a page directory and returns its path.
func pages(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestMistakes holds every mistake a page can have, and the very sentences its author reads.
func TestMistakes(t *testing.T) {
	page := func(text string) map[string]string { return map[string]string{"page.md": text} }
	tests := []struct {
		name  string
		files map[string]string
		want  []string // in order; DIR stands for the directory
	}{
		{"unknown key", page("---\ntitle: x\nsumary: y\n---\n"),
			[]string{`DIR/page.md:3: unknown key "sumary" in the front matter; try: "summary"`}},
		{"unknown key like none", page("---\nzzzzzzzz: y\n---\n"),
			[]string{`DIR/page.md:2: unknown key "zzzzzzzz" in the front matter; try: one of contact, fraud_warning, labels, lang, links, next_update, retry_after, since, summary, time_zone, title`}},
		{"twice", page("---\ntitle: x\ntitle: y\n---\n"),
			[]string{`DIR/page.md:3: "title" is written twice; try: keep one of the two`}},
		{"no end", page("---\ntitle: x\n\nHello\n"),
			[]string{`DIR/page.md:1: the front matter has no end; try: a line of just "---" after the last key`}},
		{"not YAML", page("---\ntitle: We are down: sorry\n---\n"),
			[]string{`DIR/page.md:2: not YAML: mapping values are not allowed in this context; try: one "key: value" a line, and quotes around a value that holds ": "`}},
		{"not a mapping", page("---\n- a\n---\n"),
			[]string{`DIR/page.md:2: the front matter must be a list of "key: value" lines; try: see docs/page.md for the keys`}},
		{"title a list", page("---\ntitle: [a, b]\n---\n"),
			[]string{`DIR/page.md:2: title must be plain text; try: title: some text`}},
		{"since", page("---\nsince: this morning\n---\n"),
			[]string{`DIR/page.md:2: since: "this morning" is not a time; try: a time such as "2026-11-22 04:17" or "2026-11-22 04:17 +09:00"`}},
		{"next_update", page("---\nnext_update: 2026-13-01\n---\n"),
			[]string{`DIR/page.md:2: next_update: "2026-13-01" is not a time; try: a time such as "2026-11-22 04:17" or "2026-11-22 04:17 +09:00"`}},
		{"time zone", page("---\ntime_zone: Tokyo\n---\n"),
			[]string{`DIR/page.md:2: "Tokyo" is not a time zone; try: a name such as "Asia/Tokyo", or "UTC"`}},
		{"retry", page("---\nretry_after: 5\n---\n"),
			[]string{`DIR/page.md:2: retry_after: "5" is not a fitting time; try: a time between 30s and 24h, such as "5m"`}},
		{"telephone", page("---\ncontact:\n  tel: call us\n---\n"),
			[]string{`DIR/page.md:3: "call us" is not a telephone number; try: digits, such as "+1 202 555 0100"`}},
		{"mail", page("---\ncontact:\n  mailto: Help <help@example.org>\n---\n"),
			[]string{`DIR/page.md:3: "Help <help@example.org>" is not an e-mail address; try: an address alone, such as "help@example.org"`}},
		{"contact key", page("---\ncontact:\n  phone: 1\n---\n"),
			[]string{`DIR/page.md:3: unknown key "phone" in contact; try: one of mailto, tel, text`}},
		{"links no list", page("---\nlinks: https://example.org/\n---\n"),
			[]string{`DIR/page.md:2: links must be a list; try: lines that begin with "- text: ..." and "url: ..."`}},
		{"link without url", page("---\nlinks:\n  - text: Map\n---\n"),
			[]string{`DIR/page.md:3: a link needs a url; try: url: https://...`}},
		{"link elsewhere", page("---\nlinks:\n  - text: Map\n    url: /map\n    official: perhaps\n---\n"),
			[]string{`DIR/page.md:5: "perhaps" is neither true nor false; try: official: true`,
				`DIR/page.md:4: "/map" is not an address a link may have; try: an address that begins with https://, http://, mailto: or tel:`}},
		{"labels", page("---\nlabels:\n  sinse: x\n---\n"),
			[]string{`DIR/page.md:3: unknown key "sinse" in labels; try: "since"`}},
		{"image", page("---\ntitle: x\n---\nHello\n\n![map](https://example.org/map.png)\n"),
			[]string{`DIR/page.md:6: a page cannot show pictures, for it must be complete in itself; try: a link to the picture`}},
		{"HTML", page("Hello\n\n<b>there</b> you\n\n<div>\nx\n</div>\n"),
			[]string{`DIR/page.md:3: a page cannot hold HTML; try: Markdown alone`, `DIR/page.md:3: a page cannot hold HTML; try: Markdown alone`,
				`DIR/page.md:5: a page cannot hold HTML; try: Markdown alone`}},
		{"link in the body", page("one\n\ntwo [x](javascript:alert(1))\n"),
			[]string{`DIR/page.md:3: "javascript:alert(1)" is not an address a link may have; try: an address that begins with https://, http://, mailto: or tel:`}},
		{"no language", map[string]string{"page.md": "", "page.klingonese.md": "---\ntitle: x\nsummary: y\n---\n"},
			[]string{`DIR/page.klingonese.md: "klingonese" is not a language; try: a tag such as "en", "ja" or "pt-BR"`}},
		{"two languages", map[string]string{"page.md": "", "page.ja.md": "---\nlang: en\n---\n"},
			[]string{`DIR/page.ja.md:2: lang is "en", but the file's name says "ja"; try: leave lang out`}},
		{"a language twice", map[string]string{"page.md": "---\nlang: ja\n---\n", "page.ja.md": ""},
			[]string{`DIR/page.ja.md: a second page in "ja"; try: one page for each language; lang in page.md says which is its own`}},
		{"no words", map[string]string{"page.md": "", "page.fr.md": ""},
			[]string{`DIR/page.fr.md: there is no title, and none is built in for this language; try: a line "title: ..." between the two lines of "---" at the top`,
				`DIR/page.fr.md: there is no summary, and none is built in for this language; try: a line "summary: ..." between the two lines of "---" at the top`}},
		{"no page.md", map[string]string{"page.ja.md": ""},
			[]string{`DIR: there are translations, but no page.md; try: page.md for everybody whose language has no page`}},
		{"large", page(strings.Repeat("x", maxPage+1)),
			[]string{`DIR/page.md: the file is longer than 64 kB; try: a shorter text`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := pages(t, test.files)
			s, err := Load(dir)
			if err == nil {
				t.Fatalf("no mistake found, source %v", s != nil)
			}
			got := strings.Split(strings.ReplaceAll(err.Error(), dir, "DIR"), "\n")
			for i := range max(len(got), len(test.want)) {
				if i >= len(got) || i >= len(test.want) || got[i] != test.want[i] {
					t.Fatalf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
				}
			}
		})
	}
}

func TestNoDirectory(t *testing.T) {
	_, err := Load("testdata/none")
	want := "testdata/none: there is no such directory; try: make it, or leave page out for the embedded page"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// TestEmptyDirectory: a directory without pages is the embedded page, whatever else is in it.
func TestEmptyDirectory(t *testing.T) {
	n := mustRender(t, mustLoad(t, pages(t, map[string]string{"README.md": "hello", "page.md~": "---"})), outage())
	want := mustRender(t, mustLoad(t, ""), outage())
	if len(n.Pages) != 2 || string(n.Pages[1].HTML) != string(want.Pages[1].HTML) {
		t.Error("an empty directory is not the embedded page")
	}
}

// TestWindows: what other systems' editors add is no mistake.
func TestWindows(t *testing.T) {
	dir := pages(t, map[string]string{"page.md": "\xef\xbb\xbf---\r\ntitle: Closed\r\n---\r\nHello\r\n"})
	if got := mustLoad(t, dir).documents[0]; got.title != "Closed" || got.body != "<p>Hello</p>" {
		t.Errorf("title %q, body %q", got.title, got.body)
	}
}
