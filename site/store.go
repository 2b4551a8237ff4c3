package site

import (
	"log/slog"
	"sync"
)

// Store keeps the last good source of each page directory. It is safe for concurrent use.
type Store struct {
	log     *slog.Logger
	program *program

	mu   sync.Mutex
	held map[string]held // by directory
}

// held is what is known of one directory.
type held struct {
	source *Source // never nil
	err    error   // why the directory as it stands is not the source
}

// NewStore returns an empty store. Without a log it is silent.
func NewStore(log *slog.Logger) *Store {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Store{log: log, program: newProgram(), held: map[string]held{}}
}

// Get returns the source to show for a directory, and what is wrong with the directory as it
// stands. The source is never nil: it is the last good one, or the embedded page if there was none.
// A directory is read at the first Get and by Reload, not in between.
func (s *Store) Get(dir string) (*Source, error) {
	s.mu.Lock()
	h, found := s.held[dir]
	s.mu.Unlock()
	if !found {
		s.Reload(dir)
		return s.Get(dir)
	}
	return h.source, h.err
}

// Reload reads a directory again and tells whether what Get returns has changed. A broken edit
// keeps the last good source.
func (s *Store) Reload(dir string) bool {
	source, err := s.program.load(dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	before, found := s.held[dir]
	now := held{source, err}
	switch {
	case err != nil && found:
		now.source = before.source
	case err != nil:
		now.source = &Source{Dir: dir, documents: s.program.defaults, program: s.program}
	case found && before.source.sum == source.sum:
		now.source = before.source // with all that it has rendered
	}
	s.held[dir] = now
	if found && before.source == now.source && errorText(before.err) == errorText(err) {
		return false
	}
	s.report(dir, before, now, found)
	return true
}

// report logs a change of one directory.
func (s *Store) report(dir string, before, now held, found bool) {
	switch {
	case now.err != nil && found:
		s.log.Error("the page has a mistake, so visitors keep seeing the last good one", "page", dir, "error", now.err)
	case now.err != nil:
		s.log.Error("the page has a mistake, so visitors would see the built-in one", "page", dir, "error", now.err)
	case before.err != nil:
		s.log.Info("the page is in order again", "page", dir)
	case found:
		s.log.Info("the page has changed", "page", dir)
	}
}

// errorText returns an error's text, "" for none.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
