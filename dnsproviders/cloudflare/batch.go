package cloudflare

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/failover-dns/failover/failover"
)

// maxBatch is the number of records that the API takes in one batch on the Free plan.
const maxBatch = 200

// batch is the body of a batch call. The API carries it out in this order in one transaction, and
// undoes all of it if any part fails.
type batch struct {
	Deletes []map[string]any `json:"deletes,omitempty"`
	Patches []map[string]any `json:"patches,omitempty"`
	Posts   []map[string]any `json:"posts,omitempty"`

	readOnly []string // sets that the batch would have to change and can't
}

func (b *batch) size() int { return len(b.Deletes) + len(b.Patches) + len(b.Posts) }

// makeBatch returns what brings the managed sets from current to after; records are those of
// current, as read a moment ago.
func makeBatch(records []record, current, after []failover.RecordSet) (batch, error) {
	var b batch
	held := map[string][]record{}
	for _, r := range records {
		key := failover.RecordSet{Name: r.Name, Type: r.Type}.Key()
		held[key] = append(held[key], r)
	}
	for _, c := range failover.Diff(current, after) {
		var have []record
		if c.Before != nil {
			have = held[c.Before.Key()]
		}
		want, err := wanted(c.After)
		if err != nil {
			return batch{}, err
		}
		b.change(have, want)
	}
	return b, nil
}

// change adds what turns the records of one set into the wanted ones. A record is patched where one
// can be: a patch keeps the id, and the comment, tags and settings that it does not name.
func (b *batch) change(have []record, want []wish) {
	pairs, gone, fresh := pair(have, want)
	for _, r := range gone {
		b.guard(r)
		b.Deletes = append(b.Deletes, map[string]any{"id": r.ID})
	}
	for _, p := range pairs {
		fields := p.want.fields
		if p.have.value == p.want.value {
			if p.have.Proxied == fields["proxied"] && p.have.TTL == fields["ttl"] {
				continue
			}
			fields = p.want.core()
		}
		b.guard(p.have)
		fields["id"] = p.have.ID
		b.Patches = append(b.Patches, fields)
	}
	for _, w := range fresh {
		b.Posts = append(b.Posts, w.fields)
	}
}

func (b *batch) guard(r record) {
	key := failover.RecordSet{Name: r.Name, Type: r.Type}.Key()
	if r.Meta.ReadOnly && !slices.Contains(b.readOnly, key) {
		b.readOnly = append(b.readOnly, key)
	}
}

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

// pairing is a record that becomes another.
type pairing struct {
	have record
	want wish
}

// pair finds for each wanted record the one to make it from: first the one that has the value
// already, then the one with the same id, then any that is left. So no patch ever writes a value
// that another record of the set still holds, which the API would refuse.
func pair(have []record, want []wish) (pairs []pairing, gone []record, fresh []wish) {
	gone, fresh = slices.Clone(have), slices.Clone(want)
	for _, match := range []func(record, wish) bool{
		func(r record, w wish) bool { return r.value == w.value },
		func(r record, w wish) bool { return r.ID == w.id },
		func(record, wish) bool { return true },
	} {
		fresh = slices.DeleteFunc(fresh, func(w wish) bool {
			i := slices.IndexFunc(gone, func(r record) bool { return match(r, w) })
			if i < 0 {
				return false
			}
			pairs = append(pairs, pairing{gone[i], w})
			gone = slices.Delete(gone, i, i+1)
			return true
		})
	}
	return pairs, gone, fresh
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
