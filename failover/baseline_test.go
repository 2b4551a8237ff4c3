package failover

import (
	"fmt"
	"slices"
	"testing"
)

func TestBaseline(t *testing.T) {
	a, aaaa := rrset(www, "A", 300, "192.0.2.1"), rrset(www, "AAAA", 900, "2001:db8::1")
	d := draft(dual, a, aaaa)
	d.Fallbacks = []string{"A 198.51.100.6"} // before the fallback moved
	d.Lows = []uint32{30}                    // when the armed TTL was another
	low := func(s RecordSet) RecordSet { s.TTL = 60; return s }
	tests := []struct {
		name    string
		current []RecordSet
		armed   bool
		want    string // empty: refused
	}{
		{"unchanged", []RecordSet{a, aaaa}, false, show([]RecordSet{a, aaaa})},
		{"our own low TTLs are not originals", []RecordSet{low(a), low(aaaa)}, true, show([]RecordSet{a, aaaa})},
		{"one set edited while armed", []RecordSet{rrset(www, "A", 120, "192.0.2.9"), low(aaaa)}, true, show([]RecordSet{rrset(www, "A", 120, "192.0.2.9"), aaaa})},
		{"a value edited while armed, the TTL left as it was found", []RecordSet{rrset(www, "A", 60, "192.0.2.9"), low(aaaa)}, true, show([]RecordSet{rrset(www, "A", 300, "192.0.2.9"), aaaa})},
		{"a human's low TTL while not armed", []RecordSet{low(a), aaaa}, false, show([]RecordSet{low(a), aaaa})},
		{"our own address", []RecordSet{rrset(www, "A", 60, "198.51.100.7")}, false, ""},
		{"our own address among others", []RecordSet{rrset(www, "A", 60, "192.0.2.1", "198.51.100.7")}, false, ""},
		{"our own IPv6 address", []RecordSet{a, rrset(www, "AAAA", 60, "2001:db8::7")}, false, ""},
		{"our own address of before", []RecordSet{rrset(www, "A", 60, "198.51.100.6")}, false, ""},
		{"low TTLs of another configuration", []RecordSet{rrset(www, "A", 30, "192.0.2.9"), low(aaaa)}, true, show([]RecordSet{rrset(www, "A", 300, "192.0.2.9"), aaaa})},
		{"an empty name", nil, false, ""},
		{"only text", []RecordSet{rrset(www, "TXT", 60, `"x"`)}, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sets, err := d.AdoptBaseline(tt.current, tt.armed)
			if tt.want == "" {
				if err == nil {
					t.Fatalf("taken as a baseline: %s", show(sets))
				}
				return
			}
			if err != nil || show(sets) != tt.want {
				t.Errorf("got %s, %v\nwant %s", show(sets), err, tt.want)
			}
		})
	}
}

func TestRemember(t *testing.T) {
	list := Remember(nil, all([]RecordSet{rrset(www, "A", 60, "198.51.100.7"), rrset(www, "AAAA", 60, "2001:db8::7")}))
	list = Remember(list, all([]RecordSet{rrset("example.org.", "A", 60, "198.51.100.7"), rrset(www, "CNAME", 60, "backup.example.net.")}))
	if want := []string{"A 198.51.100.7", "AAAA 2001:db8::7", "CNAME backup.example.net."}; !slices.Equal(list, want) {
		t.Errorf("got %v, want %v", list, want)
	}
	for i := range 3 * kept {
		list = Remember(list, all([]RecordSet{rrset(www, "A", 60, fmt.Sprintf("198.51.100.%d", i))}))
	}
	if len(list) != kept || list[kept-1] != fmt.Sprintf("A 198.51.100.%d", 3*kept-1) {
		t.Errorf("%d are kept, the last %s", len(list), list[len(list)-1])
	}
}
