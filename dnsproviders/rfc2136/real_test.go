package rfc2136_test

import (
	"strings"
	"testing"
	"time"

	"github.com/libdns/libdns"
	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/rfc2136"
	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/dnsproviders/zonetest"
	"github.com/failover-dns/failover/failover"
)

// peers are the real servers that every test of this file runs against.
var peers = []struct {
	name  string
	start func(testing.TB) *peer
}{{"BIND", startBIND}, {"Knot", startKnot}}

func TestRealServers(t *testing.T) {
	for _, s := range peers {
		t.Run(s.name, func(t *testing.T) {
			p := s.start(t)
			t.Run("contract", func(t *testing.T) { zonetest.Run(t, p.harness(p.provider(t))) })
			t.Run("wildcards", func(t *testing.T) { wildcards(t, p) })
			t.Run("unlisted type beside a new CNAME", func(t *testing.T) { unlistedType(t, p) })
			t.Run("spelling of the zone", func(t *testing.T) { spelling(t, p) })
			t.Run("delegation and DNAME", func(t *testing.T) { cuts(t, p) })
			t.Run("credentials", func(t *testing.T) { credentials(t, p) })
			t.Run("ACME", func(t *testing.T) { challenges(t, p) })
		})
	}
}

// wildcards: a name is what the zone holds, never what a wildcard would say in its place.
func wildcards(t *testing.T, p *peer) {
	wild := zonetest.Set("*."+zonetest.Apex, "A", 600, "192.0.2.1")
	cname := zonetest.Set("*.c."+zonetest.Apex, "CNAME", 600, "target.example.net.")
	same := zonetest.Set(www, "A", 600, "192.0.2.1")
	p.reset(t, []failover.RecordSet{wild, cname, same})
	z := p.provider(t).Zone(zonetest.Apex)
	sets, err := z.Read(t.Context(), []string{www, "gone." + zonetest.Apex, "a.b." + zonetest.Apex, "x.c." + zonetest.Apex, wild.Name})
	if err != nil || !failover.SameSets(sets, []failover.RecordSet{same, wild}) {
		t.Errorf("read %v %v", sets, err)
	}
	if err := p.put(t, zonetest.Set(www, "A", 0)); err != nil { // the wildcard now answers the same for www
		t.Fatal(err)
	}
	if err := z.Replace(t.Context(), planOf(same, after)); failover.KindOf(err) != failover.KindDrift {
		t.Errorf("replace of a deleted name: %v", err)
	}
	create := failover.Plan{ZoneRef: failover.ZoneRef{Zone: zonetest.Apex}, Names: []string{www}, After: []failover.RecordSet{after}}
	if err := z.Replace(t.Context(), create); err != nil {
		t.Errorf("creation under a wildcard: %v", err)
	}
	if err := z.Replace(t.Context(), planOf(wild, zonetest.Set(wild.Name, "A", 60, "198.51.100.7"))); err != nil {
		t.Errorf("replace of the wildcard: %v", err)
	}
}

// unlistedType: a CNAME added beside any data is silently ignored by a server, so the name would
// be empty. The plan must be refused before anything is sent.
func unlistedType(t *testing.T, p *peer) {
	odd := zonetest.Set(www, "TYPE65280", 600, `\# 2 abcd`)
	p.reset(t, []failover.RecordSet{before, odd})
	whole, err := p.dump()
	if err != nil {
		t.Fatal(err)
	}
	z := p.provider(t).Zone(zonetest.Apex)
	err = z.Replace(t.Context(), planOf(before, zonetest.Set(www, "CNAME", 60, "fallback.example.net.")))
	if failover.KindOf(err) != failover.KindRejected || !strings.Contains(err.Error(), "cannot stand beside") {
		t.Errorf("error %v", err)
	}
	if now, err := p.dump(); err != nil || !failover.SameSets(now, whole) {
		t.Errorf("the zone changed: %v %v", failover.Diff(whole, now), err)
	}
}

