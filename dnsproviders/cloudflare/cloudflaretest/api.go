package cloudflaretest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Base is the path under which the API answers.
const Base = "/client/v4"

// DefaultToken is the token of an API that was given none.
const DefaultToken = "cloudflaretest-token"

// Token is an API token.
type Token struct {
	Value     string
	ReadOnly  bool      // may not edit DNS records
	Zones     []string  // that it sees; empty: all
	Status    string    // active, disabled or expired; empty: active
	ExpiresOn time.Time // zero: never
}

// Exchange is one call and its answer.
type Exchange struct {
	At           time.Time   `json:"at"`
	Method       string      `json:"method"`
	URL          string      `json:"url"` // path and query
	RequestBody  string      `json:"request,omitempty"`
	Status       int         `json:"status"` // 0: the connection was closed instead of an answer
	Header       http.Header `json:"-"`      // of the answer
	ResponseBody string      `json:"response,omitempty"`
	Fault        string      `json:"fault,omitempty"` // the kind of the fault that was played, if any

	Request *http.Request `json:"-"` // its body is read already
}

// Options are what an API is made from.
type Options struct {
	Zones  []string // apexes
	Tokens []Token  // empty: DefaultToken, which may do everything
	Limit  int      // calls in 5 minutes before all are refused for 5 minutes; 0: 1,200
	MinTTL float64  // seconds; 0: 60
	// Observe is called after each exchange, from the goroutine that served it, so that a test can
	// check requests and answers against the API's description.
	Observe func(Exchange)
}

// API is the API, an http.Handler. It is safe for concurrent use.
type API struct {
	tokens  []Token
	observe func(Exchange)
	minTTL  float64
	edge    *edge

	mu        sync.Mutex
	zones     []*zone
	behaviour Behaviour
	faults    []*Fault
	rate      rate
	log       []Exchange
}

// New returns an API with empty zones.
func New(o Options) *API {
	a := &API{tokens: o.Tokens, observe: o.Observe, minTTL: o.MinTTL, edge: newEdge(), rate: rate{limit: o.Limit}}
	if len(a.tokens) == 0 {
		a.tokens = []Token{{Value: DefaultToken}}
	}
	if a.minTTL == 0 {
		a.minTTL = 60
	}
	if a.rate.limit == 0 {
		a.rate.limit = 1200
	}
	for _, name := range o.Zones {
		a.AddZone(name)
	}
	return a
}

// AddZone adds an empty zone.
func (a *API) AddZone(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now().UTC()
	a.zones = append(a.zones, &zone{id: newID(), name: strings.ToLower(strings.TrimSuffix(name, ".")), created: now,
		versions: []Version{{At: now, By: "new", Records: []Record{}}}})
}

// Log returns all exchanges so far.
func (a *API) Log() []Exchange {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.log)
}

// answer is what a call is answered with.
type answer struct {
	status int
	header http.Header
	body   []byte
	abort  bool // close the connection after what there is of the body
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	ex := Exchange{At: time.Now(), Method: r.Method, URL: r.URL.RequestURI(), RequestBody: string(body), Request: r}
	fault := a.nextFault(r)
	if fault.Delay > 0 && !wait(r, fault.Delay) {
		panic(http.ErrAbortHandler) // the caller gave up before anything was done
	}
	out := a.play(fault, r, body)
	ex.Status, ex.Header, ex.ResponseBody, ex.Fault = out.status, out.header, string(out.body), fault.Kind
	a.mu.Lock()
	a.log = append(a.log, ex)
	a.mu.Unlock()
	if a.observe != nil {
		a.observe(ex)
	}
	out.write(w)
}

func wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (out answer) write(w http.ResponseWriter) {
	if out.status == 0 {
		panic(http.ErrAbortHandler)
	}
	for key, values := range out.header {
		w.Header()[key] = values
	}
	w.WriteHeader(out.status)
	_, _ = w.Write(out.body) // a caller that has gone is no concern of ours
	if out.abort {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// reply is the envelope of every answer.
type reply struct {
	Result     any         `json:"result"`
	Success    bool        `json:"success"`
	Errors     []problem   `json:"errors"`
	Messages   []problem   `json:"messages"`
	ResultInfo *resultInfo `json:"result_info,omitempty"`
}

type resultInfo struct {
	Page       int `json:"page"`
	PerPage    int `json:"per_page"`
	Count      int `json:"count"`
	TotalCount int `json:"total_count"`
	TotalPages int `json:"total_pages"`
}

func success(result any, info *resultInfo) answer {
	return encode(http.StatusOK, reply{Result: result, Success: true, Errors: []problem{}, Messages: []problem{}, ResultInfo: info})
}

func failure(p *problem) answer {
	status := p.status
	if status == 0 {
		status = http.StatusBadRequest
	}
	return encode(status, reply{Errors: []problem{*p}, Messages: []problem{}})
}

func encode(status int, r reply) answer {
	return answer{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: marshal(r)}
}

// decode reads a body.
func decode[T any](body []byte) (T, *problem) {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return v, wrong(9207, "Request body is invalid.")
	}
	return v, nil
}
