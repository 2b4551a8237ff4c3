package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// store is an open and verified file.
type store struct {
	db       *bbolt.DB
	file     *os.File // the same that db has
	pageSize int
	header   header
}

// guarded runs f. A panic of bbolt, or a memory fault where the mapped file became shorter than it
// was, is an error for which isBroken holds; the store then holds locks and is good for nothing but
// abandon. Nothing may reach bbolt in a goroutine that bbolt starts (DB.Batch, Tx.Check): a fault
// there ends the process.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &broken{reason: r}
		}
	}()
	return f()
}

func (s *store) close() error {
	err := guarded(s.db.Close)
	if isBroken(err) {
		return s.abandon()
	}
	return err
}

// abandon releases the file and its lock without asking bbolt. The mapping stays until the process ends.
func (s *store) abandon() error { return release(s.file) }

// openStore verifies and opens the file at path, which must exist.
func openStore(path string) (*store, error) {
	if err := plausible(path); err != nil {
		return nil, err
	}
	s, err := openBolt(path, true)
	if err != nil {
		return nil, err
	}
	err = verify(path, s)
	if err = errors.Join(err, s.close()); err != nil {
		return nil, err
	}
	verified := s.header
	if s, err = openBolt(path, false); err != nil {
		return nil, err
	}
	s.header = verified
	if verified.Version == 0 {
		if err := s.upgrade(); err != nil {
			return nil, errors.Join(fmt.Errorf("upgrade journal %s: %w", path, err), s.abandon())
		}
	}
	return s, nil
}

// plausible looks at what needs no lock. To bbolt an empty file is a new one; to us it is one that
// lost everything.
func plausible(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("open journal: %w", err)
	case !info.Mode().IsRegular():
		return foreign(path, "it is not a regular file")
	case info.Size() == 0:
		return damaged(path, "the file is empty", nil)
	case info.Size() < 2*minPage:
		return damaged(path, fmt.Sprintf("the file has only %d bytes", info.Size()), nil)
	}
	return nil
}

func openBolt(path string, readOnly bool) (*store, error) {
	s := &store{}
	options := &bbolt.Options{Timeout: time.Second, ReadOnly: readOnly}
	options.OpenFile = func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
		s.file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
		return s.file, err
	}
	err := guarded(func() (err error) {
		if s.db, err = bbolt.Open(path, 0o600, options); err == nil {
			s.pageSize = s.db.Info().PageSize
		}
		return err
	})
	if err == nil {
		return s, nil
	}
	if s.file != nil {
		_ = release(s.file) // bbolt does it too, unless it panicked
	}
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("open journal %s: %w; try: failover status", path, ErrInUse)
	case errors.Is(err, berrors.ErrInvalid):
		return nil, foreign(path, "it is not a journal, or its beginning is destroyed")
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) { // of the system, not about the content
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	return nil, damaged(path, err.Error(), err)
}

// create makes a journal beside path and then gives it its name, so that a file of that name is
// always whole. An error that matches fs.ErrExist says that there is one already.
func create(path string, h header, sites []SiteExport) error {
	temp, err := build(path, h, sites)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, path); errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil { // no hard links here
		if err := os.Rename(temp, path); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(path))
}

// build writes a whole journal to a new file beside path, synced, and returns its name.
func build(path string, h header, sites []SiteExport) (temp string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*.new") // mode 0600
	if err != nil {
		return "", err
	}
	temp = f.Name()
	defer func() {
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	if err := f.Close(); err != nil {
		return "", err
	}
	db, err := bbolt.Open(temp, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return "", err
	}
	err = db.Update(func(tx *bbolt.Tx) error { return fill(tx, h, sites) })
	return temp, errors.Join(err, db.Close())
}

func fill(tx *bbolt.Tx, h header, sites []SiteExport) error {
	if err := h.put(tx); err != nil {
		return err
	}
	all, err := tx.CreateBucketIfNotExists(sitesBucket)
	if err != nil {
		return err
	}
	for _, site := range sites {
		bucket, err := all.CreateBucket([]byte(site.Site))
		if err != nil {
			return err
		}
		for _, entry := range site.Entries {
			value, err := encode(entry)
			if err != nil {
				return err
			}
			if err := bucket.Put(seqKey(entry.Seq), value); err != nil {
				return err
			}
			if err := bucket.SetSequence(entry.Seq); err != nil {
				return err
			}
		}
	}
	return all.SetSequence(uint64(len(sites)))
}

// syncDir makes names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
