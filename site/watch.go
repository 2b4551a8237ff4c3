package site

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settle   = 200 * time.Millisecond // of silence after an edit: editors write in several steps
	patience = time.Second            // but no longer than this
	poll     = 30 * time.Second       // for file systems that report no changes
)

// watcher follows page directories for a store.
type watcher struct {
	store   *Store
	changed func(dir string)
	notify  *fsnotify.Watcher   // nil: only polling
	dirs    map[string][]string // by cleaned path: the directories as the caller wrote them

	dirty map[string]bool // cleaned paths that wait for silence
	first time.Time       // when the first of them became dirty
	timer *time.Timer
}

// Watch reloads each directory soon after anything in it was changed, and calls changed for those
// whose page or mistake is a different one now, one call at a time. It returns when ctx ends.
// Changes that the system does not report are found within half a minute.
func (s *Store) Watch(ctx context.Context, dirs []string, changed func(dir string)) {
	w := &watcher{store: s, changed: changed, dirs: map[string][]string{}, dirty: map[string]bool{}, timer: time.NewTimer(0)}
	for _, dir := range dirs {
		if dir != "" {
			w.dirs[filepath.Clean(dir)] = append(w.dirs[filepath.Clean(dir)], dir)
		}
	}
	var events chan fsnotify.Event
	var faults chan error
	if notify, err := fsnotify.NewWatcher(); err != nil {
		s.log.Warn("no notice of file changes, so pages are looked at every half minute; try: raise fs.inotify.max_user_instances", "error", err)
	} else {
		defer notify.Close()
		w.notify, events, faults = notify, notify.Events, notify.Errors
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	w.all() // an edit may have come before the watch
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			w.event(e)
		case <-faults: // an overflow: something was missed
			w.all()
		case <-ticker.C:
			w.all()
		case <-w.timer.C:
			w.reload()
		}
	}
}

// all marks every directory, and renews the watches: a directory may have been replaced.
func (w *watcher) all() {
	for dir := range w.dirs {
		w.add(dir)
		w.mark(dir)
	}
}

// add watches a directory, and its parent to learn when the directory itself is replaced. What
// cannot be watched is polled.
func (w *watcher) add(dir string) {
	if w.notify != nil {
		_ = w.notify.Add(dir)
		_ = w.notify.Add(filepath.Dir(dir))
	}
}

// event marks the directory that a change belongs to.
func (w *watcher) event(e fsnotify.Event) {
	path := filepath.Clean(e.Name)
	if _, found := w.dirs[path]; found { // made, removed or replaced
		if !e.Has(fsnotify.Chmod) {
			_ = w.notify.Remove(path) // it may watch what is no longer there
		}
		w.add(path)
		w.mark(path)
	}
	if parent := filepath.Dir(path); w.dirs[parent] != nil {
		w.mark(parent)
	}
}

// mark lets a directory be reloaded after a short silence.
func (w *watcher) mark(dir string) {
	if len(w.dirty) == 0 {
		w.first = time.Now()
	}
	w.dirty[dir] = true
	if wait := patience - time.Since(w.first); wait > 0 {
		w.timer.Reset(min(settle, wait))
	}
}

// reload reads the marked directories.
func (w *watcher) reload() {
	for path := range w.dirty {
		for _, dir := range w.dirs[path] {
			if w.store.Reload(dir) {
				w.changed(dir)
			}
		}
	}
	clear(w.dirty)
}
