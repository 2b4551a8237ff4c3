package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
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

// withoutNames takes the temporary name out of an error, so that the same failure reads the same.
func withoutNames(err error) error {
	var p *os.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return fmt.Errorf("%s: %w", p.Op, p.Err)
	case errors.As(err, &l):
		return fmt.Errorf("%s: %w", l.Op, l.Err)
	}
	return err
}

const backupTime = "20060102T150405.000Z"

// series is what the names of all backups of a journal begin with.
func (e Export) series() string { return backupPrefix + e.Journal[:8] + "-" }

// fileName orders by time; the position follows, for people and for prune.
func (e Export) fileName() string {
	return fmt.Sprintf("%s%s-%012d%s", e.series(), e.At.Format(backupTime), e.Position(), backupSuffix)
}

// positionOf returns the position part of a file name; it has a fixed width.
func positionOf(name string) string {
	name = strings.TrimSuffix(name, backupSuffix)
	return name[strings.LastIndexByte(name, '-')+1:]
}

// writeFile makes a whole and synced file appear under its name, or none.
func writeFile(dir, name string, export Export) (err error) {
	f, err := os.CreateTemp(dir, "."+export.series()+"*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := errors.Join(export.write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err // some network file systems have no such thing
	}
	return nil
}

// sweep removes what a killed process left unfinished. The journal has one user, so nothing of its
// series is being written.
func (d *backupDir) sweep() {
	left, _ := filepath.Glob(filepath.Join(d.dir, "."+Export{Journal: d.opts.Journal.ID()}.series()+"*.tmp"))
	for _, file := range left {
		_ = os.Remove(file)
	}
}

// prune removes the oldest backups of this journal beyond Keep, but never the one just written nor
// the one with the highest position: after an older copy was put back they differ.
func (d *backupDir) prune(export Export, written string) error {
	names, err := backupsIn(d.dir)
	if err != nil {
		return err
	}
	own, highest := []string{}, written
	for _, name := range names {
		if !strings.HasPrefix(name, export.series()) {
			d.mention(name)
			continue
		}
		own = append(own, name)
		if positionOf(name) > positionOf(highest) {
			highest = name
		}
	}
	surplus := len(own) - max(d.opts.Keep, 1)
	for _, name := range own { // sorted by os.ReadDir: the oldest first
		if surplus <= 0 {
			break
		}
		if name == written || name == highest {
			continue
		}
		if err := os.Remove(filepath.Join(d.dir, name)); err != nil {
			return err
		}
		surplus--
	}
	return nil
}

func (d *backupDir) mention(name string) {
	if !d.foreword {
		d.opts.Log.Warn("the backup directory also holds backups of another journal: an automatic recovery could not choose; "+
			"give each controller a directory of its own, or move the others away", "dir", d.dir, "other", name)
	}
	d.foreword = true
}
