package cloudflare

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/failover-dns/failover/dnsproviders/cloudflare/cloudflaretest"
	"github.com/failover-dns/failover/failover"
)

// originals is a zone with everything that a restore could lose.
func originals() []cloudflaretest.Record {
	text := func(s string) *string { return &s }
	yes, ten := true, 10.0
	return []cloudflaretest.Record{
		{Name: "example.org", Type: "A", Content: "192.0.2.1", Proxied: true, Comment: text("apex, one of two"), Tags: []string{"team:web", "tier:1"}},
		{Name: "example.org", Type: "A", Content: "192.0.2.2", Proxied: true, Settings: json.RawMessage(`{"ipv4_only":true}`)},
		{Name: "example.org", Type: "AAAA", Content: "2001:DB8::1", Proxied: true, Comment: text("written in capitals"), Tags: []string{"six"}},
		{Name: "example.org", Type: "MX", Content: "mail.example.org", TTL: 3600, Priority: &ten, Comment: text("mail")},
		{Name: "example.org", Type: "TXT", Content: `"v=spf1 mx -all"`, TTL: 3600},
		{Name: "www.example.org", Type: "A", Content: "192.0.2.1", TTL: 1, Comment: text("automatic TTL")},
		{Name: "www.example.org", Type: "A", Content: "192.0.2.2", TTL: 600, PrivateRouting: &yes, Tags: []string{"b:2", "a:1"}},
		{Name: "www.example.org", Type: "A", Content: "192.0.2.3", TTL: 3600},
		{Name: "www.example.org", Type: "HTTPS", TTL: 7200, Comment: text("hints"),
			Data: json.RawMessage(`{"priority":1,"target":".","value":"ipv4hint=\"192.0.2.1\" alpn=\"h3,h2\""}`)},
		{Name: "shop.example.org", Type: "CNAME", Content: "shops.example.net", TTL: 1, Proxied: true, Settings: json.RawMessage(`{"flatten_cname":true}`), Tags: []string{"shop"}},
		{Name: "api.example.org", Type: "AAAA", Content: "2001:db8::5", TTL: 120, Comment: text("IPv6 alone")},
		{Name: "*.apps.example.org", Type: "A", Content: "192.0.2.9", TTL: 900},
		{Name: "other.example.org", Type: "A", Content: "192.0.2.77", TTL: 60, Comment: text("not ours")},
	}
}

func hosts() []string {
	return []string{"*.apps.example.org.", "api.example.org.", "example.org.", "shop.example.org.", "www.example.org."}
}

func bareForms(records []cloudflaretest.Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, r.String())
	}
	slices.Sort(out)
	return out
}

func TestRestoreGivesBackEveryField(t *testing.T) {
	v4, v6 := []netip.Addr{netip.MustParseAddr("198.51.100.7")}, []netip.Addr{netip.MustParseAddr("2001:db8:f::7")}
	for name, fallback := range map[string]failover.Fallback{
		"one address":       {IPv4: v4},
		"both families":     {IPv4: v4, IPv6: v6},
		"IPv6 alone":        {IPv6: v6},
		"several addresses": {IPv4: append(v4, netip.MustParseAddr("198.51.100.8"), netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("198.51.100.10"))},
		"alias":             {CNAME: "fallback.example.net."},
	} {
		for _, dots := range []bool{false, true} {
			t.Run(name, func(t *testing.T) { roundTrip(t, fallback, dots) })
		}
	}
}

