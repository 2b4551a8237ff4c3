package cloudflare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/failover-dns/failover/failover"
)

// autoTTL is what Cloudflare's nameservers answer for a DNS-only record whose ttl is 1, automatic.
const autoTTL = 300

// record is what we need to understand of a DNS record; the rest stays in raw.
type record struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Type     string          `json:"type"`
	Content  string          `json:"content"`
	Data     json.RawMessage `json:"data"`
	Priority float64         `json:"priority"`
	Proxied  bool            `json:"proxied"`
	TTL      float64         `json:"ttl"`
	Meta     struct {
		ReadOnly bool `json:"read_only"`
	} `json:"meta"`

	raw   json.RawMessage
	value string // canonical RDATA
}

// parseRecord reads one record of the API, or the opaque part of one of ours.
func parseRecord(raw json.RawMessage) (record, error) {
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return record{}, fmt.Errorf("a DNS record that is not understood: %w", err)
	}
	if r.ID == "" || r.Name == "" || r.Type == "" {
		return record{}, errors.New("a DNS record without id, name or type")
	}
	if r.TTL < 0 || r.TTL > 1<<31-1 || r.TTL != float64(uint32(r.TTL)) {
		return record{}, fmt.Errorf("a DNS record with ttl %v", r.TTL)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return record{}, err
	}
	r.raw = compact.Bytes()
	r.Name = failover.CanonicalName(r.Name)
	r.Type = strings.ToUpper(r.Type)
	r.value = r.canonical()
	return r, nil
}

// visibleTTL is the TTL as the set says it: 1 for a proxied record, what resolvers see for another.
func (r record) visibleTTL() uint32 {
	switch {
	case r.Proxied:
		return 1
	case r.TTL == 1:
		return autoTTL
	default:
		return uint32(r.TTL)
	}
}

// recordSets groups records by owner and type, sorted. The lowest TTL (RFC 2181 section 5.2) and any
// "proxied" count for the whole set, so that a set of which a part is still low is not taken for whole.
func recordSets(records []record) []failover.RecordSet {
	sets := map[string]*failover.RecordSet{}
	for _, r := range records {
		key := failover.RecordSet{Name: r.Name, Type: r.Type}.Key()
		if sets[key] == nil {
			sets[key] = &failover.RecordSet{Name: r.Name, Type: r.Type, TTL: r.visibleTTL()}
		}
		s := sets[key]
		s.TTL = min(s.TTL, r.visibleTTL())
		s.Proxied = s.Proxied || r.Proxied
		s.Locked = s.Locked || r.Meta.ReadOnly
		s.Records = append(s.Records, failover.Record{Value: r.value, Opaque: r.raw})
	}
	out := make([]failover.RecordSet, 0, len(sets))
	for _, s := range sets {
		if s.Proxied {
			s.TTL = 1
		}
		slices.SortStableFunc(s.Records, func(a, b failover.Record) int { return strings.Compare(a.Value, b.Value) })
		out = append(out, *s)
	}
	return failover.SortSets(out)
}
func readOnly(op, zone string, keys []string) error {
	return &failover.ZoneError{Kind: failover.KindReadOnly, Zone: zone, Op: op,
		Err:  fmt.Errorf("%s is managed by another Cloudflare product", strings.Join(keys, ", ")),
		Hint: "detach the name from the Worker, Pages project, tunnel or bucket that owns it and create a plain DNS record, or take the host out of the site"}
}
