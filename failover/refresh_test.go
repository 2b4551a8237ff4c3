package failover

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestRefresh(t *testing.T) {
	was := []RecordSet{rrset(www, "A", 300, "192.0.2.1", "192.0.2.2"), rrset(www, "AAAA", 900, "2001:db8::1")}
	was[0].Records[0].Opaque, was[0].Records[1].Opaque, was[1].Records[0].Opaque = []byte("one"), []byte("two"), []byte("three")
	now := []RecordSet{rrset(www, "A", 60, "192.0.2.2", "192.0.2.9")}
	now[0].Records[0].Opaque, now[0].Records[1].Opaque = []byte("edited"), []byte("new")
	fresh := Refresh(was, now)
	if show(fresh) != show(was) {
		t.Errorf("values or TTLs changed: %s", show(fresh))
	}
	got := fmt.Sprintf("%s %s %s", fresh[0].Records[0].Opaque, fresh[0].Records[1].Opaque, fresh[1].Records[0].Opaque)
	if got != "one edited three" || string(was[0].Records[1].Opaque) != "two" {
		t.Errorf("got %s; what was given is now %s", got, was[0].Records[1].Opaque)
	}
}

// The TTL in the provider's own fields is ours while the zone is armed; a comment is its author's.
func TestRefreshKeepsTheTTL(t *testing.T) {
	tests := []struct{ name, was, now, want string }{
		{"a comment edited while armed", `{"id":"1","ttl":1,"comment":"old"}`, `{"comment":"new","id":"1","ttl":60}`, `{"comment":"new","id":"1","ttl":1}`},
		{"nothing but our TTL", `{"id":"1","ttl":1,"proxied":false}`, `{"id":"1","ttl":60,"proxied":false}`, `{"id":"1","ttl":1,"proxied":false}`},
		{"made anew", `{"id":"1","ttl":300}`, `{"id":"2","ttl":60,"tags":[]}`, `{"id":"2","tags":[],"ttl":300}`},
		{"none was kept", `{"id":"1"}`, `{"id":"1","ttl":60}`, `{"id":"1"}`},
		{"no object", `"a"`, `"b"`, `"b"`},
		{"nothing before", ``, `{"id":"1","ttl":60}`, `{"id":"1","ttl":60}`},
	}
	for _, tt := range tests {
		if got := string(keepTTL(json.RawMessage(tt.was), json.RawMessage(tt.now))); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
