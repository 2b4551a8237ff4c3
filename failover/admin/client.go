package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"github.com/failover-dns/failover/failover"
)

// Client is a running controller seen through its socket. Its errors match ErrUnreachable,
// ErrUnknownSite (as *UnknownSiteError), ErrUnknownOutcome, [failover.ErrRefused],
// [failover.ErrDrift] and [failover.ErrNoPlan].
type Client struct {
	socket string
	http   *http.Client
}

var _ Controller = (*Client)(nil)

// Dial returns a client for the socket. It connects at the first call.
func Dial(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, "unix", socket)
		if err != nil && ctx.Err() == nil {
			return nil, unreachable(socket, err)
		}
		return c, err
	}
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func unreachable(socket string, err error) error {
	hint := "failover run, or --socket with the path of the running controller's socket"
	if errors.Is(err, fs.ErrPermission) {
		hint = "the same command as the user that runs the controller, or with sudo"
	}
	return fmt.Errorf("%w at %s: %w; try: %s", ErrUnreachable, socket, rootCause(err), hint)
}

// rootCause strips the words that net puts around a system call's error.
func rootCause(err error) error {
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err
}

// Status returns all sites.
func (c *Client) Status(ctx context.Context) ([]failover.SiteStatus, error) {
	return call[[]failover.SiteStatus](ctx, c, http.MethodGet, "/v1/sites")
}

// Plan returns what a switch to the target would change.
func (c *Client) Plan(ctx context.Context, site string, target failover.Target) ([]failover.Plan, error) {
	return call[[]failover.Plan](ctx, c, http.MethodGet, sitePath(site, "plan")+"?to="+url.QueryEscape(string(target)))
}

// History returns the newest n entries of the site, the oldest first.
func (c *Client) History(ctx context.Context, site string, n int) ([]failover.Entry, error) {
	return call[[]failover.Entry](ctx, c, http.MethodGet, sitePath(site, "history")+"?n="+strconv.Itoa(n))
}

// Check has the controller look at the site's origin now.
func (c *Client) Check(ctx context.Context, site string) ([]failover.Observation, error) {
	return call[[]failover.Observation](ctx, c, http.MethodPost, sitePath(site, "check"))
}

// Reload has the controller read its configuration again.
func (c *Client) Reload(ctx context.Context) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/reload")
	return err
}

// Export writes the state of all sites.
func (c *Client) Export(ctx context.Context, w io.Writer) error {
	answer, err := c.do(ctx, http.MethodGet, "/v1/state", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

// Command hands the controller an operator's word and reports each entry as it is written. When
// ctx ends first, or the controller goes away, the error matches ErrUnknownOutcome.
func (c *Client) Command(ctx context.Context, site string, command failover.Command, report func(failover.Entry)) error {
	body, err := json.Marshal(command)
	if err != nil {
		return fmt.Errorf("command: %w", err)
	}
	answer, err := c.do(ctx, http.MethodPost, sitePath(site, "command"), bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for decoder := json.NewDecoder(answer.Body); ; {
		var l line
		if err := decoder.Decode(&l); err != nil {
			return lost(ctx, err)
		}
		switch {
		case l.Error != nil:
			return l.Error.err()
		case l.Done:
			return nil
		case l.Entry != nil:
			report(*l.Entry)
		}
	}
}

func lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w; the controller goes on; try: failover status", ErrUnknownOutcome, context.Cause(ctx))
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: the controller went away (%w); try: failover status", ErrUnknownOutcome, err)
}

func sitePath(site, what string) string { return "/v1/sites/" + url.PathEscape(site) + "/" + what }

// do makes a request; an answer that is not 200 becomes an error.
func (c *Client) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://failover"+path, body)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(request)
	switch {
	case errors.Is(err, ErrUnreachable):
		return nil, errors.Unwrap(err) // without the words of url.Error
	case err != nil && method == http.MethodPost:
		return nil, lost(ctx, rootCause(err))
	case err != nil:
		return nil, unreachable(c.socket, err)
	case answer.StatusCode == http.StatusOK:
		return answer, nil
	}
	defer answer.Body.Close()
	var w wireError
	if err := json.NewDecoder(answer.Body).Decode(&w); err != nil || w.Message == "" {
		return nil, fmt.Errorf("%w at %s: it answers %s; another program, or another version, may listen there", ErrUnreachable, c.socket, answer.Status)
	}
	return nil, w.err()
}

func call[T any](ctx context.Context, c *Client, method, path string) (T, error) {
	var value T
	answer, err := c.do(ctx, method, path, nil)
	if err != nil {
		return value, err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&value); err != nil {
		return value, fmt.Errorf("%w at %s: %w", ErrUnreachable, c.socket, err)
	}
	return value, nil
}
