package cloudflare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/failover"
)

// large is a zone of n further names.
func large(n int) []cloudflaretest.Record {
	records := originals()
	for i := range n {
		records = append(records, cloudflaretest.Record{Name: fmt.Sprintf("h%d.example.org", i), Type: "A", Content: "192.0.2.1", TTL: 300})
	}
	return records
}

func TestReadMakesFewCalls(t *testing.T) {
	for _, zone := range []struct {
		records int
		calls   map[int]int // by number of names
	}{
		{20, map[int]int{1: 1, 2: 1, 20: 1}},
		{2500, map[int]int{1: 1, 2: 2, 5: 5, 6: 6, 2500: 6}},
	} {
		p, api := open(t)
		if err := api.Load(plain, large(zone.records)...); err != nil {
			t.Fatal(err)
		}
		z := zoneOf(t, p)
		for round := range 2 { // in the first one the zone's id and length are learnt
			for n, want := range zone.calls {
				var names []string
				for i := range n {
					names = append(names, fmt.Sprintf("h%d.example.org.", i))
				}
				before := len(api.Log())
				sets, err := z.Read(t.Context(), names)
				if err != nil || len(sets) != n {
					t.Fatalf("%d sets for %d names: %v", len(sets), n, err)
				}
				if calls := len(api.Log()) - before; calls > want+2 || round > 0 && calls != want {
					t.Errorf("%d calls for %d names of %d records, want %d", calls, n, zone.records, want)
				}
			}
		}
	}
}

// pages answers every listing with the same page.
type pages struct {
	zone, list string
}

