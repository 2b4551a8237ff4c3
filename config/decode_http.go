package config

import (
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/failover-dns/failover/failover"
)

var methodPattern = regexp.MustCompile(`^[A-Z]+$`)

// http reads what an HTTP or HTTPS check asks for and expects.
func (b body) http(c *failover.Check, hosts []failover.Host) {
	c.Host = b.host("host", hosts)
	c.Path = b.requestPath()
	c.Method = b.method()
	c.Header = b.header()
	c.Status = b.statuses()
	c.FollowRedirects = b.boolean("follow_redirects", false)
	if t, given := b.text("body"); given {
		c.Body = t.value
		if _, err := regexp.Compile(t.value); err != nil {
			b.complain(t.at, "write a regular expression in RE2 syntax; in HCL a backslash is written twice", "%s: body: %v", b.title, err)
		}
		if c.Method == "HEAD" && t.value != "" {
			b.complain(t.at, `method = "GET"`, "%s: body and method = \"HEAD\" contradict each other: the answer to HEAD has no body", b.title)
		}
	}
}

func (b body) requestPath() string {
	t, given := b.text("path")
	if !given {
		return "/"
	}
	u, err := url.ParseRequestURI(t.value)
	if err != nil || !strings.HasPrefix(t.value, "/") || u.Host != "" || strings.Contains(t.value, "#") {
		b.complain(t.at, `path = "/healthz"`, "%s: path: %q is not a path that begins with /", b.title, t.value)
	}
	return t.value
}

func (b body) method() string {
	t, given := b.text("method")
	if !given {
		return "GET"
	}
	if !methodPattern.MatchString(t.value) {
		b.complain(t.at, `method = "GET"`, "%s: method: %q is not an HTTP method in capital letters", b.title, t.value)
	}
	return t.value
}

// header reads own request headers. Values may be secret, so no message says one.
func (b body) header() map[string]string {
	v, attr, ok := b.value("headers")
	if !ok {
		return nil
	}
	at := attr.Expr.Range()
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		b.wrongType(at, "headers", "a map", v, `{ "X-Probe" = "failover" }`)
		return nil
	}
	out := map[string]string{}
	for name, value := range v.AsValueMap() {
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			b.complain(at, `headers = { "X-Probe" = "failover" }`, "%s: headers: %q is not the name of a header", b.title, name)
		case strings.EqualFold(name, "Host"):
			b.complain(at, `host = "www.example.org"`, "%s: headers: Host is set by the attribute host", b.title)
		case value.IsNull() || kindOf(value) != "a text" || !httpguts.ValidHeaderFieldValue(value.AsString()):
			b.complain(at, `headers = { "X-Probe" = "failover" }`, "%s: headers: the value of %s must be one line of text", b.title, name)
		default:
			out[name] = value.AsString()
		}
	}
	return out
}
