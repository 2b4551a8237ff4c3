package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/failover-dns/failover/failover"
)

// line is one line of the answer to a command (application/x-ndjson): entries while the change
// proceeds, then exactly one line with an error or with Done.
type line struct {
	Entry *failover.Entry `json:"entry,omitempty"`
	Error *wireError      `json:"error,omitempty"`
	Done  bool            `json:"done,omitempty"`
}

// command does what an operator asks and tells each step as it happens.
func (h *handler) command(w http.ResponseWriter, r *http.Request) {
	site, err := h.site(r)
	var c failover.Command
	if err == nil {
		if err = json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&c); err != nil {
			err = fmt.Errorf("%w: %w", errRequest, err)
		}
	}
	if err != nil {
		wire := toWire(err)
		writeJSON(w, wire.status(), wire)
		return
	}
	c.By = peer(r.Context()) // the kernel's word, not the client's
	h.log.Info("command", "site", site, "action", c.Action, "by", c.By, "reason", c.Reason, "force", c.Force)

	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := startStream(w, cancel)
	last := line{Error: toWire(fmt.Errorf("%w: the controller met a defect of its own", ErrUnknownOutcome))}
	defer func() { out.finish(last) }()
	last = out.result(h.controller.Command(ctx, site, c, out.report))
}

const (
	queued       = 1024             // entries that may wait for a slow reader; more are left out
	writeTimeout = 10 * time.Second // for one line
)

// stream writes lines from a goroutine of its own, so that an operator's stopped terminal never
// holds up the controller.
type stream struct {
	mu      sync.Mutex
	lines   chan line
	closed  bool
	begun   bool          // an entry was reported: the order is in the journal
	written chan struct{} // closed when the writer has ended
}

// startStream begins the answer; a reader that has gone away calls gone.
func startStream(w http.ResponseWriter, gone func()) *stream {
	s := &stream{lines: make(chan line, queued+1), written: make(chan struct{})}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	go func() {
		defer close(s.written)
		control, encoder := http.NewResponseController(w), json.NewEncoder(w)
		for l := range s.lines {
			_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
			if encoder.Encode(l) != nil || control.Flush() != nil {
				gone()
				return // what follows stays in the buffered channel
			}
		}
	}()
	return s
}

func (s *stream) report(e failover.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = true
	if !s.closed && len(s.lines) < queued {
		s.lines <- line{Entry: &e}
	}
}

// result is the last line. What was begun and failed for no stated kind of reason (a provider that
// is away) is tried again by the controller, so its outcome is open.
func (s *stream) result(err error) line {
	if err == nil {
		return line{Done: true}
	}
	w := toWire(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun && w.Code == codeOther {
		w.Code = codeUnknownOutcome
	}
	return line{Error: w}
}

// finish writes the last line and waits for the writer. One place is kept for it.
func (s *stream) finish(last line) {
	s.mu.Lock()
	s.closed = true
	s.lines <- last
	close(s.lines)
	s.mu.Unlock()
	<-s.written
}
