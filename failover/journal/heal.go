package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"go.etcd.io/bbolt"
)

// suspect says that s may not be used any more. The batch, if any, was refused to its callers.
func (j *Journal) suspect(s *store, err error, batch []*write) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.store != s {
		return
	}
	j.doubt = err
	for _, w := range batch {
		if w.err == nil {
			j.unsure = append(j.unsure, w)
		}
	}
}

// settle opens the store anew after a doubt. A sync that failed leaves a file whose newest head may
// be in the page cache alone, marked as clean; the next commit would overwrite pages that the head on
// disk still needs. So the heads are written once more before anything else.
func (j *Journal) settle() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return fmt.Errorf("journal %s: %w", j.path, os.ErrClosed)
	}
	if j.doubt == nil {
		return nil
	}
	if s := j.store; s != nil {
		if err := s.rewriteHeads(); err != nil {
			return fmt.Errorf("journal %s: %w", j.path, err)
		}
		release := s.close
		if isBroken(j.doubt) {
			release = s.abandon
		}
		j.store = nil
		_ = release() // nothing of ours is in it that is not in the file
	}
	s, err := j.reopen()
	if err != nil {
		return fmt.Errorf("%w (the journal had to be opened again after: %w)", err, j.doubt)
	}
	j.store, j.doubt, j.unsure = s, nil, nil
	return nil
}

func (j *Journal) reopen() (*store, error) {
	s, err := openStore(j.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, damaged(j.path, "the file was removed while it was in use", err)
	}
	if err != nil {
		return nil, err
	}
	if s.header.ID != j.id {
		return nil, errors.Join(damaged(j.path, "another journal was put in its place; restart failover to use that one", nil), s.close())
	}
	if err := s.drop(j.unsure); err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", j.path, err), s.abandon())
	}
	return s, nil
}

// rewriteHeads writes the two meta pages as they are, and syncs.
func (s *store) rewriteHeads() error {
	heads := make([]byte, 2*s.pageSize)
	if n, _ := s.file.ReadAt(heads, 0); n < len(heads) {
		return nil // the file became shorter: found when it is opened again
	}
	if _, err := s.file.WriteAt(heads, 0); err != nil {
		return err
	}
	return s.file.Sync()
}

// drop takes refused entries out again, if they are in.
func (s *store) drop(unsure []*write) error {
	return guarded(func() error {
		present := func(tx *bbolt.Tx, w *write) bool {
			bucket := siteBucket(tx, w.site)
			return bucket != nil && bucket.Sequence() == w.seq && slices.Equal(bucket.Get(seqKey(w.seq)), w.value)
		}
		left := []*write{}
		err := s.db.View(func(tx *bbolt.Tx) error {
			left = slices.DeleteFunc(slices.Clone(unsure), func(w *write) bool { return !present(tx, w) })
			return nil
		})
		if err != nil || len(left) == 0 {
			return err
		}
		return s.db.Update(func(tx *bbolt.Tx) error {
			for _, w := range left {
				if err := takeOut(tx, w); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func takeOut(tx *bbolt.Tx, w *write) error {
	sites := tx.Bucket(sitesBucket)
	bucket := sites.Bucket([]byte(w.site))
	if err := bucket.Delete(seqKey(w.seq)); err != nil {
		return err
	}
	if key, _ := bucket.Cursor().Last(); key != nil {
		return bucket.SetSequence(binary.BigEndian.Uint64(key))
	}
	if err := sites.DeleteBucket([]byte(w.site)); err != nil {
		return err
	}
	return sites.SetSequence(sites.Sequence() - 1)
}
