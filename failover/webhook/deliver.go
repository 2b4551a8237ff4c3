package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// rejection is an answer other than success.
type rejection struct {
	status     int
	retryAfter time.Duration // the receiver's word; 0: none
}

func (r *rejection) Error() string {
	text := fmt.Sprintf("the receiver answered %d %s", r.status, http.StatusText(r.status))
	if r.final() {
		text += "; try: check the webhook's url and secret"
	}
	return text
}

// final tells whether trying again is of no use: the receiver does not want this message.
func (r *rejection) final() bool {
	return r.status < 500 && r.status != http.StatusRequestTimeout && r.status != http.StatusTooManyRequests
}

// deliver sends one event, again and again until it is taken, refused for good, too old, or ctx ends.
func (h *Hook) deliver(ctx context.Context, e Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	ladder := backoff.NewExponentialBackOff(backoff.WithInitialInterval(time.Second), backoff.WithMultiplier(2),
		backoff.WithMaxInterval(5*time.Minute), backoff.WithMaxElapsedTime(h.giveUp))
	for attempt := 1; ; attempt++ {
		err := h.attempt(ctx, e.ID, data)
		if err == nil {
			if attempt > 1 {
				h.log.Info("the receiver takes events again", "event", e.ID, "attempts", attempt)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait, again := pause(ladder, err)
		if !again {
			return fmt.Errorf("after %d attempts in %v: %w", attempt, ladder.GetElapsedTime().Round(time.Second), err)
		}
		if attempt == 1 { // once, not at every attempt
			h.log.Warn("an event is not delivered yet and will be tried again", "event", e.ID, "error", err)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// pause returns how long to wait before the next attempt: what the ladder says, or longer where
// the receiver says so. It returns false when there is no next attempt.
func pause(ladder *backoff.ExponentialBackOff, err error) (time.Duration, bool) {
	var r *rejection
	refused := errors.As(err, &r)
	if refused && r.final() {
		return 0, false
	}
	wait := ladder.NextBackOff()
	if wait == backoff.Stop {
		return 0, false
	}
	if refused {
		wait = max(wait, min(r.retryAfter, longestWait))
	}
	return wait, ladder.GetElapsedTime()+wait <= ladder.MaxElapsedTime
}

// sleep waits, or returns the error of ctx when that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// attempt posts the document once, signed at this moment.
func (h *Hook) attempt(ctx context.Context, id string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(data))
	if err != nil {
		return h.plain(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "failover")
	req.Header.Set(HeaderID, id)
	req.Header.Set(HeaderSignature, sign(h.secret, data, time.Now()))
	resp, err := h.client.Do(req)
	if err != nil {
		return h.plain(err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	return &rejection{resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"), time.Now())}
}

// plain takes the address, which may hold secrets, out of an HTTP client's error.
func (h *Hook) plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("%s cannot be reached: %w", h.origin, err)
}

// retryAfter reads the header (RFC 9110 section 10.2.3): seconds or a date. Anything else is 0.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil && date.After(now) {
		return date.Sub(now)
	}
	return 0
}
