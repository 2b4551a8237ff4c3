package lab

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
)

// Contract checks every call and its answer against the OpenAPI description of an API.
type Contract struct {
	router routers.Router

	mu      sync.Mutex
	checked int
	broken  []string
}

// CloudflareContract reads a copy of Cloudflare's published OpenAPI description, which
// FAILOVER_CLOUDFLARE_OPENAPI names. Without one it checks nothing and says so.
func CloudflareContract(t testing.TB) *Contract {
	t.Helper()
	c := &Contract{}
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
	description.Servers = openapi3.Servers{{URL: cloudflaretest.Base}} // the test server is not at Cloudflare's address
	if c.router, err = legacy.NewRouter(description); err != nil {
		t.Fatalf("read %s: %v", file, err)
	}
	return c
}

// Observe checks one call and its answer.
func (c *Contract) Observe(e cloudflaretest.Exchange) {
	if c.router == nil {
		return
	}
	c.mu.Lock()
	c.checked++
	c.mu.Unlock()
	request := e.Request.Clone(e.Request.Context())
	request.Body = io.NopCloser(strings.NewReader(e.RequestBody))
	route, params, err := c.router.FindRoute(request)
	if err != nil {
		c.note("%s %s: %v", e.Method, e.URL, err)
		return
	}
	input := &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(request.Context(), input); err != nil {
		c.note("%s %s %s: %v", e.Method, e.URL, e.RequestBody, err)
	}
	if !strings.Contains(e.Header.Get("Content-Type"), "json") {
		return // what a proxy in front of the API says in HTML is in no contract
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: e.Status, Header: e.Header, Options: input.Options}
	answer.SetBodyBytes([]byte(e.ResponseBody))
	if err := openapi3filter.ValidateResponse(request.Context(), answer); err != nil {
		c.note("answer %d to %s %s: %v", e.Status, e.Method, e.URL, err)
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
