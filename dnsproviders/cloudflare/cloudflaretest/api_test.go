package cloudflaretest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const zone = "example.org"

// caller makes calls to an API in this process.
type caller struct {
	t   *testing.T
	api *cloudflaretest.API
	id  string // of the zone
}

type result struct {
	Result     json.RawMessage
	Success    bool
	Errors     []struct{ Code int }
	ResultInfo struct {
		Count, Page int
		TotalCount  int `json:"total_count"`
		TotalPages  int `json:"total_pages"`
	} `json:"result_info"`
}

func start(t *testing.T) caller {
	c := caller{t: t, api: cloudflaretest.New(cloudflaretest.Options{Zones: []string{zone}})}
	var zones []struct{ ID string }
	c.decode(c.call("GET", "/zones?name="+zone, "").Result, &zones)
	c.id = zones[0].ID
	return c
}

func (c caller) call(method, path, body string) result {
	c.t.Helper()
	r := httptest.NewRequest(method, cloudflaretest.Base+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+cloudflaretest.DefaultToken)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	c.api.ServeHTTP(w, r)
	var out result
	c.decode(w.Body.Bytes(), &out)
	return out
}

func (c caller) records(method, path, body string) result {
	c.t.Helper()
	return c.call(method, "/zones/"+c.id+"/dns_records"+path, body)
}

func (c caller) decode(raw []byte, v any) {
	c.t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		c.t.Fatalf("%v in %s", err, raw)
	}
}

// create makes a record and returns its id.
func (c caller) create(body string) string {
	c.t.Helper()
	r := c.records("POST", "", body)
	if !r.Success {
		c.t.Fatalf("%s: %v", body, r.Errors)
	}
	var rec cloudflaretest.Record
	c.decode(r.Result, &rec)
	return rec.ID
}

func TestValidation(t *testing.T) {
	c := start(t)
	c.create(`{"type":"A","name":"www","content":"192.0.2.1"}`)
	c.create(`{"type":"CNAME","name":"alias.example.org","content":"www.example.org"}`)
	for body, code := range map[string]int{
		`{"type":"A","name":"www.example.org","content":"192.0.2.1","ttl":120}`: 81058,
		`{"type":"CNAME","name":"www.example.org","content":"x.example.net"}`:   81053,
		`{"type":"AAAA","name":"alias","content":"2001:db8::1"}`:                81054,
		`{"type":"A","name":"a","content":"2001:db8::1"}`:                       9005,
		`{"type":"AAAA","name":"a","content":"192.0.2.1"}`:                      9006,
		`{"type":"CNAME","name":"a","content":"192.0.2.1"}`:                     9007,
		`{"type":"CNAME","name":"a","content":"a.example.org."}`:                9039,
		`{"type":"A","name":"a","content":"192.0.2.1","ttl":59}`:                9021,
		`{"type":"A","name":"a","content":"192.0.2.1","ttl":86401}`:             9021,
		`{"type":"TXT","name":"a","content":"\"x\"","proxied":true}`:            9004,
		`{"type":"MX","name":"a","content":"mail.example.org"}`:                 9100,
		`{"type":"HTTPS","name":"a","content":"1 . alpn=h2"}`:                   9101,
		`{"type":"BOGUS","name":"a","content":"x"}`:                             1004,
		`{"type":"A","name":"a..b","content":"192.0.2.1"}`:                      9000,
		`{"type":"A","name":"a","content":"192.0.2.1","ttl":"soon"}`:            9207,
		`not JSON`: 9207,
	} {
		if r := c.records("POST", "", body); r.Success || len(r.Errors) != 1 || r.Errors[0].Code != code {
			t.Errorf("%s: %+v, want code %d", body, r.Errors, code)
		}
	}
	if n := len(c.api.Records(zone)); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}

func TestPatchKeepsAndPutResets(t *testing.T) {
	c := start(t)
	id := c.create(`{"type":"A","name":"@","content":"192.0.2.1","proxied":true,"ttl":600,"comment":"kept","tags":["a:b"],"settings":{"ipv4_only":true}}`)
	c.records("PATCH", "/"+id, `{"content":"198.51.100.7"}`)
	want := `"content":"198.51.100.7","proxiable":true,"proxied":true,"ttl":1,"settings":{"ipv4_only":true}`
	if got := c.api.Records(zone)[0].String(); !strings.Contains(got, want) || !strings.Contains(got, `"comment":"kept","tags":["a:b"]`) {
		t.Errorf("patched: %s", got)
	}
	c.records("PUT", "/"+id, `{"type":"A","name":"example.org","content":"198.51.100.7"}`)
	if r := c.api.Records(zone)[0]; r.ID != id || r.Proxied || r.Comment != nil || len(r.Tags) != 0 || string(r.Settings) != "{}" {
		t.Errorf("overwritten: %s", r)
	}
	if got := c.api.Versions(zone)[1].Records[0]; got.Comment == nil || got.Content != "192.0.2.1" {
		t.Errorf("an older version changed: %s", got)
	}
}

