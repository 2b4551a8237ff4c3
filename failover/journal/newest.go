package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/failover-dns/failover/failover"
)

var (
	// ErrNoBackup is matched by errors that say: every directory was read, and none holds a backup.
	ErrNoBackup = errors.New("there is no backup")
	// ErrAmbiguous is matched by errors that say: there are backups of several journals.
	ErrAmbiguous = errors.New("there are backups of several journals")
)

// Found is a backup that was found. The zero value is none.
type Found struct {
	File    string
	Export  Export
	Skipped []error // backups that could not be used, each with its name
}

const (
	backupPrefix = "failover-"
	backupSuffix = ".json"
)

// Newest returns the newest whole backup in the directories: the one with the highest position. What
// cannot be read is skipped, and is an error only where nothing else is found: a directory that does
// not exist may be a mount that is missing.
func Newest(dirs []string) (Found, error) {
	var best Found
	var skipped []error
	for _, dir := range dirs {
		names, err := backupsIn(dir)
		if err != nil {
			skipped = append(skipped, fmt.Errorf("backup directory: %w", err))
		}
		for _, name := range names {
			found, err := readBackup(filepath.Join(dir, name))
			switch {
			case err != nil:
				skipped = append(skipped, err)
			case best.File != "" && found.Export.Journal != best.Export.Journal:
				return Found{}, fmt.Errorf("%w: %s and %s; choose one: failover state import FILE", ErrAmbiguous, best.File, found.File)
			case best.File == "" || newerThan(found.Export, best.Export):
				best = found
			}
		}
	}
	best.Skipped = skipped
	switch {
	case best.File == "" && len(skipped) > 0:
		return Found{}, fmt.Errorf("no backup can be used: %w; put that right, or name a backup yourself: failover state import FILE", errors.Join(skipped...))
	case best.File == "":
		return Found{}, fmt.Errorf("%w in %s", ErrNoBackup, strings.Join(dirs, ", "))
	}
	return best, nil
}

func newerThan(a, b Export) bool {
	return a.Position() > b.Position() || a.Position() == b.Position() && a.At.After(b.At)
}

// backupsIn returns the names of all files that are named as backups are.
func backupsIn(dir string) (names []string, err error) {
	list, err := os.ReadDir(dir)
	for _, file := range list {
		if strings.HasPrefix(file.Name(), backupPrefix) && strings.HasSuffix(file.Name(), backupSuffix) {
			names = append(names, file.Name())
		}
	}
	return names, err
}

func readBackup(file string) (Found, error) {
	f, err := os.Open(file)
	if err != nil {
		return Found{}, err
	}
	defer f.Close()
	export, err := ReadExport(f)
	if err != nil {
		return Found{}, fmt.Errorf("%s: %w", file, err)
	}
	return Found{File: file, Export: export}, nil
}

// Compare tells whether the journal is at least as new as a backup of it. An older copy of the file
// that was put back is whole in itself; only what was written elsewhere since shows its age. Then, or
// if the journal and the backup went different ways, the error matches failover.ErrDamaged. A backup
// of another journal says nothing.
func (j *Journal) Compare(backup Found) error {
	if backup.Export.Journal != j.id {
		return nil
	}
	return j.view(func(tx *bbolt.Tx) error {
		for _, site := range backup.Export.Sites {
			if why, err := behind(tx, site.Newest()); err != nil {
				return err
			} else if why != "" {
				return &unusable{path: j.path, why: fmt.Sprintf("site %s: %s, as its backup %s shows", site.Site, why, backup.File),
					try: "failover state import --force " + backup.File + ", or move the backups away if the older state is right"}
			}
		}
		return nil
	})
}

// behind says why a site's list of entries cannot be a continuation of one that had this entry.
func behind(tx *bbolt.Tx, entry failover.Entry) (string, error) {
	bucket := siteBucket(tx, entry.Site)
	if bucket == nil {
		return "it is missing from the journal", nil
	}
	if newest := bucket.Sequence(); newest < entry.Seq {
		return fmt.Sprintf("the journal ends at entry %d and had entry %d: it is an older copy", newest, entry.Seq), nil
	}
	value := bucket.Get(seqKey(entry.Seq))
	if value == nil {
		return "", nil // dropped since
	}
	ours, err := decode(entry.Site, seqKey(entry.Seq), value)
	if err != nil {
		return "", err
	}
	if !reflect.DeepEqual(ours, entry) {
		return fmt.Sprintf("entry %d is another one than it was: an older copy went on", entry.Seq), nil
	}
	return "", nil
}