// roundTrip goes to the fallback and back, by way of low TTLs, and compares the zone before and after.
func roundTrip(t *testing.T, fallback failover.Fallback, dots bool) {
	var log bytes.Buffer
	p, api := open(t, func(o *Options, _ *cloudflaretest.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	api.Behave(cloudflaretest.Behaviour{FinalDots: dots})
	if err := api.Load(plain, originals()...); err != nil {
		t.Fatal(err)
	}
	z := zoneOf(t, p)
	before, start := api.Records(plain), len(api.Versions(plain))-1
	d := failover.Draft{Site: "www", ZoneRef: failover.ZoneRef{Provider: "main", Zone: apex}, Names: hosts(),
		Fallback: fallback, ArmedTTL: 60, Abilities: z.Abilities()}
	current := read(t, z)
	var err error
	if d.Baseline, err = d.NewBaseline(current); err != nil {
		t.Fatal(err)
	}
	d.Baseline = journalled(t, d.Baseline)
	for _, target := range []failover.Target{failover.ToArmed, failover.ToFallback, failover.ToArmed, failover.ToOrigin} {
		now := read(t, z)
		d.Baseline = failover.Refresh(d.Baseline, failover.Select(now, d.Names)) // as the controller does
		plan, err := failover.MakePlan(d, target, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := z.Replace(urgent(t), plan); err != nil {
			t.Fatalf("to %s: %v", target, err)
		}
	}
	got, want := bareForms(api.Records(plain)), bareForms(before)
	if !slices.Equal(got, want) {
		t.Errorf("after\n%s\nbefore\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(batches(api)) != 4 {
		t.Errorf("%d batches for 4 plans", len(batches(api)))
	}
	var names []string
	for _, n := range hosts() {
		names = append(names, bare(n))
	}
	if err := api.NeverEmpty(plain, start, names...); err != nil {
		t.Error(err)
	}
	if err := api.Untouched(plain, start, func(name, rrtype string) bool {
		return slices.Contains(names, name) && failover.Managed(rrtype)
	}); err != nil {
		t.Error(err)
	}
	if log.Len() > 0 {
		t.Errorf("the log says %s", &log)
	}
}

// journalled sends sets through the journal's encoding.
func journalled(t *testing.T, sets []failover.RecordSet) []failover.RecordSet {
	t.Helper()
	text, err := json.MarshalIndent(sets, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var out []failover.RecordSet
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, z failover.Zone) []failover.RecordSet {
	t.Helper()
	sets, err := z.Read(t.Context(), hosts())
	if err != nil {
		t.Fatal(err)
	}
	return sets
}

// planFor makes a plan from what a name holds to the given sets.
func planFor(t *testing.T, z failover.Zone, name string, after ...failover.RecordSet) failover.Plan {
	t.Helper()
	sets, err := z.Read(t.Context(), []string{name})
	if err != nil {
		t.Fatal(err)
	}
	return failover.Plan{Site: "www", ZoneRef: failover.ZoneRef{Provider: "main", Zone: apex}, Names: []string{name},
		Target: failover.ToFallback, Before: failover.Select(sets, []string{name}), After: after}
}

func address(name string, ttl uint32, values ...string) failover.RecordSet {
	s := failover.RecordSet{Name: name, Type: "A", TTL: ttl}
	for _, v := range values {
		s.Records = append(s.Records, failover.Record{Value: v})
	}
	return s
}

func TestPatchToTheFallbackKeepsIDAndComment(t *testing.T) {
	p, api := open(t)
	if err := api.Load(plain, originals()...); err != nil {
		t.Fatal(err)
	}
	byID := map[string]cloudflaretest.Record{}
	for _, r := range api.Records(plain) {
		byID[r.ID] = r
	}
	z := zoneOf(t, p)
	plan := planFor(t, z, "www.example.org.", address("www.example.org.", 60, "198.51.100.7", "198.51.100.8"))
	if err := z.Replace(urgent(t), plan); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, r := range api.Records(plain) {
		if was, found := byID[r.ID]; found && strings.HasPrefix(r.Content, "198.51.100.") {
			kept++
			was.Content, was.TTL = r.Content, 60
			if was.String() != r.String() {
				t.Errorf("got %s, want %s", r, was)
			}
		}
	}
	if kept != 2 {
		t.Errorf("%d records kept their id, want 2", kept)
	}
}

func TestSetsOfDifferingRecords(t *testing.T) {
	p, api := open(t)
	if err := api.Load(plain, originals()...); err != nil {
		t.Fatal(err)
	}
	for _, s := range read(t, zoneOf(t, p)) {
		switch s.Key() {
		case "www.example.org. A":
			if s.TTL != 300 || s.Proxied {
				t.Errorf("%v, want the lowest TTL", s)
			}
		case "example.org. A", "example.org. AAAA", "shop.example.org. CNAME":
			if s.TTL != 1 || !s.Proxied {
				t.Errorf("%v, want it proxied with TTL 1", s)
			}
		case "www.example.org. HTTPS":
			if got := s.Records[0].Value; got != `1 . alpn="h3,h2" ipv4hint="192.0.2.1"` {
				t.Errorf("HTTPS reads as %s", got)
			}
		}
	}
	if err := api.Put(plain, "www.example.org", "A", cloudflaretest.Record{Name: "www", Type: "A", Content: "192.0.2.1", TTL: 1}); err != nil {
		t.Fatal(err)
	}
	sets, err := zoneOf(t, p).Read(t.Context(), []string{"www.example.org."})
	if err != nil || sets[0].TTL != 300 {
		t.Errorf("automatic reads as %v, %v; want 300", sets, err)
	}
}

func TestTTLChangeLeavesACommentAlone(t *testing.T) {
	p, api := open(t)
	if err := api.Load(plain, originals()...); err != nil {
		t.Fatal(err)
	}
	z := zoneOf(t, p)
	plan := planFor(t, z, "api.example.org.")
	plan.After = failover.CloneSets(plan.Before)
	plan.After[0].TTL = 60
	text := "written by a human meanwhile"
	edited := cloudflaretest.Record{Name: "api", Type: "AAAA", Content: "2001:db8::5", TTL: 120, Comment: &text}
	if err := api.Put(plain, "api.example.org", "AAAA", edited); err != nil {
		t.Fatal(err)
	}
	if err := z.Replace(urgent(t), plan); err != nil {
		t.Fatal(err)
	}
	for _, r := range api.Records(plain) {
		if r.Name == "api.example.org" && (r.TTL != 60 || r.Comment == nil || *r.Comment != text) {
			t.Errorf("got %s", r)
		}
	}
}

func TestWhatCloudflareDoesNotTakeBackIsSaid(t *testing.T) {
	var log bytes.Buffer
	p, api := open(t, func(o *Options, _ *cloudflaretest.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	if err := api.Load(plain, originals()...); err != nil {
		t.Fatal(err)
	}
	z := zoneOf(t, p)
	before := planFor(t, z, "api.example.org.").Before
	away := planFor(t, z, "api.example.org.", address("api.example.org.", 60, "198.51.100.7"))
	if err := z.Replace(urgent(t), away); err != nil {
		t.Fatal(err)
	}
	before[0].Records[0].Opaque = json.RawMessage(strings.Replace(string(before[0].Records[0].Opaque), `"ttl"`, `"of_tomorrow":1,"ttl"`, 1))
	if err := z.Replace(urgent(t), planFor(t, z, "api.example.org.", before...)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "field=of_tomorrow") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("the log says %q", &log)
	}
}
