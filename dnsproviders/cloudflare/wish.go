package cloudflare

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/failover-dns/failover/failover"
)

// wish is one record as it shall be.
type wish struct {
	value  string
	id     string         // of the record it restores, if any
	fields map[string]any // to be sent
}

// core returns the fields that always have to be named. With content but without type the API's
// schema is ambiguous; with both, a patch is valid for all types.
func (w wish) core() map[string]any {
	out := map[string]any{}
	for _, key := range []string{"name", "type", "content", "data", "ttl", "proxied"} {
		if v, found := w.fields[key]; found {
			out[key] = v
		}
	}
	return out
}

// wanted returns the records of a set that shall be.
func wanted(s *failover.RecordSet) ([]wish, error) {
	if s == nil {
		return nil, nil
	}
	originals := make([]*record, len(s.Records))
	var whole []record
	for i, r := range s.Records {
		known, err := parseRecord(r.Opaque)
		if err == nil && known.Name == s.Name && known.Type == s.Type && known.value == r.Value {
			originals[i] = &known
			whole = append(whole, known)
		}
	}
	exact := false // whether the TTLs and proxied flags of the originals are wanted as they are
	if sets := recordSets(whole); len(sets) == 1 {
		exact = sets[0].TTL == s.TTL && sets[0].Proxied == s.Proxied && len(whole) == len(s.Records)
	}
	wishes := make([]wish, len(s.Records))
	for i, r := range s.Records {
		w, err := wanting(*s, r, originals[i], exact)
		if err != nil {
			return nil, err
		}
		wishes[i] = w
	}
	return wishes, nil
}

func wanting(s failover.RecordSet, r failover.Record, original *record, exact bool) (wish, error) {
	w := wish{value: r.Value, fields: map[string]any{}}
	if original == nil {
		if err := setValue(w.fields, s.Type, r.Value); err != nil {
			return wish{}, err
		}
	} else {
		w.id, w.fields = original.ID, writable(original.raw)
	}
	w.fields["name"], w.fields["type"] = bare(s.Name), s.Type
	w.fields["ttl"], w.fields["proxied"] = float64(s.TTL), s.Proxied
	if original != nil && exact {
		w.fields["ttl"], w.fields["proxied"] = original.TTL, original.Proxied
	}
	return w, nil
}

// writable returns all fields of a record but those that the API itself maintains. Fields that we
// don't know are kept: who restores a record restores all of it.
func writable(raw json.RawMessage) map[string]any {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return map[string]any{}
	}
	maps.DeleteFunc(fields, func(key string, value any) bool {
		switch key {
		case "id", "zone_id", "zone_name", "locked", "meta", "proxiable":
			return true
		case "settings":
			return value == nil // the API takes an object only
		}
		return strings.HasSuffix(key, "_on") // created_on, modified_on, comment_modified_on, ...
	})
	if fields["data"] != nil {
		delete(fields, "content") // the API makes it from the data
	}
	return fields
}

// reportLosses says which of a restored record's own fields Cloudflare did not take, such as tags
// on a plan that has none any more. The addresses are right; a human may care for the rest.
func (z *zone) reportLosses(after, current []failover.RecordSet) {
	found := map[string]failover.Record{}
	for _, s := range current {
		for _, r := range s.Records {
			found[s.Key()+" "+r.Value] = r
		}
	}
	for _, s := range after {
		for _, r := range s.Records {
			if len(r.Opaque) == 0 {
				continue
			}
			want, got := writable(r.Opaque), writable(found[s.Key()+" "+r.Value].Opaque)
			for _, key := range slices.Sorted(maps.Keys(want)) {
				if !slices.Contains([]string{"ttl", "proxied", "name", "content"}, key) && !reflect.DeepEqual(want[key], got[key]) {
					z.log.Warn("a field of the record differs from the original", "record", s.Key(), "value", r.Value, "field", key)
				}
			}
		}
	}
}
