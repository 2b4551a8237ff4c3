package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Options say where to and how.
type Options struct {
	Name   string // for logs and errors
	URL    string `json:"-"` // http or https; its user, path and query may be secret and never print
	Secret string `json:"-"` // key of the signature; not empty
	Log    *slog.Logger
	Client *http.Client  // nil: the default transport; redirects are never followed
	Queue  int           // how many events wait at most; default 256
	GiveUp time.Duration // how long one event is tried; default 6 h
}

// Format hides the address and the secret, whatever the verb.
func (o Options) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "webhook %q (secret)", o.Name) }

// Defaults and bounds.
const (
	defaultQueue  = 256
	defaultGiveUp = 6 * time.Hour
	attemptLimit  = 10 * time.Second // for one attempt
	longestWait   = time.Hour        // that a receiver's Retry-After can ask for
)

// Hook is one receiver. Its methods are safe for concurrent use; Run is called once.
type Hook struct {
	name   string
	url    string
	origin string // scheme and host, which may be printed
	secret []byte
	log    *slog.Logger
	client http.Client
	giveUp time.Duration
	wake   chan struct{} // holds a token while Run may have something to do

	mu    sync.Mutex
	queue []Event
	limit int
	busy  bool   // an event is on its way
	lost  uint64 // dropped since the last event that was taken from the queue
	stats Stats
}

// Stats count events since the start.
type Stats struct {
	Delivered uint64
	Failed    uint64 // given up: refused for good, or tried for too long
	Dropped   uint64 // the queue was full
	Queued    int    // waiting, or on its way
}

// New returns a hook, or says what is wrong with the options.
func New(o Options) (*Hook, error) {
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" { // err would print the address
		return nil, fmt.Errorf("webhook %q: url is not an http or https address; try: url = \"https://hooks.example.net/failover\"", o.Name)
	}
	if o.Secret == "" {
		return nil, fmt.Errorf("webhook %q: secret is empty, so the receiver could not tell our messages from others'; try: secret = env(\"WEBHOOK_SECRET\")", o.Name)
	}
	h := &Hook{name: o.Name, url: o.URL, origin: u.Scheme + "://" + u.Host, secret: []byte(o.Secret), log: o.Log,
		giveUp: o.GiveUp, limit: o.Queue, wake: make(chan struct{}, 1)}
	if o.Client != nil {
		h.client = *o.Client
	}
	// A redirect would turn the POST into a GET, or carry the message to somebody else.
	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.limit <= 0 {
		h.limit = defaultQueue
	}
	if h.giveUp <= 0 {
		h.giveUp = defaultGiveUp
	}
	h.log = h.log.With("webhook", h.name, "to", h.origin)
	return h, nil
}

// String names the hook without its secrets.
func (h *Hook) String() string { return fmt.Sprintf("webhook %q to %s", h.name, h.origin) }

// Format is String for every verb.
func (h *Hook) Format(f fmt.State, _ rune) { fmt.Fprint(f, h.String()) }

// Send puts an event into the queue and returns at once. When the queue is full its oldest event
// is dropped, and the next message tells how many were.
func (h *Hook) Send(e Event) {
	e.Version, e.Time = Version, e.Time.UTC()
	if e.ID == "" {
		e.ID = rand.Text()
	}
	h.mu.Lock()
	if len(h.queue) >= h.limit {
		h.queue = h.queue[1:]
		h.lost++
		h.stats.Dropped++
	}
	h.queue = append(h.queue, e)
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default: // a token is there already
	}
}

// next takes the oldest event.
func (h *Hook) next() (Event, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return Event{}, false
	}
	e := h.queue[0]
	h.queue, h.busy = h.queue[1:], true
	e.Dropped, h.lost = h.lost, 0
	return e, true
}

// Stats returns the counts.
func (h *Hook) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stats
	if s.Queued = len(h.queue); h.busy {
		s.Queued++
	}
	return s
}

// Run delivers events until ctx ends, one after the other. What still waits then is lost, and the
// log says how much.
func (h *Hook) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if e, found := h.next(); found {
			h.finish(ctx, e, h.deliver(ctx, e))
			continue
		}
		select {
		case <-ctx.Done():
		case <-h.wake:
		}
	}
	if n := h.Stats().Queued; n > 0 {
		h.log.Warn("stopping with undelivered events; the journal has them", "events", n)
	}
}

// finish counts the outcome of one event.
func (h *Hook) finish(ctx context.Context, e Event, err error) {
	h.mu.Lock()
	h.busy = false
	if err == nil {
		h.stats.Delivered++
	} else {
		h.stats.Failed++
	}
	h.mu.Unlock()
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		h.log.Warn("stopping in the middle of a delivery; the journal has the event", "event", e.ID)
	case err != nil:
		h.log.Error("an event could not be delivered; the journal has it", "event", e.ID, "kind", e.Kind, "site", e.Site, "error", err)
	}
}
