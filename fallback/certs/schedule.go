package certs

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	parallel       = 8                // attempts at a time
	attemptTimeout = 15 * time.Minute // of one attempt
)

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
	next = now.Add(10 * time.Minute) // no longer: the wall clock may be set, or the machine sleep
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
	if err == nil && m.options.Obtained != nil {
		defer m.options.Obtained(e.name) // once the lock is let go
	}
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
