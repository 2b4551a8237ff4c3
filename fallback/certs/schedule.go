package certs

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	parallel       = 8                // attempts at a time
	attemptTimeout = 15 * time.Minute // of one attempt
	again          = 24 * time.Hour   // until the same trouble is said once more

	leastPause, mostPause = 5 * time.Second, 10 * time.Minute // while the CA does not answer
	limitPause            = time.Minute                       // between attempts once the CA says it is too much
	limitRetry            = time.Hour                         // when it does not say for how long
	leastRetry            = 15 * time.Second
)

// ladder is how long a host waits after each failure in a row. It keeps below Let's Encrypt's 5
// failed authorizations per host and hour, and takes months to the 1,152 that pause a name.
var ladder = [...]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour}

// trouble sorts failures by what can be done.
type trouble string

const (
	troubleCA    trouble = "the CA cannot be used"      // nobody gets anything: wait, then one tries
	troubleLimit trouble = "a limit of the CA is hit"   // wait as told
	troubleHost  trouble = "the host was not validated" // its DNS, or the CA's judgement of it
	troubleDisk  trouble = "the store is not writable"
	troubleNone  trouble = "no CA is configured"
)

// issueError is a failed attempt.
type issueError struct {
	trouble    trouble
	retryAfter time.Duration // the CA's word, or 0
	err        error
}

func (e *issueError) Error() string { return fmt.Sprintf("%s: %v", e.trouble, e.err) }
func (e *issueError) Unwrap() error { return e.err }

// report remembers what was said, so that the same is not said each time.
type report struct {
	what string
	at   time.Time
}

