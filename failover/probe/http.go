package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Bounds of what is read of one answer.
const (
	maxHead    = 256 << 10 // status line and headers
	maxBody    = 1 << 20   // of a body that a pattern must match
	enoughBody = 64 << 10  // of any other body: enough to notice a stall or a break
	maxHops    = 10        // redirects that are followed
)

// httpLook makes one HTTP/1.1 request on a connection of its own (RFC 9112), and more only for
// redirects. It is written on the bare connection: http.Transport costs twice the CPU.
type httpLook struct {
	check  failover.Check
	opt    Options
	status []failover.StatusRange
	body   *regexp.Regexp // nil: any body
	first  *hop
	// accept judges an answer whose status is right; nil: every such answer is.
	accept func(*http.Response) error
}

func newHTTP(check failover.Check, at netip.AddrPort, opt Options) (ask, error) {
	h, err := newHTTPLook(check, at, opt)
	if err != nil {
		return nil, err
	}
	return h.ask, nil
}

func newHTTPLook(check failover.Check, at netip.AddrPort, opt Options) (*httpLook, error) {
	h := &httpLook{check: check, opt: opt, status: check.Status}
	if len(h.status) == 0 {
		h.status = []failover.StatusRange{{From: 200, To: 399}}
	}
	var err error
	if check.Body != "" {
		if h.body, err = regexp.Compile(check.Body); err != nil {
			return nil, fmt.Errorf("body is not a regular expression (RE2): %w", err)
		}
	}
	h.first, err = h.firstHop(at)
	return h, err
}

// ask makes the request and follows redirects if the check wants that.
func (h *httpLook) ask(ctx context.Context, o *failover.Observation) error {
	next := h.first
	for range maxHops + 1 {
		var err error
		if next, err = h.visit(ctx, next, o); err != nil || next == nil {
			return err
		}
	}
	return fail(failover.CauseRedirect, "more than %d redirects, the last one to %s", maxHops, clip(next.url.Host))
}

// visit makes one request. It returns the next hop when the answer is a redirect to follow.
func (h *httpLook) visit(ctx context.Context, to *hop, o *failover.Observation) (*hop, error) {
	c, err := dialTCP(ctx, to.at, o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var stream net.Conn = c
	if to.tls != nil {
		if stream, err = to.tls.handshake(c, o); err != nil {
			return nil, err
		}
	}
	start := time.Now()
	if _, err := stream.Write(to.request); err != nil {
		return nil, talking("sending the request").failed(err)
	}
	meter := &meter{from: stream, left: maxHead}
	resp, err := readHead(bufio.NewReader(meter), to.method)
	if !meter.first.IsZero() {
		o.Timings.FirstByte = meter.first.Sub(start)
	}
	if err != nil {
		if meter.err != nil { // the parser takes half a line for a malformed one
			err = meter.err
		}
		return nil, talking("waiting for the HTTP answer").failed(err)
	}
	meter.left = 1 << 62 // from here on the body's reader counts
	defer resp.Body.Close()
	if h.check.FollowRedirects {
		if next, err := h.nextHop(to, resp); next != nil || err != nil {
			return next, err
		}
	}
	return nil, h.judge(resp)
}

// readHead reads the head of the final answer: interim ones (RFC 9110 section 15.2) are skipped.
func readHead(r *bufio.Reader, method string) (*http.Response, error) {
	const interim = 5
	for range interim {
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
	return nil, fail(failover.CauseProtocol, "more than %d interim answers", interim)
}

// judge compares the answer with what the check expects.
func (h *httpLook) judge(resp *http.Response) error {
	if !h.expects(resp.StatusCode) {
		answered := fmt.Sprintf("answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
		if to, err := resp.Location(); err == nil && isRedirect(resp.StatusCode) {
			return fail(failover.CauseRedirect, "%s to %s, expected %s", answered, clip(to.Host), h.expected())
		}
		return fail(failover.CauseStatus, "%s, expected %s", answered, h.expected())
	}
	if h.accept != nil {
		if err := h.accept(resp); err != nil {
			return err
		}
	}
	return h.readBody(resp.Body)
}

func (h *httpLook) readBody(body io.Reader) error {
	reading := talking("reading the body")
	if h.body == nil {
		_, err := io.Copy(io.Discard, io.LimitReader(body, enoughBody))
		return reading.failed(err)
	}
	content, err := io.ReadAll(io.LimitReader(body, maxBody))
	switch {
	case err != nil:
		return reading.failed(err)
	case h.body.Match(content):
		return nil
	case len(content) == maxBody:
		return fail(failover.CauseBody, "the first %d bytes of the body do not match %q", maxBody, h.check.Body)
	default:
		return fail(failover.CauseBody, "the body (%d bytes) does not match %q", len(content), h.check.Body)
	}
}

func (h *httpLook) expects(status int) bool {
	for _, r := range h.status {
		if r.From <= status && status <= r.To {
			return true
		}
	}
	return false
}

// expected renders the expected statuses for people: "200, 301-302".
func (h *httpLook) expected() string {
	parts := make([]string, len(h.status))
	for i, r := range h.status {
		parts[i] = fmt.Sprint(r.From)
		if r.To != r.From {
			parts[i] += fmt.Sprint("-", r.To)
		}
	}
	return strings.Join(parts, ", ")
}

// meter bounds what is read, and notes when the first byte came and what ended the reading.
type meter struct {
	from  io.Reader
	left  int64
	first time.Time
	err   error
}

var errLongHead = errors.New("the head of the answer is too long")

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		m.err = errLongHead
		return 0, m.err
	}
	n, err := m.from.Read(p[:min(int64(len(p)), m.left)])
	m.err = err
	m.left -= int64(n)
	if n > 0 && m.first.IsZero() {
		m.first = time.Now()
	}
	return n, err
}
