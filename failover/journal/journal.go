// Package journal keeps the entries of one controller in a bbolt file. Every append is synced to
// disk before it returns; appends of many sites that come together share one sync. The newest
// entry of a site is its state, so that nothing can be half-recorded.
package journal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/failover-dns/failover/failover"
)

// Keep is how many entries of a site are kept; older ones are dropped one by one.
const Keep = 1000

// version is the first byte of every stored entry.
const version = 1

var sitesBucket = []byte("sites")

// Journal is a failover.Journal in one file.
type Journal struct {
	db   *bbolt.DB
	path string
}

var _ failover.Journal = (*Journal)(nil)

// Open opens or creates the journal at path. A file that another process holds, or that is not a
// journal, is an error.
func Open(path string) (j *Journal, err error) {
	defer contain(path, &err)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("open journal %s: another failover process uses it; try: failover status", path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("open journal %s: %w (%w); move the file away and restore a copy of it before starting again", path, failover.ErrDamaged, err)
	case err != nil:
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	db.MaxBatchDelay = 2 * time.Millisecond
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(sitesBucket)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, err), db.Close())
	}
	return &Journal{db: db, path: path}, nil
}

// contain turns a panic of the store, which it throws at torn pages, into ErrDamaged.
func contain(path string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("journal %s: %w: %v", path, failover.ErrDamaged, r)
	}
}

// Close waits for appends under way and releases the file.
func (j *Journal) Close() error { return j.db.Close() }

// Last implements failover.Journal.
func (j *Journal) Last(site string) (entry failover.Entry, err error) {
	defer contain(j.path, &err)
	err = j.db.View(func(tx *bbolt.Tx) error {
		key, value := last(tx, site)
		if key == nil {
			return fmt.Errorf("site %s: %w", site, failover.ErrNoEntry)
		}
		entry, err = decode(site, key, value)
		return err
	})
	return entry, err
}

// Append implements failover.Journal.
func (j *Journal) Append(entry failover.Entry) (err error) {
	defer contain(j.path, &err)
	value, err := encode(entry)
	if err != nil {
		return err
	}
	err = j.db.Batch(func(tx *bbolt.Tx) error {
		bucket, err := tx.Bucket(sitesBucket).CreateBucketIfNotExists([]byte(entry.Site))
		if err != nil {
			return err
		}
		newest := uint64(0)
		if key, _ := bucket.Cursor().Last(); key != nil {
			newest = binary.BigEndian.Uint64(key)
		}
		if entry.Seq != newest+1 {
			return fmt.Errorf("site %s: entry %d after %d: %w", entry.Site, entry.Seq, newest, failover.ErrConflict)
		}
		if entry.Seq > Keep {
			if err := bucket.Delete(seqKey(entry.Seq - Keep)); err != nil {
				return err
			}
		}
		return bucket.Put(seqKey(entry.Seq), value)
	})
	if err != nil {
		return fmt.Errorf("append to journal %s: %w", j.path, err)
	}
	return nil
}

// Tail implements failover.Journal.
func (j *Journal) Tail(site string, n int) (entries []failover.Entry, err error) {
	defer contain(j.path, &err)
	err = j.db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(sitesBucket).Bucket([]byte(site))
		if bucket == nil {
			return nil
		}
		cursor := bucket.Cursor()
		key, value := cursor.Last()
		for ; key != nil && len(entries) < n; key, value = cursor.Prev() {
			entry, err := decode(site, key, value)
			if err != nil {
				return err
			}
			entries = append(entries, entry)
		}
		return nil
	})
	for i, k := 0, len(entries)-1; i < k; i, k = i+1, k-1 {
		entries[i], entries[k] = entries[k], entries[i]
	}
	return entries, err
}

// Sites implements failover.Journal.
func (j *Journal) Sites() (sites []string, err error) {
	defer contain(j.path, &err)
	err = j.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(sitesBucket).ForEachBucket(func(name []byte) error {
			sites = append(sites, string(name))
			return nil
		})
	})
	return sites, err
}

func last(tx *bbolt.Tx, site string) (key, value []byte) {
	bucket := tx.Bucket(sitesBucket).Bucket([]byte(site))
	if bucket == nil {
		return nil, nil
	}
	return bucket.Cursor().Last()
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode gives: one byte of version, CRC-32C of the rest in big endian, the entry as JSON.
func encode(entry failover.Entry) ([]byte, error) {
	text, err := json.Marshal(entry)
	if err != nil {
		return nil, fmt.Errorf("site %s: entry %d: %w", entry.Site, entry.Seq, err)
	}
	value := binary.BigEndian.AppendUint32([]byte{version}, crc32.Checksum(text, castagnoli))
	return append(value, text...), nil
}

func decode(site string, key, value []byte) (failover.Entry, error) {
	var entry failover.Entry
	damaged := func(why string) (failover.Entry, error) {
		return failover.Entry{}, fmt.Errorf("site %s: entry %x: %s: %w", site, key, why, failover.ErrDamaged)
	}
	if len(value) < 5 {
		return damaged("too short")
	}
	if value[0] != version {
		return damaged(fmt.Sprintf("version %d is not known to this program", value[0]))
	}
	if crc32.Checksum(value[5:], castagnoli) != binary.BigEndian.Uint32(value[1:]) {
		return damaged("wrong checksum")
	}
	if err := json.Unmarshal(value[5:], &entry); err != nil {
		return damaged(err.Error())
	}
	if entry.Site != site || len(key) != 8 || entry.Seq != binary.BigEndian.Uint64(key) {
		return damaged("entry of another place")
	}
	return entry, nil
}