// spelling: upper case in the zone is no drift.
func spelling(t *testing.T, p *peer) {
	p.reset(t, nil)
	rr, err := dns.NewRR("WWW.Example.ORG. 600 IN CNAME Shops.Example.NET.")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.update(t, func(m *dns.Msg) { m.Insert([]dns.RR{rr}) }); err != nil {
		t.Fatal(err)
	}
	z := p.provider(t).Zone("Example.ORG")
	if err := z.Replace(t.Context(), planOf(zonetest.Set(www, "CNAME", 600, "shops.example.net."), after)); err != nil {
		t.Error(err)
	}
}

// cuts: what lies below a delegation or a DNAME is not this zone's.
func cuts(t *testing.T, p *peer) {
	p.reset(t, []failover.RecordSet{zonetest.Set("dname."+zonetest.Apex, "DNAME", 600, "elsewhere.example.net.")})
	err := p.put(t, zonetest.Set("child."+zonetest.Apex, "NS", 600, "ns.example.net."))
	if err != nil {
		t.Fatal(err)
	}
	defer p.put(t, zonetest.Set("child."+zonetest.Apex, "NS", 0))
	z := p.provider(t).Zone(zonetest.Apex)
	if sets, err := z.Read(t.Context(), []string{"www.dname." + zonetest.Apex}); err != nil || len(sets) > 0 {
		t.Errorf("below a DNAME: %v %v", sets, err)
	}
	if sets, err := z.Read(t.Context(), []string{"www.child." + zonetest.Apex}); failover.KindOf(err) != failover.KindRejected {
		t.Errorf("below a delegation: %v %v", sets, err)
	}
}

// credentials: a wrong key is told as such, and changes nothing.
func credentials(t *testing.T, p *peer) {
	p.reset(t, []failover.RecordSet{before})
	for _, c := range []struct {
		name string
		o    rfc2136.Options
	}{
		{"unknown key", rfc2136.Options{TSIGName: "nobody.", TSIGAlgo: keyAlgo, TSIGSecret: secret}},
		{"wrong secret", rfc2136.Options{TSIGName: keyName, TSIGAlgo: keyAlgo, TSIGSecret: "d3Jvbmcgc2VjcmV0IDAxMjM0NTY3ODk="}},
		{"no key", rfc2136.Options{}},
		{"wrong algorithm", rfc2136.Options{TSIGName: keyName, TSIGAlgo: "hmac-sha512", TSIGSecret: secret}},
	} {
		c.o.Server = p.addr
		provider, err := rfc2136.Open(c.o)
		if err != nil {
			t.Fatal(err)
		}
		err = provider.Zone(zonetest.Apex).Replace(t.Context(), planOf(before, after))
		if failover.KindOf(err) != failover.KindUnauthorized || !strings.Contains(err.Error(), "try:") {
			t.Errorf("%s: %v", c.name, err)
		}
		t.Logf("%s: %v", c.name, err)
	}
	sets, err := p.provider(t).Zone("example.net").Read(t.Context(), []string{"example.net."})
	if failover.KindOf(err) != failover.KindUnauthorized {
		t.Errorf("a zone that is not there: %v %v", sets, err)
	}
	if sets, err := p.provider(t).Zone(zonetest.Apex).Read(t.Context(), []string{www}); err != nil || !failover.SameSets(sets, []failover.RecordSet{before}) {
		t.Errorf("changed: %v %v", sets, err)
	}
}

