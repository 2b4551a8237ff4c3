package site

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"

	"github.com/failover-dns/failover/failover"
)

// TestNotServing: a site that is not failed over needs no page.
func TestNotServing(t *testing.T) {
	in := outage()
	in.Serving = false
	n := mustRender(t, mustLoad(t, ""), in)
	if n.Pages != nil || n.Problem != nil || n.Serving {
		t.Errorf("got pages for a site that is not served: %+v", n)
	}
	if n.Site != "www" || n.RetryAfter != 5*time.Minute || strings.Join(n.Hosts, " ") != "*.example.org. www.example.org. example.org." {
		t.Errorf("got %+v", n)
	}
}

func TestCompressed(t *testing.T) {
	for _, page := range mustRender(t, mustLoad(t, ""), outage()).Pages {
		zr, err := gzip.NewReader(bytes.NewReader(page.Gzip))
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range map[string]io.Reader{"gzip": zr, "brotli": brotli.NewReader(bytes.NewReader(page.Brotli))} {
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, page.HTML) {
				t.Errorf("%s %s is not the page: %v", page.Lang, name, err)
			}
		}
	}
}

// TestOnce: rendering again is free until something that a visitor sees changes.
func TestOnce(t *testing.T) {
	s := mustLoad(t, "testdata/full")
	in := outage()
	first := mustRender(t, s, in)
	same := func() bool { return &mustRender(t, s, in).Pages[0].HTML[0] == &first.Pages[0].HTML[0] }
	if in.Now = in.Now.Add(time.Hour); !same() {
		t.Error("an hour later the page was made anew")
	}
	if in.Now = in.Now.Add(24 * time.Hour); same() {
		t.Error("a day later the page is still the old one")
	}
	in = outage()
	first = mustRender(t, s, in)
	if in.Site.RetryAfter = time.Minute; same() {
		t.Error("with another time to retry the page is still the old one")
	}
}

// TestSites: sites that share a directory do not get each other's pages.
func TestSites(t *testing.T) {
	s := mustLoad(t, "")
	var wait sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		wait.Go(func() {
			in := outage()
			in.Site.Name, in.Site.Hosts = name, []failover.Host{{Name: name + ".example.net."}}
			for range 20 {
				n, err := s.Render(in)
				if err != nil || !bytes.Contains(n.Pages[0].HTML, []byte(name+".example.net ")) || !bytes.Contains(n.Problem, []byte(name+".example.net ")) {
					t.Errorf("the page of %s is another's: %v", name, err)
				}
			}
		})
	}
	wait.Wait()
}

// TestDayClock counts days as people do: by the calendar of the page's time zone.
func TestDayClock(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	since := time.Date(2026, 11, 22, 14, 50, 0, 0, time.UTC) // 23:50 in Tokyo
	tests := []struct {
		after time.Duration
		zone  *time.Location
		want  int
	}{
		{-time.Hour, time.UTC, 0},
		{0, time.UTC, 1},
		{20 * time.Minute, time.UTC, 1},
		{20 * time.Minute, tokyo, 2},
		{24 * time.Hour, time.UTC, 2},
		{20 * 24 * time.Hour, time.UTC, 21},
	}
	for _, test := range tests {
		if got := day(since, since.Add(test.after), test.zone); got != test.want {
			t.Errorf("after %v in %v: day %d, want %d", test.after, test.zone, got, test.want)
		}
	}
	if got := day(time.Time{}, since, time.UTC); got != 0 {
		t.Errorf("without a beginning: day %d", got)
	}
}

// TestTimes shows how a time reads in several languages and zones.
func TestTimes(t *testing.T) {
	tests := []struct{ lang, zone, want string }{
		{"en", "UTC", "22 November 2026, 04:17 UTC"},
		{"en", "Europe/Berlin", "22 November 2026, 05:17 CET (UTC+1)"},
		{"en", "America/New_York", "21 November 2026, 23:17 EST (UTC−5)"},
		{"en", "Asia/Kathmandu", "22 November 2026, 10:02 UTC+5:45"},
		{"ja", "Asia/Tokyo", "2026年11月22日 13:17（日本時間）"},
		{"ja", "UTC", "2026年11月22日 04:17（UTC）"},
		{"fr", "Europe/Paris", "2026-11-22 05:17 CET (UTC+1)"},
	}
	for _, test := range tests {
		dir := pages(t, map[string]string{"page.md": "---\nlang: " + test.lang + "\ntime_zone: " + test.zone + "\ntitle: x\nsummary: y\n---\n"})
		n := mustRender(t, mustLoad(t, dir), outage())
		want := `<time datetime="2026-11-22T04:17:00Z">` + strings.ReplaceAll(test.want, "+", "&#43;") + `</time>`
		if !bytes.Contains(n.Pages[0].HTML, []byte(want)) {
			t.Errorf("%s %s: want %s in\n%s", test.lang, test.zone, want, n.Pages[0].HTML)
		}
	}
}

