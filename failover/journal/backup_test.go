package journal

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failover-dns/failover/failover"
)

// running starts a backup of j and returns it and a function that stops it.
func running(t *testing.T, opts BackupOptions) (*Backup, func()) {
	t.Helper()
	opts.Log = slog.New(slog.DiscardHandler)
	b := NewBackup(opts)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { b.Run(ctx); close(done) }()
	return b, func() { cancel(); <-done }
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	names, err := backupsIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestBackupIsCoalescedAndPruned(t *testing.T) {
	j := filled(t, entry("www", 1))
	dirs := []string{t.TempDir(), t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		b, stop := running(t, BackupOptions{Journal: j, Dirs: dirs, Keep: 3})
		synctest.Wait()
		if n := len(list(t, dirs[0])); n != 1 {
			t.Fatalf("%d backups at the start, want 1", n)
		}
		for seq := uint64(2); seq <= 60; seq++ { // ten a second, for six seconds
			if err := j.Append(entry("www", seq)); err != nil {
				t.Fatal(err)
			}
			b.Note()
			time.Sleep(100 * time.Millisecond)
			if seq == 25 && len(list(t, dirs[0])) != 3 {
				t.Fatalf("%v after two seconds, want three backups", list(t, dirs[0]))
			}
		}
		if err := j.Append(entry("www", 61)); err != nil {
			t.Fatal(err)
		}
		b.Note()
		stop()
	})
	for _, dir := range dirs {
		names := list(t, dir)
		if len(names) != 3 || !strings.HasSuffix(names[2], "-000000000061.json") {
			t.Errorf("%v; want three, the last with entry 61", names)
		}
		if left, _ := os.ReadDir(dir); len(left) != 3 {
			t.Errorf("files left: %v", left)
		}
	}
	found, err := Newest(dirs)
	if err != nil || found.Export.Position() != 61 {
		t.Fatalf("Newest: %+v, %v", found, err)
	}
	if last, err := j.Last("www"); err != nil || !reflect.DeepEqual(found.Export.Sites[0].Newest(), last) {
		t.Errorf("the backup holds %+v, the journal %+v, %v", found.Export.Sites[0].Newest(), last, err)
	}
}

func TestBackupThatFailsIsReportedAndTriedAgain(t *testing.T) {
	j := filled(t, entry("www", 1))
	good, missing := t.TempDir(), filepath.Join(t.TempDir(), "mnt")
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var reports []string
		_, stop := running(t, BackupOptions{Journal: j, Dirs: []string{missing, good}, Keep: 3, Report: func(dir string, err error) {
			mu.Lock()
			defer mu.Unlock()
			if dir != missing {
				t.Errorf("%s: %v", dir, err)
			}
			if err == nil {
				reports = append(reports, "works")
			} else {
				reports = append(reports, err.Error())
			}
		}})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		mu.Lock()
		if len(list(t, good)) != 1 || len(reports) != 1 || !strings.Contains(reports[0], "no such file or directory") {
			t.Fatalf("backups %v, reports %q; want one each", list(t, good), reports)
		}
		mu.Unlock()
		if err := os.Mkdir(missing, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		stop()
		if len(list(t, missing)) != 1 || len(reports) != 2 || reports[1] != "works" {
			t.Fatalf("after the mount came back: backups %v, reports %q", list(t, missing), reports)
		}
	})
}

// put writes a backup as Backup does.
func putBackup(t *testing.T, dir string, j *Journal) string {
	t.Helper()
	export, err := j.snapshot(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeFile(dir, export.fileName(), export); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, export.fileName())
}

func TestRecoverFillsABlankDirectory(t *testing.T) {
	j := filled(t, someEntries()...)
	near, far, missing := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "mnt")
	putBackup(t, near, j)
	if err := j.Append(entry("www", 4)); err != nil {
		t.Fatal(err)
	}
	want := putBackup(t, far, j)
	if err := j.Append(entry("www", 5)); err != nil {
		t.Fatal(err)
	}
	broken := putBackup(t, near, j)
	if err := os.Truncate(broken, 1000); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "journal.db")
	found, err := Recover(path, []string{near, missing, far})
	if err != nil || found.File != want || len(found.Skipped) != 2 {
		t.Fatalf("recovered from %s, %v, skipped %v; want %s and two skipped", found.File, err, found.Skipped, want)
	}
	k := open(t, path)
	if got, err := k.Last("www"); err != nil || got.Seq != 4 || k.ID() != j.ID() {
		t.Fatalf("recovered %+v, %v", got, err)
	}
	if again, err := Recover(path, []string{near, far}); err != nil || again.File != "" {
		t.Fatalf("a journal that is there: %+v, %v; want nothing done", again, err)
	}
}

