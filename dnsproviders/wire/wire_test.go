package wire_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

func set(name, rrtype string, ttl uint32, values ...string) failover.RecordSet {
	s := failover.RecordSet{Name: name, Type: rrtype, TTL: ttl}
	for _, v := range values {
		s.Records = append(s.Records, failover.Record{Value: v})
	}
	return s
}

func TestValuesAreCanonical(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"www A 192.0.2.1", "192.0.2.1"},
		{"www AAAA 2001:0DB8:0:0::0:1", "2001:db8::1"},
		{"www CNAME Fallback.Example.NET.", "fallback.example.net."},
		{`www CNAME od\.d.Example.NET.`, `od\.d.example.net.`},
		{`www HTTPS 1 Svc.Example.NET. port=8443 alpn=h2,h3`, `1 svc.example.net. alpn="h2,h3" port="8443"`},
		{`www HTTPS 1 . ipv4hint=192.0.2.1 ech=AAA=`, `1 . ipv4hint="192.0.2.1" ech="AAA="`},
		{`www SVCB 0 Other.example.net.`, `0 other.example.net.`},
		{`www TXT "a \"quoted\" text; here" second`, `"a \"quoted\" text; here" "second"`},
		{"www MX 10 Mail.example.org.", "10 Mail.example.org."},
		{`www CAA 0 issue "ca.example.net"`, `0 issue "ca.example.net"`},
		{`www TYPE65280 \# 3 0a0B0c`, `\# 3 0a0b0c`},
	} {
		rr, err := dns.NewRR("$ORIGIN example.org.\n$TTL 60\n" + c.line)
		if err != nil {
			t.Fatalf("%s: %v", c.line, err)
		}
		if got := strings.ToLower(wire.Value(rr)); got != strings.ToLower(c.want) {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
}

func TestSetsGroupSortAndTakeTheLowestTTL(t *testing.T) {
	rrs, err := wire.AllRRs([]failover.RecordSet{
		set("www.example.org.", "A", 60, "192.0.2.2", "192.0.2.1", "192.0.2.1"),
		set("www.example.org.", "A", 30, "192.0.2.3"),
		set("example.org.", "TYPE65280", 30, `\# 1 ff`),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := wire.Sets(rrs)
	want := []failover.RecordSet{
		set("example.org.", "TYPE65280", 30, `\# 1 ff`),
		set("www.example.org.", "A", 30, "192.0.2.1", "192.0.2.2", "192.0.2.3"),
	}
	if len(got) != 2 || !failover.SameSets(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBadSetsAreRefused(t *testing.T) {
	for _, s := range []failover.RecordSet{
		set("www.example.org.", "A", 60, "2001:db8::1"),
		set("www.example.org.", "AAAA", 60, "192.0.2.1"),
		set("www.example.org.", "AAAA", 60, "fe80::1%eth0"),
		set("www.example.org.", "A", 60, ""),
		set("www.example.org.", "A", 60, "192.0.2.1\nevil 60 IN A 192.0.2.2"),
		set("www.example.org.", "CNAME", 60, "a.example.net.\nb 60 IN A 192.0.2.1"),
		set("www.example.org.", "CNAME", 60, "two names."),
		set("www.example.org.", "HTTPS", 60, "1 . nonsense=("),
		set("www.example.org.", "NONSENSE", 60, "x"),
		set("www.example.org.", "TXT\n$ORIGIN x", 60, "x"),
		set(strings.Repeat("long.", 60), "A", 60, "192.0.2.1"),
	} {
		if rrs, err := wire.RRs(s); err == nil {
			t.Errorf("%q: accepted as %v", s, rrs)
		}
	}
}

func TestCheckPlan(t *testing.T) {
	a := set("www.example.org.", "A", 60, "192.0.2.1")
	b := set("www.example.org.", "A", 60, "198.51.100.7")
	proxied := b.Clone()
	proxied.Proxied = true
	names := []string{"www.example.org."}
	for _, c := range []struct {
		name, complaint string
		names           []string
		after           []failover.RecordSet
	}{
		{"fine", "", names, []failover.RecordSet{b}},
		{"empties a name", "without an address", names, nil},
		{"an empty set", "without an address", names, []failover.RecordSet{set("www.example.org.", "A", 60)}},
		{"HTTPS is no address", "without an address", names, []failover.RecordSet{set("www.example.org.", "HTTPS", 60, "1 .")}},
		{"a name not named", "not among its names", names, []failover.RecordSet{b, set("x.example.org.", "A", 60, "192.0.2.1")}},
		{"another zone", "outside the zone", []string{"www.example.org.", "example.net."}, []failover.RecordSet{b, set("example.net.", "A", 60, "192.0.2.1")}},
		{"MX", "never touched", names, []failover.RecordSet{b, set("www.example.org.", "MX", 60, "0 .")}},
		{"proxied", "proxied", names, []failover.RecordSet{proxied}},
		{"CNAME beside A", "must be alone", names, []failover.RecordSet{b, set("www.example.org.", "CNAME", 60, "x.example.net.")}},
		{"two CNAMEs", "must be alone", names, []failover.RecordSet{set("www.example.org.", "CNAME", 60, "x.example.net.", "y.example.net.")}},
		{"CNAME at the apex", "apex", []string{"www.example.org.", "example.org."}, []failover.RecordSet{b, set("example.org.", "CNAME", 60, "x.example.net.")}},
	} {
		p := failover.Plan{ZoneRef: failover.ZoneRef{Zone: "example.org."}, Names: c.names, Before: []failover.RecordSet{a}, After: c.after}
		err := wire.CheckPlan(p)
		if (err == nil) != (c.complaint == "") || err != nil && !strings.Contains(err.Error(), c.complaint) {
			t.Errorf("%s: %v, want %q", c.name, err, c.complaint)
		}
	}
}

// FuzzRRs: what is accepted comes back the same, and never as more than one record per value.
func FuzzRRs(f *testing.F) {
	f.Add("A", "192.0.2.1")
	f.Add("AAAA", "::ffff:192.0.2.1")
	f.Add("CNAME", `a\.b\065.Example.NET`)
	f.Add("HTTPS", `1 . alpn="h2,h3\\,x" ipv4hint=192.0.2.1 ipv6hint=2001:db8::1 ech="AAA=" key667="\255x" mandatory=alpn`)
	f.Add("SVCB", `1 x. port=1 no-default-alpn alpn=h2 dohpath=/dns{?dns} ohttp`)
	f.Fuzz(func(t *testing.T, rrtype, value string) {
		if !failover.Managed(rrtype) {
			return
		}
		first, err := wire.RRs(set("www.example.org.", rrtype, 60, value))
		if err != nil {
			return
		}
		if len(first) != 1 {
			t.Fatalf("%q: %d records", value, len(first))
		}
		sets := wire.Sets(first)
		again, err := wire.AllRRs(sets)
		if err != nil {
			t.Fatalf("%q became %v: %v", value, sets, err)
		}
		if now := wire.Sets(again); !failover.SameSets(now, sets) {
			t.Fatalf("%v became %v", sets, now)
		}
	})
}

// FuzzAnswer: records from the wire convert without a panic, and managed ones convert back to the
// same bytes' meaning.
func FuzzAnswer(f *testing.F) {
	for _, line := range []string{"a. 1 A 192.0.2.1", "a. 1 HTTPS 1 . alpn=h2 port=1", `a. 1 TXT "x"`, "a. 1 CNAME B.c.", "a. 1 LOC 1 N 1 E 1m"} {
		rr, err := dns.NewRR(line)
		if err != nil {
			f.Fatal(err)
		}
		raw, err := (&dns.Msg{Answer: []dns.RR{rr}}).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m dns.Msg
		if m.Unpack(raw) != nil {
			return
		}
		for _, s := range wire.Sets(m.Answer) {
			if !failover.Managed(s.Type) || len(s.Records) == 0 {
				continue
			}
			rrs, err := wire.RRs(s)
			if err != nil {
				continue // such as a name with a byte that no master file takes
			}
			if now := wire.Sets(rrs); !failover.SameSets(now, []failover.RecordSet{s}) {
				t.Fatalf("%v became %v", s, now)
			}
		}
	})
}
