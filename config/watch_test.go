package config

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// watching starts Watch and returns a channel that hears of changes. The first change is made by
// the helper itself, again and again until Watch has begun to look.
func watching(t *testing.T, path string, poke func(n int)) <-chan struct{} {
	t.Helper()
	changed := make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Watch(ctx, path, func() { changed <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	ticker := time.NewTicker(3 * settle)
	defer ticker.Stop()
	for n := 0; ; n++ {
		poke(n)
		select {
		case <-changed:
			return changed
		case err := <-done:
			t.Fatal(err)
		case <-ticker.C:
		}
	}
}

func heard(t *testing.T, what string, changed <-chan struct{}) {
	t.Helper()
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s was not noticed", what)
	}
}

func quietAfter(t *testing.T, what string, changed <-chan struct{}) {
	t.Helper()
	select {
	case <-changed:
		t.Fatalf("%s was taken for a change", what)
	case <-time.After(3 * settle):
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWatchFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "failover.hcl")
	changed := watching(t, path, func(n int) { put(t, path, string(rune('a'+n))) })

	put(t, filepath.Join(dir, "failover.hcl.swp"), "new")
	must(t, os.Rename(filepath.Join(dir, "failover.hcl.swp"), path))
	heard(t, "a file renamed over it", changed)
	put(t, path, "newer")
	heard(t, "a write after the rename", changed)
	put(t, path, "newer")
	put(t, filepath.Join(dir, "journal.db"), "other")
	quietAfter(t, "the same content, or another file,", changed)
	for _, text := range []string{"1", "12", "123"} {
		put(t, path, text)
	}
	heard(t, "three writes", changed)
	quietAfter(t, "the end of three writes", changed)
	must(t, os.Remove(path))
	heard(t, "removal", changed)
	put(t, path, "back")
	heard(t, "the return", changed)
}

func TestWatchDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "conf.d")
	must(t, os.Mkdir(dir, 0o700))
	changed := watching(t, dir, func(n int) { put(t, filepath.Join(dir, "a.hcl"), string(rune('a'+n))) })

	put(t, filepath.Join(dir, "b.hcl.json"), "{}")
	heard(t, "a new file", changed)
	put(t, filepath.Join(dir, "notes.md"), "text")
	quietAfter(t, "a file that is not read", changed)
	must(t, os.Remove(filepath.Join(dir, "b.hcl.json")))
	heard(t, "a removed file", changed)
	must(t, os.Rename(dir, dir+".old"))
	heard(t, "a removed directory", changed)
	must(t, os.Mkdir(dir, 0o700))
	put(t, filepath.Join(dir, "a.hcl"), "z")
	heard(t, "a new directory", changed)
	put(t, filepath.Join(dir, "a.hcl"), "zz")
	heard(t, "a change in the new directory", changed)
}

// TestWatchKubernetes swaps the link ..data as a mounted ConfigMap does.
func TestWatchKubernetes(t *testing.T) {
	dir := t.TempDir()
	version := func(name, text string) {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		put(t, filepath.Join(dir, name, "failover.hcl"), text)
		must(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")))
		must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	version("..v0", "first")
	must(t, os.Symlink(filepath.Join("..data", "failover.hcl"), filepath.Join(dir, "failover.hcl")))
	for _, path := range []string{filepath.Join(dir, "failover.hcl"), dir} {
		changed := watching(t, path, func(n int) { version("..w"+string(rune('a'+n))+filepath.Base(path), path+string(rune('a'+n))) })
		version("..v1"+filepath.Base(path), "next "+path)
		heard(t, "a swapped link", changed)
	}
}

func TestWatchNothing(t *testing.T) {
	if err := Watch(t.Context(), filepath.Join(t.TempDir(), "no", "such", "file.hcl"), func() {}); err == nil {
		t.Error("a path whose directory does not exist cannot be watched")
	}
}