func TestBatchIsOneTransactionInOrder(t *testing.T) {
	c := start(t)
	a := c.create(`{"type":"A","name":"www","content":"192.0.2.1"}`)
	b := c.create(`{"type":"A","name":"www","content":"192.0.2.2"}`)
	before := len(c.api.Versions(zone))
	bad := c.records("POST", "/batch", fmt.Sprintf(`{"deletes":[{"id":%q}],"patches":[{"id":%q,"content":"nonsense"}]}`, a, b))
	if bad.Success || bad.Errors[0].Code != 9005 || len(c.api.Versions(zone)) != before {
		t.Errorf("a batch that fails in part: %+v", bad)
	}
	// Deletes come first, or the CNAME would be refused.
	good := c.records("POST", "/batch", fmt.Sprintf(`{"posts":[{"type":"CNAME","name":"www","content":"x.example.net"}],"deletes":[{"id":%q},{"id":%q}]}`, a, b))
	if !good.Success || len(c.api.Records(zone)) != 1 || len(c.api.Versions(zone)) != before+1 {
		t.Errorf("%+v, records %v", good, c.api.Records(zone))
	}
	var items []string
	for i := range 201 {
		items = append(items, fmt.Sprintf(`{"type":"A","name":"h%d","content":"192.0.2.1"}`, i))
	}
	if r := c.records("POST", "/batch", `{"posts":[`+strings.Join(items, ",")+`]}`); r.Success {
		t.Error("201 records in one batch")
	}
}

func TestHalfABatch(t *testing.T) {
	c := start(t)
	var ids []string
	for i := range 3 {
		ids = append(ids, c.create(fmt.Sprintf(`{"type":"A","name":"h%d","content":"192.0.2.1"}`, i)))
	}
	c.api.Fail(cloudflaretest.Fault{Kind: cloudflaretest.Refuse, Status: 500, Half: true, Op: "POST /zones/*/dns_records/batch"})
	body := fmt.Sprintf(`{"deletes":[{"id":%q}],"patches":[{"id":%q,"content":"192.0.2.2"},{"id":%q,"content":"192.0.2.3"}],
		"posts":[{"type":"A","name":"h3","content":"192.0.2.1"}]}`, ids[0], ids[1], ids[2])
	if r := c.records("POST", "/batch", body); r.Success || len(r.Errors) != 1 {
		t.Errorf("%+v, want an error", r)
	}
	now := c.api.Records(zone)
	if len(now) != 2 || now[0].Content != "192.0.2.2" || now[1].Content != "192.0.2.1" {
		t.Errorf("records %v, want one deleted, one changed, and the rest as it was", now)
	}
}

func TestListFilters(t *testing.T) {
	c := start(t)
	for i := range 5 {
		c.create(fmt.Sprintf(`{"type":"A","name":"h%d","content":"192.0.2.%d","comment":"number %d"}`, i, i, i))
	}
	c.create(`{"type":"TXT","name":"h0","content":"\"Token\""}`)
	for query, want := range map[string]int{
		"": 6, "?name=h0.example.org": 2, "?name=H0.example.org.": 2, "?name.exact=h0.example.org&type=A": 1, "?name.exact=h0": 0,
		"?content.contains=token": 1, "?content.exact=192.0.2.3": 1, "?name.startswith=h": 6, "?comment.absent": 1,
		"?comment=number+2": 1, "?proxied=true": 0, "?match=any&type=TXT&content=192.0.2.1": 2, "?per_page=4": 6, "?unknown=1": 6,
	} {
		if r := c.records("GET", query, ""); !r.Success || r.ResultInfo.TotalCount != want {
			t.Errorf("%q: %d, want %d (%v)", query, r.ResultInfo.TotalCount, want, r.Errors)
		}
	}
	page := c.records("GET", "?per_page=4&page=2&order=name&direction=desc", "")
	var part []cloudflaretest.Record
	c.decode(page.Result, &part)
	if len(part) != 2 || page.ResultInfo.TotalPages != 2 || part[1].Name != "h0.example.org" {
		t.Errorf("page 2: %v, %+v", part, page.ResultInfo)
	}
	if r := c.records("GET", "?per_page=0", ""); r.Success {
		t.Error("a page of nothing")
	}
}

