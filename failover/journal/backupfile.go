package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

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
