package cloudflare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libdns/libdns"
	"go.uber.org/goleak"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/failover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		o    Options
		says string
	}{
		{Options{}, "Zone / DNS / Edit"},
		{Options{Token: "a b"}, "a blank"},
		{Options{Token: token + "\n"}, "line break"},
		{Options{Token: token, ACMEToken: "x\x00"}, "ACME token"},
		{Options{Token: token, Endpoint: "http://api.example.net/client/v4"}, "not an https URL"},
		{Options{Token: token, Endpoint: "api.cloudflare.com"}, "not an https URL"},
		{Options{Token: token, Endpoint: "https://[::1"}, "endpoint"},
		{Options{Token: token, Budget: 5000}, "give 1 to 1200"},
	} {
		_, err := Open(c.o)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), token) {
			t.Errorf("%v: %v, want it to say %q", c.o, err, c.says)
		}
	}
	for _, endpoint := range []string{"", "https://127.0.0.1:1/client/v4", "http://[::1]:80/x/", "http://localhost/client/v4"} {
		if _, err := Open(Options{Token: token, Endpoint: endpoint}); err != nil {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func TestZoneMustBeDeclared(t *testing.T) {
	p, _ := open(t)
	if _, err := p.Zone("example.com"); err == nil || !strings.Contains(err.Error(), "zones") {
		t.Errorf("an undeclared zone: %v", err)
	}
	if z, err := p.Zone("Example.ORG"); err != nil || z.Abilities().MinTTL != 60 {
		t.Errorf("a declared zone in another spelling: %v", err)
	}
}

func TestTokensNeverPrint(t *testing.T) {
	o := Options{Token: token, ACMEToken: "acme-" + token, Zones: []string{plain}}
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("options", "o", o, "p", p)
	asJSON, _ := json.Marshal(o)
	for _, text := range []string{fmt.Sprint(o, p), fmt.Sprintf("%+v %#v %s %q", o, o, o, o), fmt.Sprintf("%+v %#v", p, p),
		fmt.Sprintf("%+v %#v", p.client, p.client), fmt.Sprintf("%+v", p.ACME()), string(asJSON), log.String()} {
		if strings.Contains(text, token) {
			t.Errorf("a token in %s", text)
		}
	}
}

// echo answers with whatever it was sent, as a broken proxy might.
type echo struct{ fail bool }

func (e echo) RoundTrip(r *http.Request) (*http.Response, error) {
	if e.fail {
		return nil, errors.New("proxy refused: " + r.Header.Get("Authorization"))
	}
	body := `{"success":false,"errors":[{"code":9999,"message":"bad header ` + r.Header.Get("Authorization") + `"}],"messages":[],"result":null}`
	return &http.Response{StatusCode: 400, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func TestTokensAreCutOutOfEchoes(t *testing.T) {
	for _, e := range []echo{{false}, {true}} {
		p, err := Open(Options{Token: token, Zones: []string{plain}})
		if err != nil {
			t.Fatal(err)
		}
		p.client.http.Transport = e
		_, err = zoneOf(t, p).Read(t.Context(), []string{apex})
		if err == nil || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "(secret)") {
			t.Errorf("%v, want it without the token", err)
		}
	}
}

func TestVerify(t *testing.T) {
	tokens := []cloudflaretest.Token{{Value: token}, {Value: "read-only", ReadOnly: true}, {Value: "expired", Status: "expired"},
		{Value: "elsewhere", Zones: []string{"example.com"}}, {Value: "ending", ExpiresOn: time.Now().Add(time.Hour)}}
	for _, c := range []struct{ token, acme, says, logs string }{
		{token, "", "", ""},
		{token, "ending", "", "expires soon"},
		{"unknown", "", "Zone / DNS / Edit", ""},
		{"read-only", "", "may not edit", ""},
		{"expired", "", "expired", ""},
		{"elsewhere", "", "sees 0 zones named example.org", ""},
		{token, "read-only", "the ACME token", ""},
	} {
		t.Run(c.token+" "+c.acme, func(t *testing.T) {
			var log bytes.Buffer
			p, api := open(t, func(o *Options, s *cloudflaretest.Options) {
				o.Token, o.ACMEToken, s.Tokens = c.token, c.acme, tokens
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
			})
			err := p.Verify(t.Context())
			if c.says == "" && err != nil || c.says != "" && (failover.KindOf(err) != failover.KindUnauthorized || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if !strings.Contains(log.String(), c.logs) {
				t.Errorf("log %q, want %q", &log, c.logs)
			}
			if len(api.Versions(plain)) != 1 {
				t.Error("the zone was written")
			}
		})
	}
}

func TestVerifyTakesAnAccountsToken(t *testing.T) {
	p, api := open(t)
	api.Fail(cloudflaretest.Fault{Kind: cloudflaretest.Refuse, Op: "GET /user/tokens/verify", Status: 401, Code: 1000, Times: -1})
	if err := p.Verify(t.Context()); err != nil {
		t.Errorf("%v, want no error: it sees the zone and its records", err)
	}
}

func TestACMERecords(t *testing.T) {
	for _, separate := range []string{"", "acme-canary"} {
		p, api := open(t, func(o *Options, s *cloudflaretest.Options) {
			o.ACMEToken = separate
			s.Tokens = append(s.Tokens, cloudflaretest.Token{Value: "acme-canary"})
		})
		if err := api.Load(plain, originals()...); err != nil {
			t.Fatal(err)
		}
		before := bareForms(api.Records(plain))
		challenge := []libdns.Record{libdns.TXT{Name: "_acme-challenge.www", Text: "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"}}
		if _, err := p.ACME().AppendRecords(t.Context(), apex, challenge); err != nil {
			t.Fatal(err)
		}
		if !holds(t, api, `"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"`) {
			t.Error("no TXT record")
		}
		if _, err := p.ACME().DeleteRecords(t.Context(), apex, challenge); err != nil {
			t.Fatal(err)
		}
		for _, e := range api.Log() {
			if e.Method == http.MethodDelete && e.RequestBody != "{}" {
				t.Errorf("a DELETE with the body %q, which the API's description does not allow", e.RequestBody)
			}
		}
		if after := bareForms(api.Records(plain)); strings.Join(after, "\n") != strings.Join(before, "\n") {
			t.Errorf("after\n%s", strings.Join(after, "\n"))
		}
	}
}

func TestACMEFaultsAreSorted(t *testing.T) {
	challenge := []libdns.Record{libdns.TXT{Name: "_acme-challenge", Text: "x"}}
	create := "POST /zones/*/dns_records"
	for _, c := range []struct {
		name  string
		fault cloudflaretest.Fault
		want  failover.ErrorKind
	}{
		{"proxy's page", cloudflaretest.Fault{Kind: cloudflaretest.HTML, Op: create}, failover.KindLost},
		{"rate limit", cloudflaretest.Fault{Kind: cloudflaretest.RateLimit, Op: create, RetryAfter: "7"}, failover.KindRateLimited},
		{"slow", cloudflaretest.Fault{Kind: cloudflaretest.Slow, Op: create, Delay: time.Minute}, failover.KindLost},
		{"read fails once", cloudflaretest.Fault{Kind: cloudflaretest.HTML, Op: "GET *"}, ""},
		{"forbidden", cloudflaretest.Fault{Kind: cloudflaretest.Refuse, Op: create, Status: 403, Code: 10000}, failover.KindUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := seeded(t)
				p := within(t, api, t.Output())
				api.Fail(c.fault)
				_, err := p.ACME().AppendRecords(t.Context(), apex, challenge)
				if failover.KindOf(err) != c.want || err != nil && strings.Contains(err.Error(), token) {
					t.Errorf("%v, want kind %q", err, c.want)
				}
				if c.want == failover.KindRateLimited {
					if _, err := zoneOf(t, p).Read(urgent(t), []string{www}); failover.KindOf(err) != failover.KindRateLimited {
						t.Errorf("the limit is the user's, so all calls wait: %v", err)
					}
				}
			})
		})
	}
	if _, err := (acmeClient{}).Do(&http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: "example.net"}}); err == nil {
		t.Error("the token would go to another host")
	}
}