// challenges: TXT values come and go one by one, and nothing else does.
func challenges(t *testing.T, p *peer) {
	name := "_acme-challenge." + www
	p.reset(t, []failover.RecordSet{before})
	provider := p.provider(t)
	long := strings.Repeat("0123456789", 30) + `"\`
	for _, text := range []string{"one", "two", "two", long} {
		record := libdns.TXT{Name: "_acme-challenge.www", Text: text, TTL: 2 * time.Minute}
		if _, err := provider.ACME().AppendRecords(t.Context(), "example.org.", []libdns.Record{record}); err != nil {
			t.Fatal(err)
		}
	}
	held := func() []string {
		m, err := p.client.Exchange(t.Context(), wire.Query(name, dns.TypeTXT))
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, rr := range m.Answer {
			text := strings.Join(rr.(*dns.TXT).Txt, "")
			texts = append(texts, strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(text))
		}
		return texts
	}
	if got := held(); len(got) != 3 || !strings.Contains(strings.Join(got, " "), long) {
		t.Errorf("held %q", got)
	}
	for _, text := range []string{"one", long, "two", "never there"} {
		record := libdns.TXT{Name: "_acme-challenge.www", Text: text}
		if _, err := provider.ACME().DeleteRecords(t.Context(), "example.org.", []libdns.Record{record}); err != nil {
			t.Fatal(err)
		}
	}
	if got := held(); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
	for _, bad := range []libdns.Record{libdns.RR{Name: "www", Type: "A", Data: "192.0.2.1"}, libdns.RR{Name: "www", Type: "TXT"}} {
		if _, err := provider.ACME().DeleteRecords(t.Context(), "example.org.", []libdns.Record{bad}); err == nil {
			t.Errorf("%v was deleted", bad)
		}
	}
}

// TestBINDWithTheLeastRights uses the policy that the package's documentation recommends.
func TestBINDWithTheLeastRights(t *testing.T) {
	p := startBINDWith(t, `update-policy { grant ddns. name www.example.org. A AAAA CNAME HTTPS SVCB; grant ddns. name _acme-challenge.www.example.org. TXT;
		grant ddns. name *.example.org. A; };`)
	if err := p.put(t, before); err != nil {
		t.Fatal(err)
	}
	if err := p.put(t, zonetest.Set("*."+zonetest.Apex, "A", 60, "192.0.2.9")); err != nil { // makes Read ask whether names are in use
		t.Fatal(err)
	}
	provider := p.provider(t)
	z := provider.Zone(zonetest.Apex)
	steps := []failover.RecordSet{before, after, zonetest.Set(www, "CNAME", 60, "fallback.example.net."), before}
	for i := range steps[1:] {
		if err := z.Replace(t.Context(), planOf(steps[i], steps[i+1])); err != nil {
			t.Fatalf("%v to %v: %v", steps[i], steps[i+1], err)
		}
	}
	record := []libdns.Record{libdns.TXT{Name: "_acme-challenge.www", Text: "x"}}
	if _, err := provider.ACME().AppendRecords(t.Context(), "example.org.", record); err != nil {
		t.Error(err)
	}
	other := zonetest.Set("ns1."+zonetest.Apex, "A", 3600, "192.0.2.53")
	if err := z.Replace(t.Context(), planOf(other, zonetest.Set(other.Name, "A", 60, "198.51.100.7"))); failover.KindOf(err) != failover.KindUnauthorized {
		t.Errorf("a name outside the policy: %v", err)
	}
}

// TestBINDWithDNSSEC: signatures are the server's, neither seen nor touched.
func TestBINDWithDNSSEC(t *testing.T) {
	p := startBINDWith(t, `allow-update { key "ddns."; }; dnssec-policy default; inline-signing no;`)
	if err := p.put(t, before); err != nil {
		t.Fatal(err)
	}
	z := p.provider(t).Zone(zonetest.Apex)
	sets, err := z.Read(t.Context(), []string{www})
	if err != nil || !failover.SameSets(sets, []failover.RecordSet{before}) {
		t.Errorf("read %v %v", sets, err)
	}
	steps := []failover.RecordSet{before, after, zonetest.Set(www, "CNAME", 60, "fallback.example.net."), before}
	for i := range steps[1:] {
		if err := z.Replace(t.Context(), planOf(steps[i], steps[i+1])); err != nil {
			t.Fatalf("%v to %v: %v", steps[i], steps[i+1], err)
		}
	}
	m, err := p.client.Exchange(t.Context(), wire.Query(www, dns.TypeNSEC))
	if err != nil || len(m.Answer) == 0 {
		t.Errorf("the zone is not signed, so this test proves nothing: %v %v", m, err)
	}
}