// TestOverdue: a promised update that did not come is not shown any more.
func TestOverdue(t *testing.T) {
	in := outage()
	s := mustLoad(t, pages(t, map[string]string{"page.md": "---\nnext_update: 2026-11-22 05:00\n---\n"}))
	const promise = "22 November 2026, 05:00 UTC"
	if n := mustRender(t, s, in); !bytes.Contains(n.Pages[0].HTML, []byte(promise)) || !bytes.Contains(n.Problem, []byte("nextUpdate")) {
		t.Error("the promise is not shown")
	}
	in.Now = time.Date(2026, 11, 22, 5, 0, 1, 0, time.UTC)
	if n := mustRender(t, s, in); bytes.Contains(n.Pages[0].HTML, []byte(promise)) || bytes.Contains(n.Problem, []byte("nextUpdate")) {
		t.Error("the broken promise is still shown")
	}
}

// TestInherit: a translation needs only its words; facts come from page.md.
func TestInherit(t *testing.T) {
	dir := pages(t, map[string]string{
		"page.md": "---\nsince: 2026-11-22 04:00\nretry_after: 10m\nfraud_warning: false\ncontact: {text: Call us, tel: +1 202 555 0100}\nlinks: [{url: https://example.net/}]\n---\nHello\n",
		// Written without an offset: in the time zone of this page, which is Japan's.
		"page.ja.md": "---\nnext_update: 2026-11-22 18:00\ncontact: お電話ください\n---\nこんにちは\n",
	})
	s := mustLoad(t, dir)
	in := outage()
	n := mustRender(t, s, in)
	if n.RetryAfter != 10*time.Minute {
		t.Errorf("retry after %v, want that of the page", n.RetryAfter)
	}
	for _, want := range []string{"2026年11月22日 13:00（日本時間）", "2026年11月22日 18:00（日本時間）", "ただいまサイトを", "お電話ください", "tel:", "https://example.net/", "こんにちは", "10分ごと"} {
		if !bytes.Contains(n.Pages[1].HTML, []byte(want)) {
			t.Errorf("the translation lacks %s", want)
		}
	}
	for _, page := range n.Pages {
		if bytes.Contains(page.HTML, []byte(`class="warning"`)) {
			t.Errorf("%s: a warning that was turned off is shown", page.Lang)
		}
	}
}

// TestOtherLanguage: a language without built-in words brings its own.
func TestOtherLanguage(t *testing.T) {
	dir := pages(t, map[string]string{"page.md": "", "page.ar.md": "---\ntitle: الموقع غير متاح\nsummary: نعمل على إصلاحه\nlabels:\n  since: منذ\n---\n"})
	n := mustRender(t, mustLoad(t, dir), outage())
	for i, want := range []string{`<p lang="ar" dir="rtl">`, `<html lang="ar" dir="rtl">`} {
		if !bytes.Contains(n.Pages[i].HTML, []byte(want)) {
			t.Errorf("%s lacks %s", n.Pages[i].Lang, want)
		}
	}
	if !bytes.Contains(n.Pages[1].HTML, []byte("<dt>منذ</dt>")) || !bytes.Contains(n.Pages[1].HTML, []byte(`<p lang="en" dir="ltr">`)) {
		t.Errorf("got %s", n.Pages[1].HTML)
	}
}

// TestReload: a page that is left open comes back often enough, and does not flicker.
func TestReload(t *testing.T) {
	for retry, want := range map[time.Duration]string{
		0: `content="300"`, time.Second: `content="30"`, 10 * time.Minute: `content="600"`, 24 * time.Hour: `content="3600"`,
	} {
		in := outage()
		in.Site.RetryAfter = retry
		n := mustRender(t, mustLoad(t, ""), in)
		if !bytes.Contains(n.Pages[0].HTML, []byte(`http-equiv="refresh" `+want)) {
			t.Errorf("retry after %v: no %s", retry, want)
		}
		if retry > 0 && n.RetryAfter != retry {
			t.Errorf("the header would say %v, want %v", n.RetryAfter, retry)
		}
	}
}

func TestHostName(t *testing.T) {
	tests := []struct {
		hosts []string
		want  string
	}{
		{nil, "www"},
		{[]string{"example.org."}, "example.org"},
		{[]string{"*.example.org.", "example.org."}, "example.org"},
		{[]string{"*.example.org."}, "example.org"},
		{[]string{"xn--wgv71a119e.example."}, "日本語.example"},
		{[]string{"xn--a.example."}, "xn--a.example"},
	}
	for _, test := range tests {
		s := failover.Site{Name: "www"}
		for _, name := range test.hosts {
			s.Hosts = append(s.Hosts, failover.Host{Name: name})
		}
		if got := hostOf(s); got != test.want {
			t.Errorf("%v: got %s, want %s", test.hosts, got, test.want)
		}
	}
}

func TestProblemDocument(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal(mustRender(t, mustLoad(t, "testdata/full"), outage()).Problem, &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"type": "about:blank", "title": "Service Unavailable", "status": 503.0, "retryAfter": 300.0, "since": "2026-11-20T04:17:00Z"} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
}
