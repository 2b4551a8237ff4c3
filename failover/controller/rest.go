package controller

import (
	"cmp"
	"errors"
	"time"

	"github.com/failover-dns/failover/failover"
)

// rest ends a step: after a failure the zone is left alone for a while.
func (r *runner) rest(w *zoneWork, target failover.Target, err error) {
	if err == nil {
		w.ladder.Reset()
		w.patience = patience
		w.notUntil, w.failure = time.Time{}, ""
		if r.firstTrouble() == "" {
			r.c.clear(r.site.Name, AlarmZone)
		}
		r.tellFailure()
		r.poke() // there may be a next step
		return
	}
	w.notUntil, w.pausedFor, w.failure = time.Now().Add(r.pause(w, err)), target, err.Error()
	r.c.raise(r.site.Name, AlarmZone, words(err))
	r.tellFailure()
}

// tellFailure lets the status show what keeps a zone from being read or changed.
func (r *runner) tellFailure() {
	failure := ""
	for _, z := range r.entry.State.Zones {
		failure = cmp.Or(failure, r.work(z).failure)
	}
	r.mu.Lock()
	r.failure = failure
	r.mu.Unlock()
}

// hopeless is how long to wait in the end where only a human can help, who need not tell us. At first
// it is not that long: a name server that starts anew refuses for a moment as well.
const hopeless = 5 * time.Minute

// pause is how long to leave a zone alone after an error.
func (r *runner) pause(w *zoneWork, err error) time.Duration {
	pause := w.ladder.NextBackOff()
	var fresh *standing
	if errors.As(err, &fresh) {
		return fresh.left // known to the second
	}
	var ze *failover.ZoneError
	if errors.As(err, &ze) && ze.RetryAfter > 0 {
		w.told = time.Now().Add(ze.RetryAfter)
		return ze.RetryAfter // the provider's word beats the ladder
	}
	switch failover.KindOf(err) {
	case failover.KindUnauthorized, failover.KindRejected, failover.KindReadOnly:
		return min(hopeless, 5*pause)
	}
	return max(pause, time.Until(w.told)) // a try in between, for another wish, does not end it
}

// words are an error without the time that is left to wait, so that the same trouble has the same
// words and is said once.
func words(err error) string {
	var ze *failover.ZoneError
	if errors.As(err, &ze) && ze.RetryAfter > 0 && err == error(ze) {
		timeless := *ze
		timeless.RetryAfter = 0
		return timeless.Error()
	}
	return err.Error()
}
