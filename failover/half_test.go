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
