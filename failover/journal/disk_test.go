//go:build linux

package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/journal/journaltest"
)

// insist appends entries 1 to n and tries each until it is stored. After every failure the journal
// must hold exactly what was acknowledged before, the retry (with another time in it) must be taken,
// and in the end the file must say the same. heal is called after each failure.
func insist(t *testing.T, path string, n uint64, heal func(failures int)) (failures int) {
	t.Helper()
	var j *Journal
	for {
		var err error
		if j, err = Open(path); err == nil {
			break
		}
		if failures++; failures > 20 || errors.Is(err, failover.ErrDamaged) {
			t.Fatalf("open: %v", err)
		}
		heal(failures)
	}
	var acknowledged failover.Entry
	for seq := uint64(1); seq <= n; seq++ {
		for {
			e := journaltest.Entry("www", seq)
			e.Message = fmt.Sprintf("try %d of %d", failures, seq)
			err := j.Append(e)
			if err == nil {
				acknowledged = e
				break
			}
			if failures++; failures > 200 || errors.Is(err, failover.ErrDamaged) || errors.Is(err, failover.ErrConflict) {
				t.Fatalf("append %d: %v", seq, err)
			}
			got, err := j.Last("www")
			readable := err == nil || errors.Is(err, failover.ErrNoEntry)
			if readable && (got.Seq != acknowledged.Seq || got.Message != acknowledged.Message) {
				t.Fatalf("after a failed append of %d the journal has %d %q; acknowledged was %d %q", seq, got.Seq, got.Message, acknowledged.Seq, acknowledged.Message)
			}
			heal(failures)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	j, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	checkTail(t, j, n, acknowledged)
	return failures
}

func checkTail(t *testing.T, j *Journal, n uint64, acknowledged failover.Entry) {
	t.Helper()
	tail, err := j.Tail("www", Keep)
	if err != nil || len(tail) != int(n) || tail[n-1].Message != acknowledged.Message {
		t.Fatalf("after opening again: %d entries, %v; want %d", len(tail), err, n)
	}
}

const (
	childPath = "JOURNAL_TEST_PATH"
	childMode = "JOURNAL_TEST_MODE"
)

// child runs this test binary again, through a wrapper if any.
func child(t *testing.T, mode string, wrapper ...string) (string, error) {
	t.Helper()
	args := append(wrapper, os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childMode+"="+mode, childPath+"="+filepath.Join(t.TempDir(), "journal.db"))
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestChild is the body of other tests, in a process of its own.
func TestChild(t *testing.T) {
	path := os.Getenv(childPath)
	switch os.Getenv(childMode) {
	case "insist":
		runtime.LockOSThread() // strace counts calls by thread
		fmt.Println("failures:", insist(t, path, 8, func(int) {}))
	case "limit":
		signal.Ignore(syscall.SIGXFSZ)
		limit(t, 100<<10)
		failures := insist(t, path, 200, func(failures int) {
			if failures%10 == 0 {
				limit(t, uint64(100+10*failures)<<10)
			}
		})
		fmt.Println("failures:", failures)
	default:
		t.Skip("runs in a child process only")
	}
}

func limit(t *testing.T, size uint64) {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		t.Fatal(err)
	}
	l.Cur = size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		t.Fatal(err)
	}
}

// The file may not grow: the disk is full, a quota is reached. Writes are short and then fail.
func TestShortWrites(t *testing.T) {
	out, err := child(t, "limit")
	if err != nil || !strings.Contains(out, "failures: ") || strings.Contains(out, "failures: 0\n") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Every system call that makes an append durable fails once, and twice, wherever it may.
func TestEverySystemCallFails(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace")
	}
	if out, err := exec.Command(strace, "-qq", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("strace does not work here: %v %s", err, out)
	}
	failed := 0
	for call, errno := range map[string]string{"fdatasync": "EIO", "fsync": "EIO", "pwrite64": "ENOSPC", "ftruncate": "ENOSPC"} {
		for first := 1; first <= 14; first++ {
			if !*exhaustive && first%3 != 1 && call != "fdatasync" {
				continue
			}
			for _, when := range []string{fmt.Sprint(first), fmt.Sprintf("%d..%d", first, first+1)} {
				inject := fmt.Sprintf("inject=%s:error=%s:when=%s", call, errno, when)
				out, err := child(t, "insist", strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace="+call, "-e", inject)
				if err != nil {
					t.Fatalf("%s: %v\n%s", inject, err, out)
				}
				if !strings.Contains(out, "failures: 0\n") {
					failed++
				}
			}
		}
	}
	t.Logf("%d runs had a failure", failed)
	if failed < 15 {
		t.Errorf("only %d runs had a failure: is anything injected?", failed)
	}
}

// A full disk of its own.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Skipf("needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	fill := func() {
		f, err := os.Create(ballast)
		if err != nil {
			return // not even that
		}
		for err == nil {
			_, err = f.Write(bytes.Repeat([]byte{1}, 4096))
		}
		_ = f.Close()
	}
	path := filepath.Join(dir, "journal.db")
	j := open(t, path)
	if err := j.Append(entry("first", 1)); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	fill()
	failures := insist(t, path, 100, func(failures int) {
		if failures%10 != 0 {
			return // space does not come back at once
		}
		if err := os.Truncate(ballast, max(0, 480-int64(failures)*8)<<10); err != nil {
			t.Fatal(err)
		}
	})
	if failures == 0 {
		t.Fatal("the disk was never full")
	}
	t.Logf("%d appends failed", failures)
	if got, err := open(t, path).Last("first"); err != nil || got.Seq != 1 {
		t.Errorf("an entry of before: %+v, %v", got, err)
	}
}

// A sync fails after the head was written: the entry is in the file, and was refused. It must not be
// there for the next reader, and its place is free.
func TestRefusedEntryIsTakenOut(t *testing.T) {
	for _, before := range []uint64{0, 1, 3} {
		path := filepath.Join(t.TempDir(), "journal.db")
		j := open(t, path)
		for seq := uint64(1); seq <= before+1; seq++ {
			if err := j.Append(entry("www", seq)); err != nil {
				t.Fatal(err)
			}
		}
		value, err := encode(entry("www", before+1))
		if err != nil {
			t.Fatal(err)
		}
		j.suspect(j.store, syscall.EIO, []*write{{site: "www", seq: before + 1, value: value}})
		got, err := j.Last("www")
		if before == 0 && !errors.Is(err, failover.ErrNoEntry) || before > 0 && (err != nil || got.Seq != before) {
			t.Fatalf("after %d: Last = %+v, %v", before, got, err)
		}
		again := entry("www", before+1)
		again.Message = "again"
		if err := j.Append(again); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := open(t, path).Last("www"); err != nil || got.Message != "again" {
			t.Fatalf("after %d: %+v, %v", before, got, err)
		}
	}
}
