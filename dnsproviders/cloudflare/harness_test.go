package cloudflare

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

const (
	token = "canary-token-1f4e8a"
	apex  = "example.org."
	plain = "example.org"
)

// open starts a test server over TLS and a provider that talks to it.
func open(t *testing.T, change ...func(*Options, *cloudflaretest.Options)) (*Provider, *cloudflaretest.API) {
	t.Helper()
	server := cloudflaretest.Options{Zones: []string{plain}, Tokens: []cloudflaretest.Token{{Value: token}}}
	o := Options{Token: token, Zones: []string{apex}}
	for _, f := range change {
		f(&o, &server)
	}
	s, err := cloudflaretest.NewServer(server)
	if err != nil {
		t.Fatal(err)
	}
	o.Endpoint, o.Roots = s.URL, s.Roots
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, s.API
}

// zoneOf opens the zone of all tests.
func zoneOf(t *testing.T, p *Provider) failover.Zone {
	t.Helper()
	z, err := p.Zone(apex)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// within makes a provider whose calls never leave the process, for tests under fake time.
func within(t *testing.T, api *cloudflaretest.API, log io.Writer) *Provider {
	t.Helper()
	p, err := Open(Options{Token: token, Zones: []string{apex}, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	p.client.http.Transport = handlerTransport{api}
	return p
}

// handlerTransport is a connection to a handler.
type handlerTransport struct{ handler http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	aborted := make(chan bool, 1)
	go func() {
		defer func() { aborted <- recover() != nil }()
		h.handler.ServeHTTP(w, r)
	}()
	select {
	case broken := <-aborted:
		if broken {
			return nil, io.ErrUnexpectedEOF
		}
		return w.Result(), nil
	case <-r.Context().Done():
		<-aborted
		return nil, r.Context().Err()
	}
}

// recordsOf turns a set into records for the test server.
func recordsOf(s failover.RecordSet) []cloudflaretest.Record {
	var out []cloudflaretest.Record
	for _, v := range s.Values() {
		r := cloudflaretest.Record{Name: bare(s.Name), Type: s.Type, Content: v, TTL: float64(s.TTL), Proxied: s.Proxied}
		switch s.Type {
		case "CNAME":
			r.Content = bare(v)
		case "MX":
			priority, host, _ := strings.Cut(v, " ")
			n, _ := strconv.ParseFloat(priority, 64)
			r.Priority, r.Content = &n, bare(host)
		}
		out = append(out, r)
	}
	return out
}

// setsOf reads the server's records as Read would.
func setsOf(records []cloudflaretest.Record) ([]failover.RecordSet, error) {
	var all []record
	for _, r := range records {
		raw, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		parsed, err := parseRecord(raw)
		if err != nil {
			return nil, err
		}
		all = append(all, parsed)
	}
	return recordSets(all), nil
}

func TestConformance(t *testing.T) {
	for name, behaviour := range map[string]cloudflaretest.Behaviour{
		"as documented": {}, "final dots": {FinalDots: true},
	} {
		t.Run(name, func(t *testing.T) {
			zonetest.Run(t, zonetest.Harness{Open: func(t *testing.T, zone string, seed []failover.RecordSet) zonetest.Backend {
				p, api := open(t)
				api.Behave(behaviour)
				put := func(s failover.RecordSet) error { return api.Put(zone, bare(s.Name), s.Type, recordsOf(s)...) }
				for _, s := range seed {
					if err := put(s); err != nil {
						t.Fatal(err)
					}
				}
				return zonetest.Backend{Zone: zoneOf(t, p), Put: put,
					Dump: func() ([]failover.RecordSet, error) { return setsOf(api.Records(zone)) }}
			}})
		})
	}
}

// urgent is the context of a switch.
func urgent(t *testing.T) context.Context { return failover.Urgent(t.Context()) }

// batches returns the batch calls that reached the API.
func batches(api *cloudflaretest.API) []cloudflaretest.Exchange {
	return slices.DeleteFunc(api.Log(), func(e cloudflaretest.Exchange) bool { return e.Method != http.MethodPost })
}
