package lab

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Watcher asks the authoritative server for the addresses of a name every few milliseconds, so
// that no state of the zone between two others goes unseen.
type Watcher struct {
	name string

	mu    sync.Mutex
	seen  []Seen
	polls int
	empty []string
}

// Seen is an answer that differs from the one before it.
type Seen struct {
	At     time.Time
	Values []string // of the A records, sorted
}

// Watch polls the name's A records at the server until the test ends.
func (l *Lab) Watch(ns *NameServer, name string) *Watcher {
	l.T.Helper()
	w := &Watcher{name: name}
	l.Go(func(ctx context.Context) { w.run(ctx, ns.Addr) })
	Within(l.T, 10*time.Second, "the watcher has an answer", func() bool { return len(w.Timeline()) > 0 })
	return w
}

// Go runs fn until the test ends, and waits for it.
func (l *Lab) Go(fn func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(ctx)
	}()
	l.T.Cleanup(func() {
		cancel()
		<-done
	})
}

func (w *Watcher) run(ctx context.Context, server string) {
	ticker := time.NewTicker(3 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if answer, err := Query(server, w.name, dns.TypeA); err == nil { // a lost datagram says nothing
			w.note(answer, time.Now())
		}
		<-ticker.C
	}
}

func (w *Watcher) note(answer *dns.Msg, now time.Time) {
	values := []string{}
	for _, rr := range answer.Answer {
		if a, ok := rr.(*dns.A); ok {
			values = append(values, a.A.String())
		}
	}
	slices.Sort(values)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.polls++
	if len(values) == 0 {
		w.empty = append(w.empty, fmt.Sprintf("%s %s", now.Format(time.RFC3339Nano), dns.RcodeToString[answer.Rcode]))
	}
	if n := len(w.seen); n == 0 || !slices.Equal(w.seen[n-1].Values, values) {
		w.seen = append(w.seen, Seen{At: now, Values: values})
	}
}

// Timeline returns the different answers in the order they were seen.
func (w *Watcher) Timeline() []Seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

// FirstAfter returns when the values were first seen after a time, or the zero time.
func (w *Watcher) FirstAfter(t time.Time, values ...string) time.Time {
	for _, s := range w.Timeline() {
		if s.At.After(t) && slices.Equal(s.Values, values) {
			return s.At
		}
	}
	return time.Time{}
}

// CheckNeverEmpty fails the test if the name was ever seen without an address.
func (w *Watcher) CheckNeverEmpty(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.empty) > 0 {
		t.Errorf("%s had no address %d times of %d, first at %s", w.name, len(w.empty), w.polls, w.empty[0])
	}
	t.Logf("%s was asked for %d times and never empty", w.name, w.polls)
}
