package site

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func TestPreview(t *testing.T) {
	dir := pages(t, map[string]string{"page.md": "---\ntitle: Closed\n---\n", "page.ja.md": "---\ntitle: 休止\n---\n"})
	h := Preview(outage().Site, dir)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	check := func(path string, status int, want ...string) {
		t.Helper()
		w := get(path)
		if w.Code != status {
			t.Errorf("%s: status %d, want %d", path, w.Code, status)
		}
		for _, s := range want {
			if !strings.Contains(w.Body.String(), s) {
				t.Errorf("%s lacks %s:\n%s", path, s, w.Body)
			}
		}
	}
	check("/", 200, `href="/?lang=ja"`, `src="/page?lang=en"`, "kB on the wire")
	check("/?lang=ja", 200, `src="/page?lang=ja"`)
	check("/page?lang=ja", 503, "<h1>休止</h1>")
	check("/page?lang=xx", 503, "<h1>Closed</h1>")
	check("/frame.js", 200, "location.reload")
	check("/elsewhere", 404)
	if got := get("/page").Header(); got.Get("Content-Security-Policy") != strict || got.Get("Retry-After") != "300" || got.Get("Content-Language") != "en" {
		t.Errorf("headers %v", got)
	}

	before := get("/version").Body.String()
	write(t, filepath.Join(dir, "page.md"), "---\ntitle: Shut <now>\n---\n")
	after := get("/version").Body.String()
	if before == after {
		t.Error("an edit is not seen")
	}
	check("/page", 503, "<h1>Shut &lt;now&gt;</h1>")

	write(t, filepath.Join(dir, "page.md"), "---\ntitle: Shut\nsinse: <x>\n---\n")
	check("/", 200, `role="alert"`, "page.md:3: unknown key &#34;sinse&#34;")
	check("/page", 503, "<h1>Shut &lt;now&gt;</h1>")
	if get("/version").Body.String() == after {
		t.Error("a mistake is not seen")
	}
}

func TestPreviewOnlyGet(t *testing.T) {
	w := httptest.NewRecorder()
	Preview(outage().Site, "").ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("status %d", w.Code)
	}
}
