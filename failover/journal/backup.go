package journal

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	backupPause = time.Second      // between two backups in one directory
	backupRetry = 30 * time.Second // after a failure, if nothing is appended meanwhile
)

// BackupOptions say what is kept where.
type BackupOptions struct {
	Journal *Journal
	// Dirs exist already: one that is missing may be a mount that is missing, and is not created.
	Dirs []string
	Keep int // backups of this journal kept in each directory, at least 1
	Log  *slog.Logger
	// Report hears of the first failure in a directory, of every other kind of failure after it,
	// and, with nil, that it works again. It is called from several goroutines. May be nil.
	Report func(dir string, err error)
}

// Backup writes an export of the journal into directories whenever it has grown. It never holds up
// an append, and a directory that hangs does not hold up another.
type Backup struct {
	opts BackupOptions
	dirs []*backupDir
}

// NewBackup prepares a backup; Run does the work.
func NewBackup(opts BackupOptions) *Backup {
	b := &Backup{opts: opts}
	for _, dir := range opts.Dirs {
		b.dirs = append(b.dirs, &backupDir{opts: opts, dir: dir, wake: make(chan struct{}, 1)})
	}
	return b
}

// Note says that the journal has grown. It returns at once.
func (b *Backup) Note() {
	for _, d := range b.dirs {
		select {
		case d.wake <- struct{}{}:
		default: // a backup that begins later is due already
		}
	}
}

// Run writes a backup at once, then after every Note, at most one a second and directory, until ctx
// ends; then it writes what was noted and returns. A write that hangs in a dead mount keeps it from
// returning.
func (b *Backup) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, d := range b.dirs {
		wg.Go(func() { d.run(ctx) })
	}
	wg.Wait()
}

// backupDir is one directory; everything but wake belongs to its goroutine.
type backupDir struct {
	opts     BackupOptions
	dir      string
	wake     chan struct{}
	written  uint64 // the position of the last backup
	trouble  string // of the last attempt
	foreword bool   // other journals' backups were mentioned
}

func (d *backupDir) run(ctx context.Context) {
	d.sweep()
	for {
		err := d.write()
		d.tell(err)
		pause := time.NewTimer(backupPause)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		retry := make(<-chan time.Time)
		if err != nil {
			retry = time.After(backupRetry)
		}
		select {
		case <-d.wake:
		case <-retry:
		case <-ctx.Done():
			select {
			case <-d.wake:
				d.tell(d.write())
			default:
			}
			return
		}
	}
}

func (d *backupDir) tell(err error) {
	trouble := ""
	if err != nil {
		trouble = err.Error()
	}
	if trouble == d.trouble {
		return
	}
	d.trouble = trouble
	if err != nil {
		err = fmt.Errorf("backup of the journal to %s: %w; the journal itself is not affected", d.dir, err)
		d.opts.Log.Error("backup failed", "dir", d.dir, "err", err)
	} else {
		d.opts.Log.Info("backup works again", "dir", d.dir)
	}
	if d.opts.Report != nil {
		d.opts.Report(d.dir, err)
	}
}

// write makes one backup, unless the journal is as it was at the last one.
func (d *backupDir) write() error {
	export, err := d.opts.Journal.snapshot(1)
	if err != nil {
		return err
	}
	if position := export.Position(); position == 0 || position == d.written {
		return nil
	}
	name := export.fileName()
	if err := writeFile(d.dir, name, export); err != nil {
		return withoutNames(err)
	}
	d.written = export.Position()
	return d.prune(export, name)
}
