package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/failover-dns/failover/failover"
)

// pageSize is the number of records asked for at once.
const pageSize = 500

// errTooLong says that a listing has more pages than it is worth.
var errTooLong = errors.New("the zone is too long to be listed")

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
	records, err := z.fetch(ctx, path, names)
	if err != nil {
		z.forget(err)
		return nil, err
	}
	return slices.DeleteFunc(records, func(r record) bool { return !slices.Contains(names, r.Name) }), nil
}

// fetch makes as few calls as it can: it lists the zone, or asks for each name where the listing
// would have more pages than there are names.
func (z *zone) fetch(ctx context.Context, path string, names []string) ([]record, error) {
	if len(names) > 1 && z.length.Load() <= int64(len(names)*pageSize) {
		records, err := z.list(ctx, path, url.Values{}, len(names))
		if !errors.Is(err, errTooLong) {
			return records, err
		}
	}
	var all []record
	for _, name := range names {
		records, err := z.list(ctx, path, url.Values{"name.exact": {bare(name)}}, 0)
		if err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	return all, nil
}

// list returns all pages of a listing, or errTooLong if there are more than maxPages (0: no limit).
// A listing in which a record may be missing, because the zone changed from one page to the next, is
// no listing.
func (z *zone) list(ctx context.Context, path string, query url.Values, maxPages int) ([]record, error) {
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
		total := -1
		if info != nil && info.TotalCount != nil {
			total = int(*info.TotalCount)
		}
		if maxPages > 0 && total > maxPages*pageSize {
			z.length.Store(int64(total))
			return nil, errTooLong
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
		switch {
		case len(all) == total, total < 0 && len(raws) < pageSize:
			return all, nil
		case len(all) == before, len(all) > total && total >= 0:
			return nil, &failover.ZoneError{Kind: failover.KindUnavailable,
				Err: fmt.Errorf("the listing gave %d of %d records; the zone changed meanwhile", len(all), total)}
		}
	}
}
