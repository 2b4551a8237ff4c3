package cloudflaretest

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kinds of Fault.
const (
	RateLimit = "rate-limit" // 429 with RetryAfter; with Block, everything after it too, for that time
	Refuse    = "refuse"     // Status and an error of the API with Code
	SoftError = "soft-error" // 200 with success false and an error with Code
	HTML      = "html"       // Status and a proxy's page
	Empty     = "empty"      // Status and nothing
	Truncate  = "truncate"   // the answer's first half, with a Content-Length to match
	Cut       = "cut"        // the answer's first half, then the connection is closed
	Drop      = "drop"       // the connection is closed without an answer
	Slow      = "slow"       // Delay alone
)

// Fault is something that goes wrong.
type Fault struct {
	Kind string `json:"kind"`
	// Op selects calls by method and path below Base, with the wildcards of path.Match, such as
	// "POST /zones/*/dns_records/batch" or "GET *"; empty selects all.
	Op         string        `json:"op,omitempty"`
	Skip       int           `json:"skip,omitempty"`    // calls to let pass first
	Times      int           `json:"times,omitempty"`   // calls to hit; 0: one; -1: all
	Applied    bool          `json:"applied,omitempty"` // the call is carried out before the fault strikes
	Half       bool          `json:"half,omitempty"`    // of a batch, the first half is; see firstHalf
	Status     int           `json:"status,omitempty"`
	Code       int           `json:"code,omitempty"`
	Message    string        `json:"message,omitempty"`
	RetryAfter string        `json:"retryAfter,omitempty"` // the header's text: seconds, a date, anything
	Block      time.Duration `json:"block,omitempty"`      // nanoseconds
	Delay      time.Duration `json:"delay,omitempty"`      // nanoseconds, before anything is done
}

// Behaviour is how the API is at all times.
type Behaviour struct {
	StaleReads int  `json:"staleReads"` // so many reads after a write still see what was before it
	FinalDots  bool `json:"finalDots"`  // names are shown with the final dot
}

// Behave sets how the API behaves from now on.
func (a *API) Behave(b Behaviour) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.behaviour = b
}

// Fail adds faults. Of several that fit a call the one added first strikes.
func (a *API) Fail(faults ...Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range faults {
		if f.Times == 0 {
			f.Times = 1
		}
		a.faults = append(a.faults, &f)
	}
}

// Heal removes all faults and the block of a rate limit.
func (a *API) Heal() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults, a.rate = nil, rate{limit: a.rate.limit}
}

// Faults returns the faults that are still to strike.
func (a *API) Faults() []Fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := []Fault{}
	for _, f := range a.faults {
		out = append(out, *f)
	}
	return out
}

// nextFault returns the fault that strikes this call, or one without kind.
func (a *API) nextFault(r *http.Request) Fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, f := range a.faults {
		if !f.fits(r) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times--; f.Times == 0 {
			a.faults = slices.Delete(a.faults, i, i+1)
		}
		return *f
	}
	return Fault{}
}

func (f *Fault) fits(r *http.Request) bool {
	method, pattern, _ := strings.Cut(f.Op, " ")
	if method != "" && method != r.Method {
		return false
	}
	if pattern == "" || pattern == "*" {
		return true
	}
	hit, err := path.Match(pattern, strings.TrimPrefix(r.URL.Path, Base))
	return err == nil && hit
}

// play carries a call out, with the fault that strikes it and under the rate limit.
func (a *API) play(f Fault, r *http.Request, body []byte) answer {
	if refused, header := a.count(f, time.Now()); refused {
		out := failure(&problem{Code: 10429, status: http.StatusTooManyRequests,
			Message: fmt.Sprintf("More than %d requests per 300 seconds reached. Please wait and consider throttling your request speed", a.rate.limit)})
		return out.with(header)
	} else if f.Half {
		a.carryOut(r, firstHalf(body)) // who called never hears of it
		return f.spoil(answer{}.with(header))
	} else if f.Kind == "" || f.Kind == Slow || f.Applied || f.Kind == Truncate || f.Kind == Cut {
		return f.spoil(a.carryOut(r, body).with(header))
	} else {
		return f.spoil(answer{}.with(header))
	}
}

// firstHalf is a batch without its second half, in the order in which a batch is carried out. The API
// itself is atomic; so is left what a provider that works record by record leaves when it stops.
func firstHalf(body []byte) []byte {
	b, p := decode[batchBody](body)
	if p != nil {
		return body
	}
	lists := [...]*[]fields{&b.Deletes, &b.Patches, &b.Puts, &b.Posts}
	left := 0
	for _, list := range lists {
		left += len(*list)
	}
	left /= 2
	for _, list := range lists {
		*list = (*list)[:min(left, len(*list))]
		left -= len(*list)
	}
	return marshal(b)
}

func (out answer) with(header http.Header) answer {
	if out.header == nil {
		out.header = http.Header{}
	}
	for key, values := range header {
		out.header[key] = values
	}
	return out
}

// spoil does to an answer what the fault wants.
func (f Fault) spoil(out answer) answer {
	p := &problem{Code: max(f.Code, 1000), Message: f.Message, status: f.Status}
	if p.Message == "" {
		p.Message = "Internal error"
	}
	switch f.Kind {
	case Refuse:
		return failure(p).with(out.header)
	case SoftError:
		p.status = http.StatusOK
		return failure(p).with(out.header)
	case HTML:
		page := "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad gateway</h1></body></html>"
		return answer{status: or(f.Status, http.StatusBadGateway), header: http.Header{"Content-Type": {"text/html; charset=UTF-8"}}, body: []byte(page)}
	case Empty:
		return answer{status: or(f.Status, http.StatusOK)}
	case Truncate:
		out.body = out.body[:len(out.body)/2]
	case Cut:
		out.header.Set("Content-Length", strconv.Itoa(len(out.body)))
		out.body, out.abort = out.body[:len(out.body)/2], true
	case Drop:
		return answer{}
	}
	return out
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// rate is the API's limit: so many calls in a window, then none for as long.
type rate struct {
	limit   int
	calls   int
	since   time.Time // start of the window
	blocked time.Time
}

const rateWindow = 5 * time.Minute

// count counts a call and tells whether it is refused, and the headers that go with the answer.
func (a *API) count(f Fault, now time.Time) (refused bool, header http.Header) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &a.rate
	if now.Sub(r.since) >= rateWindow {
		r.since, r.calls = now, 0
	}
	r.calls++
	retry := f.RetryAfter
	switch {
	case now.Before(r.blocked):
		refused, retry = true, seconds(r.blocked.Sub(now))
	case f.Kind == RateLimit:
		refused = true
		if f.Block > 0 {
			r.blocked = now.Add(f.Block)
		}
	case r.calls > r.limit:
		refused, retry, r.blocked = true, seconds(rateWindow), now.Add(rateWindow)
	}
	header = http.Header{
		"Ratelimit":        {fmt.Sprintf(`"default";r=%d;t=%s`, max(0, r.limit-r.calls), seconds(r.since.Add(rateWindow).Sub(now)))},
		"Ratelimit-Policy": {fmt.Sprintf(`"default";q=%d;w=300`, r.limit)},
	}
	if refused && retry != "" {
		header.Set("Retry-After", retry)
	}
	return refused, header
}

func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
