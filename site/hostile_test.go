package site

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// attacks are texts that must not become anything but text, in the body or in a value.
func attacks() []string {
	return []string{
		`<script>alert(1)</script>`,
		`<img src=x onerror=alert(1)>`,
		`<svg/onload=alert(1)>`,
		`<a href="https://example.org/" onclick="alert(1)">x</a>`,
		`<a href="javascript:alert(1)">x</a>`,
		`[x](javascript:alert(1))`,
		`[x](JaVaScRiPt:alert(1))`,
		"[x](java\tscript:alert(1))",
		`[x](&#106;avascript:alert(1))`,
		`[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)`,
		`[x](vbscript:msgbox(1))`,
		`[x](//example.net/)`,
		`[x](https://user:password@example.net/)`,
		`[x](mailto:a@example.org?body=x)`,
		`<javascript:alert(1)>`,
		`![x](https://example.net/pixel.png)`,
		`<style>body{background:url(https://example.net/)}</style>`,
		`</title><script>alert(1)</script>`,
		`</style><script>alert(1)</script>`,
		`"><script>alert(1)</script>`,
		`<iframe src="https://example.net/"></iframe>`,
		`<meta http-equiv="refresh" content="0;url=https://example.net/">`,
		`<base href="https://example.net/">`,
		`<form action="https://example.net/"><input name=password></form>`,
		"```\"><script>alert(1)</script>\nx\n```",
		"| a |\n|---|\n| <script>alert(1)</script> |",
		`{{.Style}} {{template "x"}}`,
		`[x]: javascript:alert(1)` + "\n\n[x]",
	}
}

// safe checks a finished page: only elements of ours, only attributes of ours, only links that a
// page may have, one style sheet, one script.
func safe(t *testing.T, page []byte) {
	t.Helper()
	elements := regexp.MustCompile(`^(html|head|meta|title|style|script|body|header|main|footer|section|nav|h[1-6]|p|dl|dt|dd|div|time|span|b|ul|ol|li|a|strong|em|del|blockquote|code|pre|br|hr|table|thead|tbody|tr|th|td)$`)
	attributes := regexp.MustCompile(`^(lang|dir|charset|name|content|http-equiv|class|datetime|id|aria-labelledby|href|start)$`)
	styles, scripts, refreshes := 0, 0, 0
	z := html.NewTokenizer(bytes.NewReader(page))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
			continue
		}
		if !elements.MatchString(token.Data) {
			t.Errorf("element %s in the page", token)
		}
		switch token.Data {
		case "style":
			styles++
		case "script":
			scripts++
		}
		for _, a := range token.Attr {
			if !attributes.MatchString(a.Key) || (a.Key == "href" && !isLink(a.Val)) {
				t.Errorf("attribute %s=%q in %s", a.Key, a.Val, token)
			}
			if a.Key == "http-equiv" {
				refreshes++
			}
		}
	}
	if styles != 1 || scripts != 1 || refreshes != 1 {
		t.Errorf("%d style sheets, %d scripts and %d http-equiv, want one each", styles, scripts, refreshes)
	}
}

// TestHostileBody: an attack in the body is refused, or is text.
func TestHostileBody(t *testing.T) {
	for _, attack := range attacks() {
		s, err := Load(pages(t, map[string]string{"page.md": attack}))
		if err != nil {
			continue
		}
		safe(t, mustRender(t, s, outage()).Pages[0].HTML)
	}
}

// TestHostileValues: an attack in any value is refused, or is text.
func TestHostileValues(t *testing.T) {
	accepted := 0
	for _, attack := range attacks() {
		quoted := "'" + strings.ReplaceAll(strings.ReplaceAll(attack, "'", "''"), "\n", " ") + "'"
		for _, key := range []string{"title: %", "summary: %", "fraud_warning: %", "contact: %", "contact: {tel: %}", "contact: {mailto: %}",
			"links: [{text: %, url: 'https://example.org/'}]", "links: [{url: %}]", "labels: {since: %}"} {
			text := "---\n" + strings.Replace(key, "%", quoted, 1) + "\n---\n"
			s, err := Load(pages(t, map[string]string{"page.md": text}))
			if err != nil {
				continue
			}
			accepted++
			safe(t, mustRender(t, s, outage()).Pages[0].HTML)
		}
	}
	if want := 6 * len(attacks()); accepted != want {
		t.Errorf("%d values were taken as text, want the %d that are free text", accepted, want)
	}
}

// TestSanitiser: what the checks might miss, the sanitiser drops.
func TestSanitiser(t *testing.T) {
	for _, attack := range attacks() {
		got := newMarkdown().policy.Sanitize(attack)
		if strings.Contains(got, "<script") || strings.Contains(got, "<img") || strings.Contains(got, "=alert") || strings.Contains(got, "href=\"java") {
			t.Errorf("%s became %s", attack, got)
		}
	}
}

// FuzzLoad: whatever is in a page file, it is refused with a line, or makes a safe page.
func FuzzLoad(f *testing.F) {
	for _, attack := range attacks() {
		f.Add("---\ntitle: x\n---\n" + attack)
	}
	f.Add("---\nsince: 2026-11-22 04:17\ncontact: {tel: +1 202 555 0100, mailto: help@example.org}\nlinks: [{text: a, url: https://example.org}]\nlabels: {day: 'x'}\n---\n# a\n")
	f.Add("---\n&a a: *a\n---\n")
	p := newProgram()
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "page.md"), text)
		s, err := p.load(dir)
		if err != nil {
			if !strings.Contains(err.Error(), "; try: ") {
				t.Errorf("no way out: %v", err)
			}
			return
		}
		safe(t, mustRender(t, s, outage()).Pages[0].HTML)
	})
}
