package cloudflare

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/failover-dns/failover/failover"
)

// manyNames is the number of names from which on one listing of the zone costs less than asking
// for each name.
const manyNames = 8

// pageSize is the number of records asked for at once.
const pageSize = 1000

// Read implements failover.Zone.
func (z *zone) Read(ctx context.Context, names []string) ([]failover.RecordSet, error) {
	records, err := z.read(ctx, names)
	if err != nil {
		return nil, z.fault("read", err)
	}
	return recordSets(records), nil
}

// read returns all records at the names, of all types.
func (z *zone) read(ctx context.Context, names []string) ([]record, error) {
	for _, name := range names {
		if !failover.InZone(name, z.apex) {
			return nil, fmt.Errorf("%s is not in the zone", name)
		}
	}
	if len(names) == 0 {
		return nil, ctx.Err()
	}
	path, err := z.records(ctx)
	if err != nil {
		return nil, err
	}
	queries := []url.Values{{}}
	if len(names) < manyNames {
		queries = nil
		for _, name := range names {
			queries = append(queries, url.Values{"name.exact": {bare(name)}})
		}
	}
	var all []record
	for _, query := range queries {
		records, err := z.list(ctx, path, query)
		if err != nil {
			z.forget(err)
			return nil, err
		}
		all = append(all, records...)
	}
	return slices.DeleteFunc(all, func(r record) bool { return !slices.Contains(names, r.Name) }), nil
}

// list returns all pages of a listing. A listing in which a record may be missing, because the
// zone changed from one page to the next, is no listing.
func (z *zone) list(ctx context.Context, path string, query url.Values) ([]record, error) {
	var all []record
	seen := map[string]bool{}
	query.Set("per_page", strconv.Itoa(pageSize))
	for page := 1; ; page++ {
		query.Set("page", strconv.Itoa(page))
		var raws []json.RawMessage
		info, err := z.client.get(ctx, path, query, &raws)
		if err != nil {
			return nil, err
		}
		before := len(all)
		for _, raw := range raws {
			r, err := parseRecord(raw)
			if err != nil {
				return nil, &failover.ZoneError{Kind: failover.KindUnavailable, Err: err}
			}
			if !seen[r.ID] {
				seen[r.ID] = true
				all = append(all, r)
			}
		}
		total := -1
		if info != nil && info.TotalCount != nil {
			total = int(*info.TotalCount)
		}
		switch {
		case len(all) == total, total < 0 && len(raws) < pageSize:
			return all, nil
		case len(all) == before, len(all) > total && total >= 0:
			return nil, &failover.ZoneError{Kind: failover.KindUnavailable,
				Err: fmt.Errorf("the listing gave %d of %d records; the zone changed meanwhile", len(all), total)}
		}
	}
}