func TestRecoverDoesNotGuess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	empty, cut, mixed := t.TempDir(), t.TempDir(), t.TempDir()
	if found, err := Recover(path, []string{empty}); err != nil || found.File != "" {
		t.Errorf("no backups: %+v, %v; want a first start", found, err)
	}
	if err := os.Truncate(putBackup(t, cut, filled(t, entry("www", 1))), 10); err != nil {
		t.Fatal(err)
	}
	putBackup(t, mixed, filled(t, entry("www", 1)))
	putBackup(t, mixed, filled(t, entry("www", 1), entry("www", 2)))
	for dir, want := range map[string]error{cut: failover.ErrDamaged, mixed: ErrAmbiguous, filepath.Join(empty, "mnt"): os.ErrNotExist} {
		if found, err := Recover(path, []string{dir}); !errors.Is(err, want) || !strings.Contains(err.Error(), "failover state import") {
			t.Errorf("%+v, %v; want %v and a way out", found, err, want)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a journal was made")
	}
}

func TestOlderCopyPutBackIsFound(t *testing.T) {
	j := filled(t, entry("www", 1), entry("www", 2))
	dir := t.TempDir()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	copied := read(t, j.path)
	reopened := func() *Journal { return open(t, j.path) }
	k := reopened()
	if err := errors.Join(k.Append(entry("www", 3)), k.Append(entry("www", 4))); err != nil {
		t.Fatal(err)
	}
	putBackup(t, dir, k)
	compare := func(k *Journal) error {
		found, err := Newest([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		return k.Compare(found)
	}
	if err := compare(k); err != nil {
		t.Fatalf("the journal itself: %v", err)
	}
	if err := k.Append(entry("www", 5)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(compare(k), k.Close()); err != nil {
		t.Fatalf("a journal newer than its backup: %v", err)
	}
	if err := os.WriteFile(j.path, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	k = reopened()
	if err := compare(k); !errors.Is(err, failover.ErrDamaged) || !strings.Contains(err.Error(), "older copy") {
		t.Fatalf("an older copy: %v", err)
	}
	for seq := uint64(3); seq <= 6; seq++ {
		e := entry("www", seq)
		e.Message = "another history"
		if err := k.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := compare(k); !errors.Is(err, failover.ErrDamaged) || !strings.Contains(err.Error(), "went on") {
		t.Fatalf("an older copy that went on: %v", err)
	}
	if err := compare(filled(t, entry("www", 1))); err != nil {
		t.Fatalf("another journal: %v", err)
	}
}

func TestPruneKeepsTheHighestPositionAndOthersFiles(t *testing.T) {
	dir := t.TempDir()
	j, other := filled(t, entry("www", 1)), filled(t, entry("www", 1))
	highest := Export{Journal: j.ID(), At: time.Unix(1, 0).UTC(), Sites: []SiteExport{{Site: "www", Entries: []failover.Entry{entry("www", 99)}}}}
	if err := writeFile(dir, highest.fileName(), highest); err != nil {
		t.Fatal(err)
	}
	foreign := putBackup(t, dir, other)
	var log bytes.Buffer
	d := &backupDir{opts: BackupOptions{Journal: j, Keep: 2, Log: slog.New(slog.NewTextHandler(&log, nil))}, dir: dir}
	for seq := uint64(2); seq <= 6; seq++ {
		if err := errors.Join(j.Append(entry("www", seq)), d.write()); err != nil {
			t.Fatal(err)
		}
	}
	names := strings.Join(list(t, dir), " ")
	if len(list(t, dir)) != 3 || !strings.Contains(names, highest.fileName()) || !strings.Contains(names, "000000000006") || !strings.Contains(names, filepath.Base(foreign)) {
		t.Errorf("kept %s", names)
	}
	if strings.Count(log.String(), "another journal") != 1 {
		t.Errorf("log: %s", log.String())
	}
}
