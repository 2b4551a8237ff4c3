package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// ErrWouldLose is matched by errors that say: the import would put something older in the place of
// something newer, and was not forced to.
var ErrWouldLose = errors.New("the present journal would be lost")

// Import makes the journal at path from an export. Nothing is done while a process uses the
// journal (ErrInUse). Without force nothing is done either where the present journal has an entry
// that the export lacks, is another journal, or cannot be read (ErrWouldLose). What was at path is
// kept beside it as path.replaced-TIME.
func Import(path string, r io.Reader, force bool) error {
	export, err := ReadExport(r)
	if err != nil {
		return err
	}
	return install(path, export, force)
}

func install(path string, export Export, force bool) error {
	h := header{Format: owner, Version: format, ID: export.Journal, Created: export.Created}
	present, err := openStore(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := create(path, h, export.Sites); err != nil {
			return fmt.Errorf("import to %s: %w", path, err)
		}
		return nil
	case errors.Is(err, ErrInUse):
		return fmt.Errorf("import to %s: %w; stop it first", path, ErrInUse)
	case err == nil:
		defer present.close() // until then nobody else opens it
		err = loses(present, export)
	}
	if err != nil && !force {
		return fmt.Errorf("import to %s: %w: %w; try: --force (the present file is kept beside it)", path, ErrWouldLose, err)
	}
	if err := replace(path, h, export.Sites); err != nil {
		return fmt.Errorf("import to %s: %w", path, err)
	}
	return nil
}

// loses says what would be lost if the export took the place of the present journal.
func loses(present *store, export Export) error {
	newest := map[string]uint64{}
	for _, site := range export.Sites {
		newest[site.Site] = site.Newest().Seq
	}
	return present.db.View(func(tx *bbolt.Tx) error {
		names := siteNames(tx)
		if len(names) > 0 && present.header.ID != export.Journal {
			return fmt.Errorf("it is journal %s, and the export is of %s", present.header.ID, export.Journal)
		}
		for _, name := range names {
			if seq := siteBucket(tx, name).Sequence(); seq > newest[name] {
				return fmt.Errorf("site %s has entry %d, and the export has only %d", name, seq, newest[name])
			}
		}
		return nil
	})
}

// replace puts a new journal at path. Where the file system has hard links, there is a whole file of
// that name at every instant.
func replace(path string, h header, sites []SiteExport) error {
	temp, err := build(path, h, sites)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	kept := path + ".replaced-" + time.Now().UTC().Format("20060102T150405.000000000Z")
	if os.Link(path, kept) != nil { // no hard links here
		if err := os.Rename(path, kept); err != nil {
			return fmt.Errorf("keep the present file: %w", err)
		}
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Recover fills a blank data directory: where there is no file at path, it makes the journal from
// the newest backup in dirs, and returns that backup's name. It returns "" and no error when there
// is a file already, whatever its condition, or when all dirs can be read and hold no backup. That
// there is no whole backup but something could not be read, or that there are backups of several
// journals, are errors: then a human must choose, because a journal that begins anew knows no baseline.
func Recover(path string, dirs []string) (Found, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return Found{}, err
	}
	found, err := Newest(dirs)
	if errors.Is(err, ErrNoBackup) {
		return Found{}, nil
	}
	if err != nil {
		return Found{}, err
	}
	if err := install(path, found.Export, false); err != nil {
		return Found{}, err
	}
	return found, nil
}
