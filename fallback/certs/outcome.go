package certs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	leastPause, mostPause = 5 * time.Second, 10 * time.Minute // while the CA does not answer
	limitPause            = time.Minute                       // between attempts once the CA says it is too much
	limitRetry            = time.Hour                         // when it does not say for how long
	leastRetry            = 15 * time.Second
	again                 = 24 * time.Hour // until the same trouble is said once more
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
