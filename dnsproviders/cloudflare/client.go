package cloudflare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/failover-dns/failover/failover"
)

// maxBody bounds an answer; a listing of 5,000 records has about 3 MB.
const maxBody = 64 << 20

// secret gives a token. It is a function because printing a struct shows the fields in it, their
// own methods notwithstanding, but never what a function holds.
type secret func() string

func keep(token string) secret { return func() string { return token } }

// client makes calls. Its errors are *failover.ZoneError without zone and operation, which the
// caller knows; see zone.fault.
type client struct {
	base   *url.URL
	token  secret
	http   *http.Client
	budget *budget
	log    *slog.Logger
}

// envelope is the form of every answer.
type envelope struct {
	Success    *bool           `json:"success"`
	Errors     []message       `json:"errors"`
	Result     json.RawMessage `json:"result"`
	ResultInfo *resultInfo     `json:"result_info"`
}

// resultInfo tells where a page stands in a listing. The counts are absent at times.
type resultInfo struct {
	TotalCount *float64 `json:"total_count"`
}

// get reads, up to three times while the API is unavailable, and decodes the result into result.
func (c *client) get(ctx context.Context, path string, query url.Values, result any) (*resultInfo, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var info *resultInfo
	err := c.retry(ctx, func() error {
		a, err := c.call(ctx, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		if len(a.Result) == 0 || string(a.Result) == "null" { // never to be taken for an empty zone
			return &failover.ZoneError{Kind: failover.KindUnavailable, Err: errors.New("an answer without a result")}
		}
		if err := json.Unmarshal(a.Result, result); err != nil {
			return &failover.ZoneError{Kind: failover.KindUnavailable, Err: fmt.Errorf("an answer that is not understood: %w", err)}
		}
		info = a.ResultInfo
		return nil
	})
	return info, err
}

// retry repeats an idempotent operation while its errors say unavailable.
func (c *client) retry(ctx context.Context, operation func() error) error {
	ladder := backoff.NewExponentialBackOff(backoff.WithInitialInterval(200*time.Millisecond),
		backoff.WithMaxInterval(2*time.Second), backoff.WithMaxElapsedTime(0))
	err := backoff.RetryNotify(func() error {
		if err := operation(); failover.KindOf(err) != failover.KindUnavailable || ctx.Err() != nil {
			return backoff.Permanent(err)
		} else {
			return err
		}
	}, backoff.WithContext(backoff.WithMaxRetries(ladder, 2), ctx), func(err error, wait time.Duration) {
		c.log.Debug("the API is asked again", "error", err, "wait", wait)
	})
	if err != nil && failover.KindOf(err) == "" { // the context ended between two tries
		err = &failover.ZoneError{Kind: failover.KindUnavailable, Err: err}
	}
	return err
}

// call makes one call and sorts what comes of it.
func (c *client) call(ctx context.Context, method, path string, body any) (envelope, error) {
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return envelope{}, &failover.ZoneError{Kind: failover.KindRejected, Err: err}
		}
	}
	r, err := c.send(ctx, method, c.base.String()+path, payload)
	if err != nil {
		return envelope{}, err
	}
	return c.judge(method, r)
}

// reply is an answer as it came.
type reply struct {
	status     int
	header     http.Header
	body       []byte
	retryAfter time.Duration // set for a 429
}

// send takes one call from the budget, makes it and reads the answer to its end. A call that may
// have reached the API and was not a GET ends as lost when no answer comes.
func (c *client) send(ctx context.Context, method, target string, payload []byte) (reply, error) {
	if err := ctx.Err(); err != nil {
		return reply{}, &failover.ZoneError{Kind: failover.KindUnavailable, Err: err}
	}
	if wait := c.budget.take(time.Now(), failover.IsUrgent(ctx)); wait > 0 {
		return reply{}, &failover.ZoneError{Kind: failover.KindRateLimited, RetryAfter: wait,
			Err: errors.New("no call left in the API's budget of " + fmt.Sprint(c.budget.limit) + " in 5 minutes")}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	r, err := c.roundTrip(ctx, method, target, payload)
	if err != nil {
		kind := failover.KindUnavailable
		if sent.Load() && method != http.MethodGet {
			kind = failover.KindLost
		}
		return reply{}, &failover.ZoneError{Kind: kind, Err: c.redact(err), Hint: "see whether this machine reaches the API, and its state at www.cloudflarestatus.com"}
	}
	now := time.Now()
	c.budget.heed(now, r.header)
	if r.status == http.StatusTooManyRequests {
		r.retryAfter = c.budget.block(now, r.header.Get("Retry-After"))
		c.log.Warn("the API refuses calls", "for", r.retryAfter)
	}
	return r, nil
}

func (c *client) roundTrip(ctx context.Context, method, target string, payload []byte) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(payload))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "failover")
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return reply{}, fmt.Errorf("HTTP %d, its body cut off: %w", resp.StatusCode, err)
	}
	return reply{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// redact keeps the token out of an error, whatever a proxy or the server put into it.
func (c *client) redact(err error) error {
	if !strings.Contains(err.Error(), c.token()) {
		return err
	}
	return errors.New(c.clean(err.Error()))
}

func (c *client) clean(text string) string {
	return strings.ReplaceAll(text, c.token(), "(secret)")
}
