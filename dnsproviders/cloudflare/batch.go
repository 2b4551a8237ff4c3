package cloudflare

import (
	"slices"

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
