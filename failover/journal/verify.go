package journal

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/failover-dns/failover/failover"
)

// The file holds two buckets. "meta" has one key, "header". "sites" has one bucket a site, with the
// sealed entries under their sequence numbers in big endian. A site's bucket has the newest entry's
// number as its own sequence, and "sites" has the number of sites: a page that lost its end is
// whole in the eyes of bbolt, and is found by these.
var (
	sitesBucket = []byte("sites")
	metaBucket  = []byte("meta")
	headerKey   = []byte("header")
)

const (
	owner  = "failover-journal"
	format = 1 // 0 had neither header nor sequences; it is read, and brought up to 1 at once
)

// header says whose file it is.
type header struct {
	Format  string    `json:"format"`  // owner
	Version int       `json:"version"` // of the format
	ID      string    `json:"id"`      // 32 hex digits
	Created time.Time `json:"created"`
}

func newHeader() header {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return header{Format: owner, Version: format, ID: hex.EncodeToString(id), Created: time.Now().UTC().Truncate(time.Second)}
}

func (h header) put(tx *bbolt.Tx) error {
	bucket, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return err
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return bucket.Put(headerKey, seal(text))
}

// verify checks all of the file: every page, then the header, then every entry. It fills in s.header.
func verify(path string, s *store) error {
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("verify journal %s: %w", path, err)
	}
	if err := checkPages(s.file, info.Size()); errors.Is(err, errPages) {
		return damaged(path, err.Error(), err)
	} else if err != nil {
		return fmt.Errorf("verify journal %s: %w", path, err)
	}
	err = guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) (err error) {
			if s.header, err = readHeader(path, tx); err != nil {
				return err
			}
			return checkSites(tx, s.header.Version > 0)
		})
	})
	if err != nil {
		return damaged(path, err.Error(), err)
	}
	return nil
}

func readHeader(path string, tx *bbolt.Tx) (header, error) {
	if err := checkRoot(path, tx); err != nil {
		return header{}, err
	}
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return header{}, nil
	}
	text, err := unseal(meta.Get(headerKey))
	if err != nil {
		return header{}, fmt.Errorf("header: %w", err)
	}
	var h header
	if err := json.Unmarshal(text, &h); err != nil {
		return header{}, fmt.Errorf("header: %w: %w", err, failover.ErrDamaged)
	}
	switch {
	case h.Format != owner:
		return header{}, foreign(path, fmt.Sprintf("it belongs to %q, not to failover", h.Format))
	case h.Version > format:
		return header{}, newer(path, h.Version)
	case h.Version < 1 || h.ID == "":
		return header{}, fmt.Errorf("header: no version or id: %w", failover.ErrDamaged)
	}
	return h, nil
}

// checkRoot expects the two buckets, or that of sites alone, and nothing else.
func checkRoot(path string, tx *bbolt.Tx) error {
	var others []string
	cursor := tx.Cursor()
	for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
		if value != nil || string(key) != string(sitesBucket) && string(key) != string(metaBucket) {
			others = append(others, string(key))
		}
	}
	switch {
	case tx.Bucket(metaBucket) == nil && (tx.Bucket(sitesBucket) == nil || len(others) > 0):
		return foreign(path, "it is a database, but not a journal of failover")
	case tx.Bucket(sitesBucket) == nil:
		return fmt.Errorf("the entries are gone: %w", failover.ErrDamaged)
	case len(others) > 0:
		return fmt.Errorf("unknown parts %q: %w", others, failover.ErrDamaged)
	}
	return nil
}

func checkSites(tx *bbolt.Tx, counted bool) error {
	sites, n := tx.Bucket(sitesBucket), uint64(0)
	cursor := sites.Cursor()
	for name, value := cursor.First(); name != nil; name, value = cursor.Next() {
		if value != nil {
			return fmt.Errorf("site %q is no list of entries: %w", name, failover.ErrDamaged)
		}
		newest, err := checkSite(string(name), sites.Bucket(name))
		if err != nil {
			return err
		}
		sequence := sites.Bucket(name).Sequence()
		if counted && sequence != newest || !counted && sequence != 0 {
			return fmt.Errorf("site %s: the newest entry is %d and should be %d: %w", name, newest, sequence, failover.ErrDamaged)
		}
		n++
	}
	if sequence := sites.Sequence(); counted && sequence != n || !counted && sequence != 0 {
		return fmt.Errorf("there are %d sites and should be %d: %w", n, sequence, failover.ErrDamaged)
	}
	return nil
}

// checkSite checks every entry's checksum, that none is missing between the oldest and the newest,
// and that the newest can be read. It returns the newest one's number.
func checkSite(site string, bucket *bbolt.Bucket) (newest uint64, err error) {
	cursor := bucket.Cursor()
	for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
		if _, err := unseal(value); err != nil {
			return 0, fmt.Errorf("site %s: entry %x: %w", site, key, err)
		}
		if len(key) != 8 {
			return 0, fmt.Errorf("site %s: entry %x: %w", site, key, failover.ErrDamaged)
		}
		seq := binary.BigEndian.Uint64(key)
		if seq == 0 || newest != 0 && seq != newest+1 {
			return 0, fmt.Errorf("site %s: entry %d follows %d: %w", site, seq, newest, failover.ErrDamaged)
		}
		newest = seq
	}
	if newest == 0 {
		return 0, fmt.Errorf("site %s has no entries: %w", site, failover.ErrDamaged)
	}
	key, value := cursor.Last()
	_, err = decode(site, key, value)
	return newest, err
}

// upgrade brings a file of format 0 up to the present format.
func (s *store) upgrade() error {
	h := newHeader()
	err := guarded(func() error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			sites, names := tx.Bucket(sitesBucket), siteNames(tx)
			for _, name := range names {
				bucket := sites.Bucket([]byte(name))
				key, _ := bucket.Cursor().Last()
				if err := bucket.SetSequence(binary.BigEndian.Uint64(key)); err != nil {
					return err
				}
			}
			if err := sites.SetSequence(uint64(len(names))); err != nil {
				return err
			}
			return h.put(tx)
		})
	})
	if err == nil {
		s.header = h
	}
	return err
}
