package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/controller"
	"github.com/failover-dns/failover/failover/journal"
)

// journalFile is the journal's name in the data directory.
const journalFile = "journal.db"

// openJournal opens the journal, or makes it from a backup where the data directory is empty. A
// journal that cannot be trusted does not keep the program from serving pages: it runs without one,
// and so changes nothing in any zone.
func (a *app) openJournal() (err error) {
	c := a.cfg.Controller
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w; try: controller { data_dir = \"...\" }", err)
	}
	path := filepath.Join(c.DataDir, journalFile)
	a.journal, err = a.openOrRecover(path, c.Backup)
	switch {
	case errors.Is(err, failover.ErrDamaged):
		a.damage = err
		a.log.Error("the journal cannot be used: pages are served, and no zone is changed", "err", err)
		a.backup = journal.NewBackup(journal.BackupOptions{})
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; try: another controller { data_dir }, or give this user the directory", err)
	case err != nil:
		return err
	}
	a.onClose(a.journal.Close)
	a.backup = journal.NewBackup(journal.BackupOptions{Journal: a.journal, Dirs: c.Backup, Keep: c.BackupKeep, Log: a.log, Report: a.backupFailed})
	return nil
}

func (a *app) openOrRecover(path string, dirs []string) (*journal.Journal, error) {
	if len(dirs) > 0 {
		found, err := journal.Recover(path, dirs)
		if err != nil {
			return nil, fmt.Errorf("%w: the data directory is empty: %w", failover.ErrDamaged, err)
		}
		if found.File != "" {
			a.log.Warn("the data directory was empty; the state was taken from a backup", "file", found.File, "written", found.Export.At)
		}
	}
	j, err := journal.Open(path)
	if err != nil || len(dirs) == 0 {
		return j, err
	}
	newest, err := journal.Newest(dirs)
	if err == nil {
		err = j.Compare(newest) // an older copy of the file may have been put back
	} else {
		a.log.Warn("backups cannot be compared with the journal", "err", err)
		err = nil
	}
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// lastCopy is how long the last copy of the state may take when the program ends: a dead mount must
// not keep it alive.
const lastCopy = 5 * time.Second

// startBackup copies the state to other storage until the function it returns is called, which
// waits for the last copy.
func (a *app) startBackup(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.backup.Run(ctx)
	}()
	return func() {
		cancel()
		select {
		case <-done:
		case <-time.After(lastCopy):
			a.log.Error("the last copy of the state is not finished; the journal in the data directory has it")
		}
	}
}

// backupFailed hears how it goes in a backup directory.
func (a *app) backupFailed(dir string, err error) {
	alarm := controller.Alarm{Name: "backup", Message: "the state is copied to " + dir + " again", Since: time.Now()}
	if err != nil {
		alarm.Active, alarm.Message = true, "the state cannot be copied to "+dir+": "+err.Error()
		a.log.Warn("alarm", "alarm", alarm.Name, "message", alarm.Message)
	}
	if a.hooks != nil {
		a.hooks.alarm(alarm)
	}
}

// ledger is the journal that the controller gets.
func (a *app) ledger() failover.Journal {
	if a.journal == nil {
		return unusable{a.damage}
	}
	return a.journal
}

// recorded is the state that the journal holds of a site. Where it cannot say, the site counts as
// failed over: whoever comes to us then reads the page.
func (a *app) recorded(name string) failover.State {
	entry, err := a.ledger().Last(name)
	if err != nil && !errors.Is(err, failover.ErrNoEntry) {
		a.log.Error("the journal cannot be read", "site", name, "err", err)
		return failover.State{Phase: failover.InFallback}
	}
	return entry.State
}

// unusable is a journal that says no to everything.
type unusable struct{ err error }

func (u unusable) Last(string) (failover.Entry, error)        { return failover.Entry{}, u.err }
func (u unusable) Append(failover.Entry) error                { return u.err }
func (u unusable) Tail(string, int) ([]failover.Entry, error) { return nil, u.err }
func (u unusable) Sites() ([]string, error)                   { return nil, u.err }
