package site

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// title is what a store shows for a directory.
func title(t *testing.T, s *Store, dir string) (string, error) {
	t.Helper()
	source, err := s.Get(dir)
	if source == nil {
		t.Fatal("a store without a source")
	}
	return mustRender(t, source, outage()).Pages[0].Title, err
}

func TestStoreKeepsLastGood(t *testing.T) {
	var log bytes.Buffer
	s := NewStore(slog.New(slog.NewTextHandler(&log, nil)))
	dir := pages(t, map[string]string{"page.md": "---\ntitle: one\n---\n"})
	file := filepath.Join(dir, "page.md")
	steps := []struct {
		name, text, title string
		changed, broken   bool
		log               string // what the step logs; "" for nothing
	}{
		{"as it was", "---\ntitle: one\n---\n", "one", false, false, ""},
		{"an edit", "---\ntitle: two\n---\n", "two", true, false, "the page has changed"},
		{"a broken edit", "---\ntitel: three\n---\n", "two", true, true, "keep seeing the last good one"},
		{"the same again", "---\ntitel: three\n---\n", "two", false, true, ""},
		{"another mistake", "---\ntitle: three\nsince: x\n---\n", "two", true, true, "keep seeing the last good one"},
		{"mended", "---\ntitle: three\n---\n", "three", true, false, "in order again"},
		{"broken once more", "---\n", "three", true, true, "keep seeing the last good one"},
		{"undone", "---\ntitle: three\n---\n", "three", true, false, "in order again"},
	}
	if got, err := title(t, s, dir); got != "one" || err != nil {
		t.Fatalf("at first: %q, %v", got, err)
	}
	for _, step := range steps {
		log.Reset()
		write(t, file, step.text)
		if changed := s.Reload(dir); changed != step.changed {
			t.Errorf("%s: changed %t", step.name, changed)
		}
		if got, err := title(t, s, dir); got != step.title || (err != nil) != step.broken {
			t.Errorf("%s: shows %q with error %v", step.name, got, err)
		}
		if (step.log == "") != (log.Len() == 0) || !strings.Contains(log.String(), step.log) {
			t.Errorf("%s: logged %q", step.name, log.String())
		}
	}
}

// TestStoreBrokenAtFirst: with nothing good to keep, the embedded page is shown.
func TestStoreBrokenAtFirst(t *testing.T) {
	s := NewStore(nil)
	got, err := title(t, s, pages(t, map[string]string{"page.md": "---\n"}))
	if got != "This site is temporarily unavailable" || err == nil {
		t.Errorf("shows %q with error %v", got, err)
	}
}

// TestStoreKeepsRendering: reading the same text again makes no page anew.
func TestStoreKeepsRendering(t *testing.T) {
	s := NewStore(nil)
	before, _ := s.Get("testdata/full")
	s.Reload("testdata/full")
	if after, _ := s.Get("testdata/full"); before != after {
		t.Error("the source was replaced by an equal one")
	}
}

// watch runs a store's Watch until the test ends and returns what it reports.
func watch(t *testing.T, s *Store, dirs ...string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	changes, done := make(chan string, 16), make(chan struct{})
	go func() {
		defer close(done)
		s.Watch(ctx, dirs, func(dir string) { changes <- dir })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return changes
}

// await waits for a change of dir after which the store shows want.
func await(t *testing.T, s *Store, changes <-chan string, dir, want string) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case <-changes:
			if got, err := title(t, s, dir); err == nil && got == want {
				return
			}
		case <-limit:
			t.Fatalf("%s does not show %q", dir, want)
		}
	}
}

func TestWatch(t *testing.T) {
	root := t.TempDir()
	a, b := filepath.Join(root, "a"), filepath.Join(root, "b")
	for _, dir := range []string{a, b} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "page.md"), "---\ntitle: one\n---\n")
	}
	s := NewStore(nil)
	for _, dir := range []string{a, b} {
		if got, err := title(t, s, dir); got != "one" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	write(t, filepath.Join(a, "page.md"), "---\ntitle: between\n---\n") // before anybody watches
	changes := watch(t, s, a, b, "")
	await(t, s, changes, a, "between")

	write(t, filepath.Join(a, "page.md"), "---\ntitle: written\n---\n")
	await(t, s, changes, a, "written")

	write(t, filepath.Join(b, "new"), "---\ntitle: renamed\n---\n") // as most editors save
	if err := os.Rename(filepath.Join(b, "new"), filepath.Join(b, "page.md")); err != nil {
		t.Fatal(err)
	}
	await(t, s, changes, b, "renamed")

	// The whole directory is replaced, as a deployment does, and then edited.
	next := filepath.Join(root, "next")
	if err := os.Mkdir(next, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(next, "page.md"), "---\ntitle: replaced\n---\n")
	if err := os.Rename(a, filepath.Join(root, "old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, a); err != nil {
		t.Fatal(err)
	}
	await(t, s, changes, a, "replaced")
	write(t, filepath.Join(a, "page.md"), "---\ntitle: edited\n---\n")
	await(t, s, changes, a, "edited")

	if got, _ := title(t, s, b); got != "renamed" {
		t.Errorf("the other directory shows %q", got)
	}
}

// TestWatchLink follows a directory that is a link to the current version, as Kubernetes and
// deployment tools lay it out.
func TestWatchLink(t *testing.T) {
	root := t.TempDir()
	link := filepath.Join(root, "current")
	for _, v := range []string{"v1", "v2"} {
		if err := os.Mkdir(filepath.Join(root, v), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, v, "page.md"), "---\ntitle: "+v+"\n---\n")
	}
	point := func(v string) {
		if err := os.Symlink(v, link+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link+".new", link); err != nil {
			t.Fatal(err)
		}
	}
	point("v1")
	s := NewStore(nil)
	changes := watch(t, s, link)
	await(t, s, changes, link, "v1")
	point("v2")
	await(t, s, changes, link, "v2")
	write(t, filepath.Join(root, "v2", "page.md"), "---\ntitle: edited\n---\n")
	await(t, s, changes, link, "edited")
}

// TestWatchBroken: a mistake is reported, too, so that somebody can say it aloud.
func TestWatchBroken(t *testing.T) {
	dir := pages(t, map[string]string{"page.md": "---\ntitle: good\n---\n"})
	s := NewStore(nil)
	s.Reload(dir)
	changes := watch(t, s, dir)
	write(t, filepath.Join(dir, "page.md"), "---\nsumary: x\n---\n")
	select {
	case <-changes:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was reported")
	}
	got, err := title(t, s, dir)
	if got != "good" || err == nil || !strings.Contains(err.Error(), `page.md:2: unknown key "sumary" in the front matter; try: "summary"`) {
		t.Errorf("shows %q with error %v", got, err)
	}
}