// run starts what is due, whenever something is, until ctx ends; then it waits for what it started.
func (m *Manager) run(ctx context.Context) {
	var attempts sync.WaitGroup
	defer attempts.Wait()
	for ctx.Err() == nil {
		ready, next := m.due(time.Now())
		for _, e := range ready {
			attempts.Go(func() { m.attempt(ctx, e) })
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
		case <-m.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// due picks what to attempt now, hosts in need first, and says when to look again.
func (m *Manager) due(now time.Time) (ready []*entry, next time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next = now.Add(time.Hour)
	if now.Before(m.paused) {
		return nil, m.paused
	}
	for _, e := range *m.hosts.Load() {
		switch {
		case e.busy:
		case !e.due.After(now):
			ready = append(ready, e)
		case e.due.Before(next):
			next = e.due
		}
	}
	slices.SortFunc(ready, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(rank(a, now), rank(b, now)), a.due.Compare(b.due), cmp.Compare(a.name, b.name))
	})
	room := parallel
	if m.failures > 0 {
		room = 1 // one finds out whether the CA is back
	}
	ready = ready[:max(0, min(len(ready), room-m.running))]
	for _, e := range ready {
		e.busy = true
		m.running++
	}
	return ready, next
}

// rank is 0 for a host that has no valid certificate, or will soon have none.
func rank(e *entry, now time.Time) int {
	if h := e.held.Load(); h == nil || h.leaf().NotAfter.Sub(now) < 24*time.Hour {
		return 0
	}
	return 1
}

// attempt obtains or renews one certificate, once.
func (m *Manager) attempt(ctx context.Context, e *entry) {
	defer m.poke()
	limited, cancel := context.WithTimeout(ctx, attemptTimeout)
	h, err := m.obtain(limited, e)
	cancel()
	m.mu.Lock()
	defer m.mu.Unlock()
	e.busy = false
	m.running--
	switch {
	case err == nil:
		m.succeeded(e, h)
	case ctx.Err() == nil:
		m.failed(e, err, time.Now())
	}
}

// obtain gets a certificate and saves it. One that could not be saved is used all the same.
func (m *Manager) obtain(ctx context.Context, e *entry) (*held, error) {
	if m.options.Directory != "" {
		if err := m.store.writable(); err != nil {
			return nil, &issueError{trouble: troubleDisk, err: err}
		}
	}
	pair, err := m.issuer.issue(ctx, e.name, m.replaces(e))
	if err != nil {
		return nil, err
	}
	h, err := parse(e.name, pair)
	if err != nil {
		return nil, &issueError{trouble: troubleCA, err: fmt.Errorf("what it issued is unusable: %w", err)}
	}
	h.directory = m.options.Directory
	if h.directory == "" { // an operator put it there
		if old := e.held.Load(); old != nil && old.leaf().Equal(h.leaf()) {
			return nil, &issueError{trouble: troubleNone, err: fmt.Errorf("the certificate in %s ends on %s; try: a newer one in that file",
				m.store.certificate(e.name), h.leaf().NotAfter.Format(time.DateOnly))}
		}
		return h, nil
	}
	if err := m.store.save(e.name, h.directory, pair); err != nil {
		m.log.Error("a certificate was obtained but not saved; it is lost at the next start", "host", e.name, "err", err)
	}
	return h, nil
}

// replaces returns the certificate that a renewal supersedes (RFC 9773 section 5), which exempts it
// from Let's Encrypt's limits; after a failure it is left out, should it be the reason.
func (m *Manager) replaces(e *entry) *x509.Certificate {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h := e.held.Load(); h != nil && e.failures == 0 && h.directory == m.options.Directory {
		return h.leaf()
	}
	return nil
}

// later returns the later time; a CA whose certificates are due from the start gets no storm.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// succeeded and failed are called with the lock held.
func (m *Manager) succeeded(e *entry, h *held) {
	e.held.Store(h)
	e.due, e.failures, e.err, e.reported = later(m.renewAt(e.name, h), time.Now().Add(leastRetry)), 0, nil, report{}
	if m.failures > 0 {
		m.log.Info("the CA can be used again")
	}
	m.failures, m.paused, m.reported = 0, time.Time{}, time.Time{}
	m.log.Info("certificate obtained", "host", e.name, "issuer", h.leaf().Issuer.CommonName, "not_after", h.leaf().NotAfter, "renew_at", e.due)
}

func (m *Manager) failed(e *entry, err error, now time.Time) {
	e.err = err
	issue := &issueError{trouble: troubleCA, err: err}
	errors.As(err, &issue)
	switch issue.trouble {
	case troubleCA:
		if !now.Before(m.paused) { // else it began before the pause, and says nothing new
			m.paused = now.Add(jitter(min(leastPause<<min(m.failures, 20), mostPause)))
			m.failures++
		}
		e.due = m.paused
		m.sayCA(err, now)
		return
	case troubleLimit:
		m.paused = now.Add(limitPause)
		e.due = now.Add(max(cmp.Or(issue.retryAfter, limitRetry), limitPause))
	case troubleNone, troubleDisk:
		e.due = now.Add(jitter(time.Minute))
	default:
		e.due = now.Add(jitter(e.retry(now)))
	}
	e.failures++
	m.say(e, issue, now)
}

// retry is the ladder's next step, shortened when the certificate held is about to end.
func (e *entry) retry(now time.Time) time.Duration {
	wait := ladder[min(e.failures, len(ladder)-1)]
	if h := e.held.Load(); h != nil {
		if left := h.leaf().NotAfter.Sub(now); left > 0 {
			wait = max(min(wait, left/4), leastRetry)
		}
	}
	return wait
}

// say logs a host's trouble the first time, when its kind changes, and daily.
func (m *Manager) say(e *entry, issue *issueError, now time.Time) {
	what := string(issue.trouble)
	if e.reported.what == what && now.Sub(e.reported.at) < again {
		return
	}
	e.reported = report{what, now}
	level, attrs := slog.LevelError, []any{"host", e.name, "next_try", e.due, "err", issue}
	if h := e.held.Load(); h != nil && now.Before(h.leaf().NotAfter) {
		level, attrs = slog.LevelWarn, append(attrs, "not_after", h.leaf().NotAfter)
	}
	m.log.Log(context.Background(), level, "certificate not obtained; it is tried again for as long as it takes", attrs...)
}

// sayCA logs the CA's trouble once for all hosts, and daily.
func (m *Manager) sayCA(err error, now time.Time) {
	if now.Sub(m.reported) < again {
		return
	}
	m.reported = now
	m.log.Warn("the CA cannot be used; what is held is served, and it is asked again for as long as it takes", "directory", m.options.Directory, "err", err)
}

// renewAt says when a certificate is renewed: RenewBefore its end, or after two thirds of its life.
// Up to a fiftieth of its life is taken off, by name, so that not all hosts renew at once. One
// that another CA issued is renewed now.
func (m *Manager) renewAt(name string, h *held) time.Time {
	if m.options.Directory != "" && h.directory != m.options.Directory {
		return time.Time{}
	}
	leaf := h.leaf()
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	before := m.options.RenewBefore
	if before <= 0 || before >= life {
		before = life / 3
	}
	sum := fnv.New32a()
	sum.Write([]byte(name))
	return leaf.NotAfter.Add(-before - life/50*time.Duration(sum.Sum32()%100)/100)
}

// jitter adds up to a tenth.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/10+1) }
