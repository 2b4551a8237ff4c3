// Package journal keeps the entries of one controller in a bbolt file. Every append is synced to
// disk before it returns; appends of many sites that come together share one sync. The newest
// entry of a site is its state, so that nothing can be half-recorded.
//
// bbolt has no checksum on its pages, maps the file into memory, and panics or faults where the file
// is not as it wrote it. So the file is verified page by page, without being mapped, before it is
// used (pages.go); what it holds is verified by checksums and counts of our own (verify.go); and a
// fault later on is an error, not the end of the process (store.go). Whatever is wrong with the
// file, the error matches failover.ErrDamaged and names the way out.
package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/failover-dns/failover/failover"
)

// Keep is how many entries of a site are kept; older ones are dropped one by one.
const Keep = 1000

// Journal is a failover.Journal in one file.
type Journal struct {
	path string
	id   string

	queueMu sync.Mutex
	queue   []*write   // waiting for the next commit
	writing sync.Mutex // held by the one who commits

	mu     sync.RWMutex // held for writing while the store is replaced
	store  *store       // nil while it cannot be opened again
	doubt  error        // why the store must be opened anew before it is used
	unsure []*write     // refused to their callers, yet perhaps in the file
	closed bool
}

var _ failover.Journal = (*Journal)(nil)

// Open opens the journal at path after verifying all of it, or creates an empty one where there is
// no file. An error that matches failover.ErrDamaged says that the file is there and cannot be
// trusted: broken, not ours (ErrForeign), or of a newer version (ErrNewer). Such a file is not
// changed.
func Open(path string) (*Journal, error) {
	s, err := openStore(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(path, newHeader(), nil); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create journal %s: %w", path, err)
		}
		s, err = openStore(path)
	}
	if err != nil {
		return nil, err
	}
	return &Journal{path: path, id: s.header.ID, store: s}, nil
}

// ID names this journal for life: it is random, and the same in its exports and after an import.
func (j *Journal) ID() string { return j.id }

// Close waits for appends under way and releases the file.
func (j *Journal) Close() error {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.store
	j.closed, j.store, j.doubt = true, nil, os.ErrClosed
	if s == nil {
		return nil
	}
	return s.close()
}

// Last implements failover.Journal.
func (j *Journal) Last(site string) (entry failover.Entry, err error) {
	err = j.view(func(tx *bbolt.Tx) error {
		bucket := siteBucket(tx, site)
		if bucket == nil {
			return fmt.Errorf("site %s: %w", site, failover.ErrNoEntry)
		}
		key, value := bucket.Cursor().Last()
		entry, err = decode(site, key, value)
		return err
	})
	return entry, err
}

// Tail implements failover.Journal.
func (j *Journal) Tail(site string, n int) (entries []failover.Entry, err error) {
	err = j.view(func(tx *bbolt.Tx) error {
		entries, err = tail(tx, site, n)
		return err
	})
	return entries, err
}

// Sites implements failover.Journal.
func (j *Journal) Sites() (sites []string, err error) {
	err = j.view(func(tx *bbolt.Tx) error {
		sites = siteNames(tx)
		return nil
	})
	return sites, err
}

// view runs f in a read transaction of a store that is in no doubt. What f keeps must be a copy.
func (j *Journal) view(f func(*bbolt.Tx) error) error {
	j.mu.RLock()
	for j.doubt != nil {
		j.mu.RUnlock()
		if err := j.settle(); err != nil {
			return err
		}
		j.mu.RLock()
	}
	s := j.store
	err := guarded(func() error { return s.db.View(f) })
	j.mu.RUnlock()
	if isBroken(err) {
		j.suspect(s, err, nil)
		return damaged(j.path, err.Error(), err)
	}
	return err
}

func siteBucket(tx *bbolt.Tx, site string) *bbolt.Bucket {
	if site == "" {
		return nil
	}
	return tx.Bucket(sitesBucket).Bucket([]byte(site))
}

func siteNames(tx *bbolt.Tx) (names []string) {
	cursor := tx.Bucket(sitesBucket).Cursor()
	for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
		names = append(names, string(key))
	}
	return names
}

func tail(tx *bbolt.Tx, site string, n int) (entries []failover.Entry, err error) {
	bucket := siteBucket(tx, site)
	if bucket == nil {
		return nil, nil
	}
	cursor := bucket.Cursor()
	key, value := cursor.Last()
	for ; key != nil && len(entries) < n; key, value = cursor.Prev() {
		entry, err := decode(site, key, value)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	slices.Reverse(entries)
	return entries, nil
}
