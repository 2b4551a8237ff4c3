package failover

import (
	"bytes"
	"encoding/json"
	"maps"
)

// Refresh returns the baseline with the provider's own fields that the records carry now: a comment may
// be edited at any time while the values stay. What TTL and proxied were stays, as it does in the set:
// they are ours while the zone is armed.
func Refresh(baseline, current []RecordSet) []RecordSet {
	now := map[string]json.RawMessage{}
	for _, s := range current {
		for _, r := range s.Records {
			now[s.Key()+" "+r.Value] = r.Opaque
		}
	}
	fresh := CloneSets(baseline)
	for i := range fresh {
		for k, r := range fresh[i].Records {
			if opaque, found := now[fresh[i].Key()+" "+r.Value]; found {
				fresh[i].Records[k].Opaque = keepTTL(r.Opaque, opaque)
			}
		}
	}
	return fresh
}

// keepTTL returns the fields of now, but the ttl and the proxied of was; was itself if that is the same.
// Fields that are no JSON object say nothing of a TTL.
func keepTTL(was, now json.RawMessage) json.RawMessage {
	var before, after map[string]json.RawMessage
	if json.Unmarshal(was, &before) != nil || json.Unmarshal(now, &after) != nil || before == nil || after == nil {
		return now
	}
	fields := maps.Clone(after)
	for _, name := range []string{"ttl", "proxied"} {
		delete(fields, name)
		if v, found := before[name]; found {
			fields[name] = v
		}
	}
	same := func(a, b map[string]json.RawMessage) bool {
		return maps.EqualFunc(a, b, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
	}
	switch {
	case same(fields, before):
		return was
	case same(fields, after):
		return now
	}
	merged, err := json.Marshal(fields)
	if err != nil {
		return now // cannot be: every value was read as JSON
	}
	return merged
}
