package config

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long files must be quiet before a change counts, so that what an editor or
// Terraform writes in several steps is read once.
const settle = 200 * time.Millisecond

// Watch calls onChange after the configuration at path, a file or a directory as for [Load], has
// changed, until ctx ends; then it returns nil. It sees files that are written, replaced by
// renaming, added and removed, and the symbolic links that Kubernetes swaps. onChange runs in
// Watch's own goroutine, so that calls do not overlap. An error means that watching is not possible.
func Watch(ctx context.Context, path string, onChange func()) error {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w; reload with SIGHUP instead", path, err)
	}
	defer notify.Close()
	w := &watcher{path: path, notify: notify}
	if err := w.follow(); err != nil {
		return fmt.Errorf("watch %s: %w; reload with SIGHUP instead", path, err)
	}
	w.last = fingerprint(path)
	return w.run(ctx, onChange)
}

type watcher struct {
	path   string
	notify *fsnotify.Watcher
	last   string
}

func (w *watcher) run(ctx context.Context, onChange func()) error {
	timer := time.NewTimer(settle)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, open := <-w.notify.Events:
			if !open {
				return fmt.Errorf("watch %s: the watcher ended; reload with SIGHUP instead", w.path)
			}
			if w.concerns(event.Name) {
				timer.Reset(settle)
			}
		case <-w.notify.Errors: // events were lost: look for ourselves
			timer.Reset(settle)
		case <-timer.C:
			_ = w.follow() // a directory on the way may be away for a moment; its parent tells when it is back
			if now := fingerprint(w.path); now != w.last {
				w.last = now
				onChange()
			}
		}
	}
}

// follow watches the directories on the way to the files: the path's own, and where its symbolic
// links lead. What is watched already stays so.
func (w *watcher) follow() error {
	dirs := []string{filepath.Dir(w.path)}
	if info, err := os.Stat(w.path); err == nil && info.IsDir() {
		dirs = append(dirs, w.path)
	}
	names, _ := files(w.path)
	targets := map[string]bool{}
	for _, name := range append(names, w.path) {
		if real, err := filepath.EvalSymlinks(name); err == nil {
			targets[filepath.Dir(real)] = true
		}
	}
	for dir := range targets {
		dirs = append(dirs, dir)
	}
	for _, dir := range dirs {
		if err := w.notify.Add(dir); err != nil {
			return err
		}
	}
	return nil
}

// concerns tells whether an event at name can be a change of the configuration: other files, such
// as the journal, may live in the same directory.
func (w *watcher) concerns(name string) bool {
	base := filepath.Base(name)
	return isConfig(base) || base == filepath.Base(w.path) || strings.HasPrefix(base, "..") ||
		base == filepath.Base(target(w.path))
}

func target(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// fingerprint is a digest of what Load would read. It goes by content, since times are too coarse to
// tell two quick edits apart.
func fingerprint(path string) string {
	sources, err := read(path)
	if err != nil {
		return err.Error()
	}
	sum := sha256.New()
	for _, src := range sources {
		fmt.Fprintf(sum, "%s %d\n", src.name, len(src.text))
		sum.Write(src.text)
	}
	return string(sum.Sum(nil))
}
