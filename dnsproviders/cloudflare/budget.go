package cloudflare

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// window is the time over which Cloudflare counts calls, and also how long it refuses every call
// of a user who made too many.
const window = 5 * time.Minute

// urgentShare is the part of the budget, in percent, that is kept for switches.
const urgentShare = 40

// budget counts calls over a sliding window, so that no 5 minutes hold more than the limit, and
// remembers what the server said about it. All methods are pure but for the budget's own state;
// time is a parameter.
type budget struct {
	limit int

	mu      sync.Mutex
	calls   []time.Time // of the last window, the oldest first
	blocked time.Time   // no call before this: the server said so
	scarce  time.Time   // no call that isn't urgent before this: the server has little left
}

func newBudget(limit int) *budget { return &budget{limit: limit} }

// take counts one call and returns 0, or returns how long to wait and counts nothing.
func (b *budget) take(now time.Time, urgent bool) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.calls) > 0 && now.Sub(b.calls[0]) >= window {
		b.calls = b.calls[1:]
	}
	if wait := b.blocked.Sub(now); wait > 0 {
		return wait
	}
	limit := b.limit
	if !urgent {
		if wait := b.scarce.Sub(now); wait > 0 {
			return wait
		}
		limit = max(1, b.limit*(100-urgentShare)/100)
	}
	if over := len(b.calls) - limit; over >= 0 {
		return b.calls[over].Add(window).Sub(now)
	}
	b.calls = append(b.calls, now)
	return 0
}

// block stops all calls for the time that a 429 asks for, and returns it. A header that can't be
// read means the whole window; a longer time is cut to it, because the refusal lasts no longer.
func (b *budget) block(now time.Time, retryAfter string) time.Duration {
	wait := min(max(parseRetryAfter(now, retryAfter), time.Second), window)
	b.mu.Lock()
	defer b.mu.Unlock()
	if until := now.Add(wait); until.After(b.blocked) {
		b.blocked = until
	}
	return wait
}

// parseRetryAfter reads seconds or an HTTP date (RFC 9110 section 10.2.3).
func parseRetryAfter(now time.Time, text string) time.Duration {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(now)
	}
	return window
}

// heed reads the Ratelimit and Ratelimit-Policy headers, which count everybody's calls as the same
// user: the dashboard's, Terraform's. When only the share for switches is left at the server, other
// calls wait until its window ends.
func (b *budget) heed(now time.Time, h http.Header) {
	quotas := map[string]int{}
	for _, item := range parseItems(h.Values("Ratelimit-Policy")) {
		quotas[item.name] = item.params["q"]
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, item := range parseItems(h.Values("Ratelimit")) {
		left, hasLeft := item.params["r"]
		reset, hasReset := item.params["t"]
		if !hasLeft || !hasReset {
			continue
		}
		quota := quotas[item.name]
		if quota == 0 {
			quota = b.limit
		}
		until := now.Add(min(time.Duration(reset)*time.Second, window))
		if left*100 <= quota*urgentShare && until.After(b.scarce) {
			b.scarce = until
		}
		if left == 0 && until.After(b.blocked) {
			b.blocked = until
		}
	}
}

// limitItem is one member of a rate-limit header, such as `"default";r=50;t=30`.
type limitItem struct {
	name   string
	params map[string]int
}

// parseItems reads what it understands and skips the rest; a header must never stop a call.
func parseItems(headers []string) []limitItem {
	var items []limitItem
	for member := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(member), ";")
		item := limitItem{name: strings.Trim(name, `"`), params: map[string]int{}}
		for param := range strings.SplitSeq(params, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
			if n, err := strconv.ParseUint(value, 10, 31); err == nil {
				item.params[key] = int(n)
			}
		}
		items = append(items, item)
	}
	return items
}
