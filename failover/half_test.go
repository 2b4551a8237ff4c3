package failover

import "testing"

func TestHalf(t *testing.T) {
	a := func(ttl uint32, values ...string) RecordSet { return rrset(www, TypeA, ttl, values...) }
	aaaa, sixty := rrset(www, TypeAAAA, 300, "2001:db8::1"), rrset(www, TypeAAAA, 60, "2001:db8::1")
	sets := func(list ...RecordSet) []RecordSet { return list }
	plan := Plan{Names: []string{www},
		Before: sets(a(300, "192.0.2.1", "192.0.2.2"), aaaa), After: sets(a(60, "198.51.100.7"))}
	lowering := Plan{Names: plan.Names, Before: sets(a(300, "192.0.2.1"), aaaa), After: sets(a(60, "192.0.2.1"), aaaa)}
	tests := []struct {
		name string
		plan Plan
		now  []RecordSet
		want bool
	}{
		{"not begun", plan, plan.Before, true},
		{"done", plan, plan.After, true},
		{"half of a set", plan, sets(a(300, "192.0.2.2"), aaaa), true},
		{"one set after the other", plan, sets(a(60, "198.51.100.7"), aaaa), true},
		{"a third address", plan, sets(a(300, "192.0.2.1", "203.0.113.9"), aaaa), false},
		{"another TTL", plan, sets(a(120, "192.0.2.1", "192.0.2.2"), aaaa), false},
		{"the name deleted", plan, nil, false},
		{"a set that stays is gone", Plan{Names: plan.Names, Before: lowering.Before, After: sets(a(60, "192.0.2.1"), sixty)}, sets(a(300, "192.0.2.1")), false},
		{"what the plan keeps is gone", lowering, sets(a(60, "192.0.2.1")), false},
		{"lowered, what the plan keeps is there", lowering, sets(a(60, "192.0.2.1"), aaaa), true},
	}
	for _, tt := range tests {
		if got := tt.plan.Half(tt.now); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestMixed(t *testing.T) {
	a, aaaa, https := rrset(www, "A", 300, "192.0.2.1"), rrset(www, "AAAA", 300, "2001:db8::1"), rrset(www, "HTTPS", 300, "1 .")
	ours, ours6 := rrset(www, "A", 60, "198.51.100.7"), rrset(www, "AAAA", 60, "2001:db8::7")
	both, four := draft(dual, a, aaaa, https), draft(v4only, a, aaaa, https)
	tests := []struct {
		name string
		d    Draft
		now  []RecordSet
		want bool
	}{
		{"one set of two switched", both, []RecordSet{ours, aaaa, https}, true},
		{"one switched, one taken away", four, []RecordSet{ours, aaaa}, true},
		{"nothing switched", both, []RecordSet{a, aaaa, https}, false},
		{"all switched", both, []RecordSet{ours, ours6}, true},
		{"a set that both have was deleted", both, []RecordSet{ours, https}, false},
		{"somebody's address among ours", both, []RecordSet{ours, rrset(www, "AAAA", 300, "2001:db8::9")}, false},
		{"somebody's TTL", both, []RecordSet{rrset(www, "A", 900, "198.51.100.7"), aaaa}, false},
	}
	for _, tt := range tests {
		if got := tt.d.Mixed(tt.now); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