func TestCheckers(t *testing.T) {
	c := start(t)
	id := c.create(`{"type":"A","name":"www","content":"192.0.2.1"}`)
	other := c.create(`{"type":"MX","name":"@","content":"mail.example.org","priority":10}`)
	since := len(c.api.Versions(zone)) - 1
	declared := func(name, rrtype string) bool { return name == "www.example.org" && rrtype == "A" }
	c.records("PATCH", "/"+id, `{"content":"198.51.100.7"}`)
	if c.api.NeverEmpty(zone, since, "www.example.org") != nil || c.api.Untouched(zone, since, declared) != nil {
		t.Error("a change of what is declared is reported")
	}
	c.records("DELETE", "/"+id, "{}")
	c.create(`{"type":"A","name":"www","content":"192.0.2.1"}`)
	if err := c.api.NeverEmpty(zone, since, "www.example.org"); err == nil || !strings.Contains(err.Error(), "by DELETE") {
		t.Errorf("a name that was empty for a moment: %v", err)
	}
	c.records("PATCH", "/"+other, `{"comment":"x"}`)
	c.records("PATCH", "/"+other, `{"comment":""}`)
	if err := c.api.Untouched(zone, since, declared); err == nil {
		t.Error("a comment that came and went is not reported")
	}
}

func TestControl(t *testing.T) {
	s, err := cloudflaretest.NewServer(cloudflaretest.Options{Zones: []string{zone}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	transport := (&http.Transport{TLSClientConfig: tlsConfig(s.Roots)})
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	door := strings.TrimSuffix(s.URL, cloudflaretest.Base) + "/_test"
	do := func(method, path, body string, want int) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, door+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, text, err)
		}
		return string(bytes.TrimSpace(text))
	}
	do("PUT", "/zones/example.org/records", `[{"name":"www","type":"A","content":"192.0.2.1"},{"name":"a","type":"A","content":"192.0.2.1"}]`, 200)
	do("PUT", "/zones/example.org/sets/A/a.example.org", `[]`, 200)
	if got := do("GET", "/zones/example.org/records", "", 200); !strings.Contains(got, `"name":"www.example.org"`) || strings.Contains(got, `"a.example.org"`) {
		t.Errorf("records: %s", got)
	}
	do("POST", "/faults", `[{"kind":"html","op":"GET /zones"}]`, 200)
	if got := do("GET", "/faults", "", 200); !strings.Contains(got, `"kind":"html"`) {
		t.Errorf("faults: %s", got)
	}
	do("DELETE", "/faults", "", 200)
	do("PUT", "/behaviour", `{"staleReads":1}`, 200)
	do("PUT", "/behaviour", `{"staleRead":1}`, 400)
	do("PUT", "/zones/example.com/records", `[]`, 400)
	if got := do("GET", "/faults", "", 200); got != "[]" {
		t.Errorf("healed: %s", got)
	}
	var versions []cloudflaretest.Version
	if err := json.Unmarshal([]byte(do("GET", "/zones/example.org/versions", "", 200)), &versions); err != nil || len(versions) != 3 {
		t.Errorf("%d versions, %v", len(versions), err)
	}
	if got := do("GET", "/log", "", 200); got != "null" {
		t.Errorf("the doors are in the log: %s", got)
	}
}

func TestRouteErrors(t *testing.T) {
	c := start(t)
	for _, r := range []result{c.call("GET", "/nothing", ""), c.call("GET", "/zones/0/dns_records", ""), c.records("GET", "/0", ""),
		c.records("PATCH", "/0", `{}`), c.records("POST", "/scan", `{}`), c.records("DELETE", "/0", "")} {
		if r.Success || len(r.Errors) == 0 {
			t.Errorf("%+v, want an error", r)
		}
	}
	if log := c.api.Log(); len(log) != 7 || !slices.ContainsFunc(log, func(e cloudflaretest.Exchange) bool { return e.Status == 404 }) {
		t.Errorf("%d exchanges in the log", len(log))
	}
}
