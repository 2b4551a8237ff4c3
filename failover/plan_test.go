package failover

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func rrset(name, rrtype string, ttl uint32, values ...string) RecordSet {
	s := RecordSet{Name: name, Type: rrtype, TTL: ttl}
	for _, v := range values {
		s.Records = append(s.Records, Record{Value: v})
	}
	return s
}

func proxied(s RecordSet) RecordSet {
	s.Proxied, s.TTL = true, 1
	return s
}

const www = "www.example.org."

var (
	v4only = Fallback{IPv4: []netip.Addr{netip.MustParseAddr("198.51.100.7")}}
	dual   = Fallback{IPv4: v4only.IPv4, IPv6: []netip.Addr{netip.MustParseAddr("2001:db8::7")}}
	alias  = Fallback{CNAME: "backup.example.net."}
)

func draft(fallback Fallback, baseline ...RecordSet) Draft {
	return Draft{Site: "www", ZoneRef: ZoneRef{"main", "example.org."}, Names: []string{www}, Baseline: baseline,
		Fallback: fallback, ArmedTTL: 60, Abilities: Abilities{Atomic: true, MinTTL: 30}}
}

func show(sets []RecordSet) string {
	var lines []string
	for _, s := range SortSets(slices.Clone(sets)) {
		lines = append(lines, s.String())
	}
	return strings.Join(lines, " | ")
}

func TestMakePlan(t *testing.T) {
	a := rrset(www, "A", 300, "192.0.2.1", "192.0.2.2")
	aaaa := rrset(www, "AAAA", 300, "2001:db8::1")
	https := rrset(www, "HTTPS", 300, `1 . alpn="h3" ipv4hint="192.0.2.1"`)
	cname := rrset(www, "CNAME", 3600, "origin.example.net.")
	txt := rrset(www, "TXT", 300, `"hello"`)
	low := rrset(www, "A", 20, "192.0.2.1")
	tests := []struct {
		name     string
		fallback Fallback
		baseline []RecordSet
		others   []RecordSet
		target   Target
		want     string
	}{
		{"an AAAA goes when the fallback has none", v4only, []RecordSet{a, aaaa}, nil, ToFallback, "www.example.org. 60 A 198.51.100.7"},
		{"both families move", dual, []RecordSet{a, aaaa}, nil, ToFallback, "www.example.org. 60 A 198.51.100.7 | www.example.org. 60 AAAA 2001:db8::7"},
		{"the origin's hints go", v4only, []RecordSet{a, https}, nil, ToFallback, "www.example.org. 60 A 198.51.100.7"},
		{"CNAME to addresses", v4only, []RecordSet{cname}, nil, ToFallback, "www.example.org. 60 A 198.51.100.7"},
		{"addresses to CNAME", alias, []RecordSet{a, aaaa}, nil, ToFallback, "www.example.org. 60 CNAME backup.example.net."},
		{"text beside stays out of the plan", v4only, []RecordSet{a}, []RecordSet{txt}, ToFallback, "www.example.org. 60 A 198.51.100.7"},
		{"a proxied name stays proxied", v4only, []RecordSet{proxied(a)}, nil, ToFallback, "www.example.org. proxied A 198.51.100.7"},
		{"armed", v4only, []RecordSet{a, aaaa}, nil, ToArmed, "www.example.org. 60 A 192.0.2.1, 192.0.2.2 | www.example.org. 60 AAAA 2001:db8::1"},
		{"the fallback never raises a TTL", v4only, []RecordSet{low}, nil, ToFallback, "www.example.org. 20 A 198.51.100.7"},
		{"armed never raises a TTL", v4only, []RecordSet{low}, nil, ToArmed, "www.example.org. 20 A 192.0.2.1"},
		{"a proxied name has no TTL to lower", v4only, []RecordSet{proxied(a)}, nil, ToArmed, "www.example.org. proxied A 192.0.2.1, 192.0.2.2"},
		{"origin is the exact baseline", v4only, []RecordSet{a, aaaa, https}, nil, ToOrigin, show([]RecordSet{a, aaaa, https})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := draft(tt.fallback, tt.baseline...)
			for _, from := range []Target{ToOrigin, ToArmed, ToFallback} { // from any known form
				current, err := d.Form(from)
				if err != nil {
					t.Fatal(err)
				}
				plan, err := MakePlan(d, tt.target, append(current, tt.others...))
				if err != nil {
					t.Fatal(err)
				}
				if got := show(plan.After); got != tt.want {
					t.Errorf("from %s:\n got %s\nwant %s", from, got, tt.want)
				}
				if got := show(plan.Before); got != show(current) {
					t.Errorf("from %s: before is %s, want %s", from, got, show(current))
				}
			}
		})
	}
}

