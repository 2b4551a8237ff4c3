package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/failover-dns/failover/failover"
)

// zone is one zone of an account. It implements failover.Zone.
type zone struct {
	apex   string // canonical
	client *client
	log    *slog.Logger
	names  nameLocks
	length atomic.Int64 // number of records, once the zone was found too long to list

	mu sync.Mutex
	id string // empty until it was looked up
}

var _ failover.Zone = (*zone)(nil)

// Abilities implements failover.Zone.
func (z *zone) Abilities() failover.Abilities {
	return failover.Abilities{Atomic: true, MinTTL: 60, MaxTTL: 86400, Proxied: true, FlattensCNAME: true}
}

// fault completes an error of the client with what only the zone knows.
func (z *zone) fault(op string, err error) error {
	var ze *failover.ZoneError
	if !errors.As(err, &ze) {
		return &failover.ZoneError{Kind: failover.KindRejected, Zone: z.apex, Op: op, Err: err}
	}
	whole := *ze
	whole.Zone, whole.Op = z.apex, op
	return &whole
}

// zoneInfo is what we need to understand of a zone.
type zoneInfo struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Status      string   `json:"status"`
	Permissions []string `json:"permissions"` // what the token may do; absent in some answers
}

// records returns the API path of the zone's records. The zone's id is looked up once.
func (z *zone) records(ctx context.Context) (string, error) {
	z.mu.Lock()
	id := z.id
	z.mu.Unlock()
	if id == "" {
		info, err := z.lookup(ctx, z.client)
		if err != nil {
			return "", err
		}
		id = info.ID
		z.mu.Lock()
		z.id = id
		z.mu.Unlock()
	}
	return "/zones/" + url.PathEscape(id) + "/dns_records", nil
}

// forget drops the zone's id when the API no longer knows it: a zone that was removed and added
// again has a new one.
func (z *zone) forget(err error) {
	var e *apiError
	if errors.As(err, &e) && e.status == http.StatusNotFound {
		z.mu.Lock()
		z.id = ""
		z.mu.Unlock()
	}
}

// lookup finds the zone by its name. Of several, which an account may have while a zone moves
// between accounts, the active one is meant.
func (z *zone) lookup(ctx context.Context, c *client) (zoneInfo, error) {
	var all []zoneInfo
	query := url.Values{"name": {bare(z.apex)}}
	if _, err := c.get(ctx, "/zones", query, &all); err != nil {
		return zoneInfo{}, err
	}
	var found, active []zoneInfo
	for _, info := range all {
		if failover.CanonicalName(info.Name) != z.apex || info.ID == "" {
			continue
		}
		found = append(found, info)
		if info.Status == "active" {
			active = append(active, info)
		}
	}
	if len(found) > 1 {
		found = active
	}
	if len(found) != 1 {
		return zoneInfo{}, &failover.ZoneError{Kind: failover.KindUnauthorized, Hint: tokenHint,
			Err: fmt.Errorf("the token sees %d zones named %s, want one", len(found), bare(z.apex))}
	}
	return found[0], nil
}

// nameLocks let one Replace at a time work at a name, so that within this process nobody writes
// between another's look and its write. Sites that share a zone do not wait for one another.
type nameLocks struct {
	mu    sync.Mutex
	locks map[string]chan struct{}
}

// acquire locks sorted, distinct names, or gives up when ctx ends.
func (n *nameLocks) acquire(ctx context.Context, names []string) (release func(), err error) {
	var held []chan struct{}
	release = func() {
		for _, lock := range held {
			<-lock
		}
	}
	for _, name := range names {
		lock := n.of(name)
		select {
		case lock <- struct{}{}:
			held = append(held, lock)
		case <-ctx.Done():
			release()
			return nil, ctx.Err()
		}
	}
	return release, nil
}

func (n *nameLocks) of(name string) chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.locks == nil {
		n.locks = map[string]chan struct{}{}
	}
	if n.locks[name] == nil {
		n.locks[name] = make(chan struct{}, 1)
	}
	return n.locks[name]
}
