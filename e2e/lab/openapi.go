package lab

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// Contract checks every request and every reply of an API against its OpenAPI description.
type Contract struct {
	next   http.Handler
	router routers.Router

	mu      sync.Mutex
	checked int
	broken  []string
}

// CloudflareContract puts the check in front of a handler that serves /client/v4. Without a copy
// of Cloudflare's published OpenAPI description, which FAILOVER_CLOUDFLARE_OPENAPI names, it
// checks nothing and says so.
func CloudflareContract(t testing.TB, next http.Handler) *Contract {
	t.Helper()
	c := &Contract{next: next}
	file := os.Getenv("FAILOVER_CLOUDFLARE_OPENAPI")
	if file == "" {
		file = filepath.Join("..", "..", "shared", "cloudflare", "dns-openapi.yaml")
	}
	if _, err := os.Stat(file); err != nil {
		t.Log("requests and replies are not checked: no copy of Cloudflare's published OpenAPI description; FAILOVER_CLOUDFLARE_OPENAPI may name one")
		return c
	}
	description, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		t.Fatalf("read %s: %v", file, err)
	}
	description.Servers = openapi3.Servers{{URL: "/client/v4"}} // the test server is not at Cloudflare's address
	if c.router, err = legacy.NewRouter(description); err != nil {
		t.Fatalf("read %s: %v", file, err)
	}
	return c
}

func (c *Contract) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.router == nil {
		c.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	input, err := c.request(r, body)
	if err != nil {
		c.note("%s %s %s: %v", r.Method, r.URL, body, err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	reply := httptest.NewRecorder()
	c.next.ServeHTTP(reply, r)
	if input != nil {
		c.reply(input, reply)
	}
	for name, values := range reply.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(reply.Code)
	_, _ = w.Write(reply.Body.Bytes())
}

func (c *Contract) request(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	c.mu.Lock()
	c.checked++
	c.mu.Unlock()
	copied := r.Clone(r.Context())
	copied.Body = io.NopCloser(bytes.NewReader(body))
	route, params, err := c.router.FindRoute(copied)
	if err != nil {
		return nil, err
	}
	input := &openapi3filter.RequestValidationInput{Request: copied, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	return input, openapi3filter.ValidateRequest(r.Context(), input)
}

// reply checks an answer in JSON; what a proxy in front of the API says in HTML is in no contract.
func (c *Contract) reply(input *openapi3filter.RequestValidationInput, reply *httptest.ResponseRecorder) {
	if !strings.Contains(reply.Header().Get("Content-Type"), "json") {
		return
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: reply.Code, Header: reply.Header(), Options: input.Options}
	answer.SetBodyBytes(reply.Body.Bytes())
	if err := openapi3filter.ValidateResponse(input.Request.Context(), answer); err != nil {
		c.note("answer %d to %s %s: %v", reply.Code, input.Request.Method, input.Request.URL, err)
	}
}

func (c *Contract) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = append(c.broken, fmt.Sprintf(format, args...))
}

// Check fails the test for every request and reply that broke the contract.
func (c *Contract) Check(t testing.TB) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.broken {
		t.Error(b)
	}
	t.Logf("%d requests and their replies were checked against the OpenAPI description", c.checked)
}