func (p pages) RoundTrip(r *http.Request) (*http.Response, error) {
	body := p.list
	if strings.HasSuffix(r.URL.Path, "/zones") {
		body = p.zone
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func TestDoubtfulListingsAreNoListings(t *testing.T) {
	one := `{"id":"a","name":"www.example.org","type":"A","content":"192.0.2.1","ttl":60}`
	for name, list := range map[string]string{
		"fewer than announced": `{"success":true,"result":[` + one + `],"result_info":{"total_count":2}}`,
		"more than announced":  `{"success":true,"result":[` + one + `],"result_info":{"total_count":0}}`,
		"none of one":          `{"success":true,"result":[],"result_info":{"total_count":1}}`,
		"no result":            `{"success":true}`,
		"null":                 `{"success":true,"result":null}`,
		"another shape":        `{"success":true,"result":{"id":"a"}}`,
		"no success":           `{"result":[]}`,
		"record without id":    `{"success":true,"result":[{"name":"www.example.org","type":"A","content":"192.0.2.1","ttl":60}]}`,
		"record of nulls":      `{"success":true,"result":[null]}`,
		"absurd TTL":           `{"success":true,"result":[` + strings.Replace(one, "60", "1e300", 1) + `]}`,
		"trailing text":        `{"success":true,"result":[` + one + `]} and so on`,
		"endless":              `{"success":true,"result":[` + one + strings.Repeat(","+one, pageSize-1) + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := within(t, nil, t.Output())
				p.client.http.Transport = pages{`{"success":true,"result":[{"id":"z","name":"example.org","status":"active"}]}`, list}
				sets, err := zoneOf(t, p).Read(urgent(t), []string{www})
				if failover.KindOf(err) != failover.KindUnavailable {
					t.Errorf("%v, %v; want unavailable", sets, err)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p := within(t, nil, t.Output())
		p.client.http.Transport = pages{`{"success":true,"result":[{"id":"z","name":"example.org."}]}`, `{"success":true,"result":[` + one + `]}`}
		if sets, err := zoneOf(t, p).Read(urgent(t), []string{www}); err != nil || len(sets) != 1 {
			t.Errorf("without result_info: %v, %v", sets, err)
		}
	})
}

func TestZoneLookup(t *testing.T) {
	for _, c := range []struct {
		name, zones string
		ok          bool
	}{
		{"none", `[]`, false},
		{"another", `[{"id":"z","name":"notexample.org"}]`, false},
		{"two active", `[{"id":"y","name":"example.org","status":"active"},{"id":"z","name":"example.org","status":"active"}]`, false},
		{"one moved", `[{"id":"y","name":"example.org","status":"moved"},{"id":"z","name":"example.org","status":"active"}]`, true},
		{"pending", `[{"id":"z","name":"example.org","status":"pending"}]`, true},
	} {
		p := within(t, nil, t.Output())
		p.client.http.Transport = pages{`{"success":true,"result":` + c.zones + `}`, `{"success":true,"result":[]}`}
		_, err := zoneOf(t, p).Read(t.Context(), []string{www})
		if c.ok != (err == nil) || !c.ok && failover.KindOf(err) != failover.KindUnauthorized {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAForgottenZoneIsLookedUpAgain(t *testing.T) {
	p, api := open(t)
	z := zoneOf(t, p)
	if _, err := z.Read(t.Context(), []string{www}); err != nil {
		t.Fatal(err)
	}
	api.Fail(cloudflaretest.Fault{Kind: cloudflaretest.Refuse, Op: lists, Status: 404, Code: 7003})
	if _, err := z.Read(t.Context(), []string{www}); failover.KindOf(err) != failover.KindRejected {
		t.Errorf("a zone that is gone: %v", err)
	}
	if _, err := z.Read(t.Context(), []string{www}); err != nil {
		t.Error(err)
	}
	lookups := slices.DeleteFunc(api.Log(), func(e cloudflaretest.Exchange) bool { return strings.Contains(e.URL, "dns_records") })
	if len(lookups) != 2 {
		t.Errorf("%d look-ups, want 2", len(lookups))
	}
}

func TestReadOnlyRecordsAreRefusedBeforeWriting(t *testing.T) {
	p, api := open(t)
	worker := cloudflaretest.Record{Name: "www", Type: "AAAA", Content: "100::", Proxied: true, Meta: map[string]any{"read_only": true, "origin_worker_id": "w"}}
	if err := errors.Join(api.Load(plain, originals()...), api.Put(plain, "www.example.org", "AAAA", worker)); err != nil {
		t.Fatal(err)
	}
	z := zoneOf(t, p)
	plan := away(t, z)
	for _, s := range plan.Before {
		if s.Locked != (s.Type == "AAAA") {
			t.Errorf("%s: locked = %v", s, s.Locked)
		}
	}
	if err := z.Replace(urgent(t), plan); failover.KindOf(err) != failover.KindReadOnly {
		t.Errorf("replace: %v", err)
	}
	kept := plan // a plan that leaves the record alone may go on
	kept.After = failover.SortSets(append(failover.CloneSets(plan.After), plan.Before[1]))
	if err := z.Replace(urgent(t), kept); err != nil {
		t.Errorf("a plan that does not touch it: %v", err)
	}
	if n := len(batches(api)); n != 1 {
		t.Errorf("%d batches, want 1", n)
	}
}

func TestImpossiblePlansAreRefusedBeforeAnyCall(t *testing.T) {
	many := make([]string, maxBatch+1)
	for i := range many {
		many[i] = fmt.Sprintf("198.51.%d.%d", i/250, i%250)
	}
	for name, change := range map[string]func(*failover.Plan){
		"empty name":     func(p *failover.Plan) { p.After = nil },
		"empty set":      func(p *failover.Plan) { p.After = []failover.RecordSet{{Name: www, Type: "A", TTL: 60}} },
		"HTTPS alone":    func(p *failover.Plan) { p.After = p.Before[1:] },
		"foreign type":   func(p *failover.Plan) { p.After = append(p.After, failover.RecordSet{Name: www, Type: "MX"}) },
		"foreign name":   func(p *failover.Plan) { p.After = append(p.After, address("a.example.org.", 60, "192.0.2.1")) },
		"value twice":    func(p *failover.Plan) { p.After[0] = address(www, 60, "192.0.2.1", "192.0.2.1") },
		"set twice":      func(p *failover.Plan) { p.After = append(p.After, p.After[0]) },
		"another zone":   func(p *failover.Plan) { p.Zone = "example.net." },
		"bad binding":    func(p *failover.Plan) { s := p.After[0]; s.Type = "HTTPS"; p.After = append(p.After, s) },
		"too many":       func(p *failover.Plan) { p.After[0] = address(www, 60, many...) },
		"name elsewhere": func(p *failover.Plan) { p.Names = []string{"www.example.com."}; p.After[0].Name = "www.example.com." },
	} {
		t.Run(name, func(t *testing.T) {
			p, api := open(t)
			if err := api.Load(plain, originals()...); err != nil {
				t.Fatal(err)
			}
			plan := away(t, zoneOf(t, p))
			change(&plan)
			err := zoneOf(t, p).Replace(urgent(t), plan)
			if failover.KindOf(err) != failover.KindRejected {
				t.Errorf("%v, want rejected", err)
			}
			if len(batches(api)) > 0 {
				t.Error("it was sent")
			}
		})
	}
}

// FuzzReply feeds a provider's answer to all that decodes it: no panic, and what is understood as a
// record set can be sent back as a valid record.
func FuzzReply(f *testing.F) {
	api := cloudflaretest.New(cloudflaretest.Options{Zones: []string{plain}})
	if err := api.Load(plain, originals()...); err != nil {
		f.Fatal(err)
	}
	records, err := json.Marshal(api.Records(plain))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(200, `{"success":true,"errors":[],"result":`+string(records)+`}`)
	f.Add(403, `{"success":false,"errors":[{"code":9109,"message":"Invalid access token"}],"result":null}`)
	f.Add(502, `<html>`)
	f.Add(200, `{"success":true,"result":[{"id":"a","name":"a","type":"HTTPS","content":"","data":{"priority":65536}}]}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		c := &client{token: keep(token)}
		r := reply{status: status, header: http.Header{}, body: []byte(body)}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			e, err := c.judge(method, r)
			if err != nil {
				if failover.KindOf(err) == "" || err.Error() == "" {
					t.Fatalf("an error without kind: %v", err)
				}
				continue
			}
			var raws []json.RawMessage
			if json.Unmarshal(e.Result, &raws) != nil {
				continue
			}
			var all []record
			for _, raw := range raws {
				if parsed, err := parseRecord(raw); err == nil {
					all = append(all, parsed)
				}
			}
			checkRestorable(t, recordSets(all))
		}
	})
}

// checkRestorable wants every record that was read to be found again by its opaque part.
func checkRestorable(t *testing.T, sets []failover.RecordSet) {
	for _, s := range sets {
		wishes, err := wanted(&s)
		if err != nil {
			t.Fatalf("%v cannot be restored: %v", s, err)
		}
		for i, w := range wishes {
			if w.id == "" {
				t.Fatalf("%s does not know its original", s.Records[i].Opaque)
			}
			if _, err := json.Marshal(w.fields); err != nil {
				t.Fatal(err)
			}
		}
	}
}
