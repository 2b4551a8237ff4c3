package journal

import (
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"

	"github.com/failover-dns/failover/failover"
)

// write is an entry on its way. Its results are guarded by Journal.writing.
type write struct {
	site  string
	seq   uint64
	value []byte
	done  bool
	err   error
}

// Append implements failover.Journal. After any error the entry is not in the journal, also when the
// disk failed half-way: before the journal is used again it is opened anew, and what was refused is
// taken out. (If the process ends before that, the entry may be found after the restart.) Appends
// succeed again by themselves when the disk does.
func (j *Journal) Append(entry failover.Entry) error {
	if entry.Site == "" || len(entry.Site) > bbolt.MaxKeySize {
		return fmt.Errorf("append to journal %s: a site needs a name of 1 to %d bytes", j.path, bbolt.MaxKeySize)
	}
	value, err := encode(entry)
	if err != nil {
		return err
	}
	w := &write{site: entry.Site, seq: entry.Seq, value: value}
	j.queueMu.Lock()
	j.queue = append(j.queue, w)
	j.queueMu.Unlock()

	// Whoever comes first writes for all that wait.
	j.writing.Lock()
	defer j.writing.Unlock()
	if !w.done {
		j.queueMu.Lock()
		batch := j.queue
		j.queue = nil
		j.queueMu.Unlock()
		j.commit(batch)
	}
	if w.err != nil {
		return fmt.Errorf("append to journal %s: %w", j.path, w.err)
	}
	return nil
}

// commit stores a batch in one transaction and one sync.
func (j *Journal) commit(batch []*write) {
	finish := func(err error) {
		for _, w := range batch {
			if w.done = true; w.err == nil {
				w.err = err
			}
		}
	}
	j.mu.RLock()
	s, doubt := j.store, j.doubt
	j.mu.RUnlock()
	if doubt != nil {
		if err := j.settle(); err != nil {
			finish(err)
			return
		}
		s = j.store // only a commit sets it, and we are the one
	}
	if err := s.inPlace(j.path); err != nil {
		finish(err) // what is open is still whole, and can be read and exported
		return
	}
	err := guarded(func() error { return s.db.Update(func(tx *bbolt.Tx) error { return putAll(tx, batch) }) })
	if errors.Is(err, errNothing) {
		err = nil
	}
	if err != nil {
		j.suspect(s, err, batch)
		if isBroken(err) {
			err = damaged(j.path, err.Error(), err)
		}
	}
	finish(err)
}

// errNothing ends a transaction that has nothing to store.
var errNothing = errors.New("nothing to store")

func putAll(tx *bbolt.Tx, batch []*write) error {
	stored := 0
	for _, w := range batch {
		switch err := put(tx, w); {
		case errors.Is(err, failover.ErrConflict):
			w.err = err
		case err != nil:
			return err
		default:
			stored++
		}
	}
	if stored == 0 {
		return errNothing
	}
	return nil
}

// put stores one entry, or changes nothing and returns an error that matches failover.ErrConflict.
func put(tx *bbolt.Tx, w *write) error {
	sites := tx.Bucket(sitesBucket)
	bucket := sites.Bucket([]byte(w.site))
	newest := uint64(0)
	if bucket != nil {
		newest = bucket.Sequence()
	}
	if w.seq != newest+1 {
		return fmt.Errorf("site %s: entry %d after %d: %w", w.site, w.seq, newest, failover.ErrConflict)
	}
	if bucket == nil {
		var err error
		if bucket, err = sites.CreateBucket([]byte(w.site)); err != nil {
			return err
		}
		if err := sites.SetSequence(sites.Sequence() + 1); err != nil {
			return err
		}
	}
	if w.seq > Keep {
		if err := bucket.Delete(seqKey(w.seq - Keep)); err != nil {
			return err
		}
	}
	if err := bucket.SetSequence(w.seq); err != nil {
		return err
	}
	return bucket.Put(seqKey(w.seq), w.value)
}

// inPlace tells whether path still names the open file: entries that go into a removed file are lost.
func (s *store) inPlace(path string) error {
	const try = "failover state export, which still has everything, before this process ends; then put the file back"
	here, err := os.Stat(path)
	if err != nil {
		return &unusable{path: path, why: "the file cannot be found any more", try: try, cause: err}
	}
	open, err := s.file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(here, open) {
		return &unusable{path: path, why: "another file was put in its place while it was in use", try: try}
	}
	return nil
}