func TestMakePlanRefuses(t *testing.T) {
	a := rrset(www, "A", 300, "192.0.2.1")
	apex := rrset("example.org.", "A", 300, "192.0.2.1")
	atApex := draft(alias, apex)
	atApex.Names = []string{"example.org."}
	two := draft(v4only, a)
	two.Names = append(two.Names, "shop.example.org.")
	tests := []struct {
		name    string
		draft   Draft
		current []RecordSet
		want    error
		says    string
	}{
		{"a foreign value", draft(v4only, a), []RecordSet{rrset(www, "A", 300, "203.0.113.66")}, ErrDrift, "neither"},
		{"a foreign TTL", draft(v4only, a), []RecordSet{rrset(www, "A", 299, "192.0.2.1")}, ErrDrift, "neither"},
		{"a set more", draft(v4only, a), []RecordSet{a, rrset(www, "AAAA", 300, "2001:db8::1")}, ErrDrift, "neither"},
		{"an emptied name", draft(v4only, a), nil, ErrDrift, "neither"},
		{"no baseline", draft(v4only), nil, ErrNoPlan, "not known here"},
		{"a name without records", two, []RecordSet{a}, ErrNoPlan, "shop.example.org."},
		{"a locked record", draft(v4only, lock(a)), []RecordSet{lock(a)}, ErrNoPlan, "another product"},
		{"no fallback", draft(Fallback{}, a), []RecordSet{a}, ErrNoPlan, "no address"},
		{"CNAME at the apex", atApex, []RecordSet{apex}, ErrNoPlan, "apex"},
		{"CNAME beside text", draft(alias, a), []RecordSet{a, rrset(www, "TXT", 60, `"x"`)}, ErrNoPlan, "TXT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan, err := MakePlan(tt.draft, ToFallback, tt.current)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v (%s), want %v with %q", err, show(plan.After), tt.want, tt.says)
			}
		})
	}
}

func lock(s RecordSet) RecordSet {
	s.Locked = true
	return s
}

func TestForceOverwritesDrift(t *testing.T) {
	d := draft(v4only, rrset(www, "A", 300, "192.0.2.1"))
	d.Force = true
	foreign := []RecordSet{rrset(www, "A", 300, "203.0.113.66"), rrset(www, "CNAME", 5, "x.example.")}
	plan, err := MakePlan(d, ToOrigin, foreign)
	if err != nil || show(plan.After) != "www.example.org. 300 A 192.0.2.1" || len(plan.Before) != 2 {
		t.Fatalf("%+v, %v", plan, err)
	}
}

// FuzzMakePlan checks that no plan empties a name or names a set outside its names and types.
func FuzzMakePlan(f *testing.F) {
	f.Add("A 192.0.2.1;AAAA 2001:db8::1", "A 192.0.2.1;TXT x", uint8(0), true)
	f.Add("CNAME a.example.", "CNAME a.example.;MX m", uint8(1), false)
	f.Add("", "A 198.51.100.7", uint8(2), false)
	f.Fuzz(func(t *testing.T, baseline, current string, which uint8, force bool) {
		d := draft([]Fallback{v4only, dual, alias, {}}[which%4], Select(parse(baseline), []string{www})...)
		d.Force = force
		target := []Target{ToOrigin, ToArmed, ToFallback}[which/4%3]
		plan, err := MakePlan(d, target, parse(current))
		if err != nil {
			if !errors.Is(err, ErrDrift) && !errors.Is(err, ErrNoPlan) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		if !hasAddress(plan.After, www) {
			t.Fatalf("the plan empties the name: %s", show(plan.After))
		}
		for _, s := range append(plan.Before, plan.After...) {
			if s.Name != www || !Managed(s.Type) || len(s.Records) == 0 {
				t.Fatalf("the plan names %s", s)
			}
		}
		if target == ToOrigin && !SameSets(plan.After, d.Baseline) {
			t.Fatalf("restores %s, want %s", show(plan.After), show(d.Baseline))
		}
	})
}

// parse reads "TYPE value;TYPE value" into sets at www.
func parse(text string) []RecordSet {
	byType := map[string]RecordSet{}
	for line := range strings.SplitSeq(text, ";") {
		rrtype, value, found := strings.Cut(line, " ")
		if !found {
			continue
		}
		s := byType[rrtype]
		s.Name, s.Type, s.TTL = www, rrtype, uint32(len(text))
		s.Records = append(s.Records, Record{Value: value})
		byType[rrtype] = s
	}
	var sets []RecordSet
	for _, s := range byType {
		sets = append(sets, s)
	}
	return SortSets(sets)
}

func ExamplePlan_Changes() {
	d := draft(v4only, rrset(www, "A", 300, "192.0.2.1"), rrset(www, "AAAA", 300, "2001:db8::1"))
	plan, err := MakePlan(d, ToFallback, d.Baseline)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, change := range plan.Changes() {
		fmt.Println(change)
	}
	// Output:
	// - www.example.org. 300 A 192.0.2.1
	// + www.example.org. 60 A 198.51.100.7
	// - www.example.org. 300 AAAA 2001:db8::1
}
