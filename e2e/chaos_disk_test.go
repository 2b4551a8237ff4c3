package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
	"github.com/failover-dns/failover/failover"
)

// What becomes of the disk that the journal is on.
func diskRows() []row {
	return slices.Concat(sickRows(), []row{
		{fault: faultDisk, how: "disk full", run: diskFull},
		{fault: faultJournal, how: "bit flipped", run: damaged(func(path string, text []byte) error {
			for i := len(text) / 2; i < len(text); i += 512 {
				text[i] ^= 0x10
			}
			return os.WriteFile(path, text, 0o600)
		})},
		{fault: faultJournal, how: "cut off", run: damaged(func(path string, text []byte) error { return os.Truncate(path, int64(len(text)/3)) })},
		{fault: faultJournal, how: "empty", run: damaged(func(path string, _ []byte) error { return os.Truncate(path, 0) })},
		{fault: faultJournal, how: "another program's file", run: damaged(func(path string, _ []byte) error {
			return os.WriteFile(path, []byte(strings.Repeat("not a journal\n", 5000)), 0o600)
		})},
		{fault: faultJournal, how: "missing, with a backup", run: missing},
		{fault: faultJournal, how: "missing, without a backup", run: lost},
		{fault: faultJournal, how: "missing, the records declared", run: declared},
		{fault: faultJournal, how: "an older copy put back", run: older},
	}, byteRows())
}

// diskFull fills the data directory's file system.
func diskFull(t *testing.T) {
	if os.Getuid() != 0 {
		lab.Missing(t, "root, to mount a small file system")
	}
	l := quick()
	l.tmpfs = "600k"
	c := newCell(t, "bind", l)
	c.begin(t)
	fill := filepath.Join(c.data, "fill")
	stuff(fill)
	refused := false
	for i := 0; i < 300 && !refused; i++ { // the journal's file may have room in it
		said := c.m.say("hold", "www", "--yes", "--reason", "drill")
		refused = strings.Contains(said.Err, "no space left") || c.m.said.has("no space left on device")
		c.m.say("release", "www", "--yes")
	}
	if !refused {
		t.Fatal("the journal found room on a full disk for 300 orders")
	}
	c.origin.set(refusing)
	c.stay(t, 6*time.Second, "the disk is full")
	if v := c.visitor().Get(c.hosts()[0]); v.Status != 503 {
		t.Errorf("on a full disk a visitor got %d, %v", v.Status, v.Err)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	c.m.waitStatus(t, "www", "is not held", func(s failover.SiteStatus) bool {
		return !s.State.Held || c.m.say("release", "www", "--yes").Code == 0
	})
	c.awaitFallback(t)
	c.origin.set(well)
	c.finish(t)
}

// stuff fills the file system that a file is on.
func stuff(path string) {
	f, err := os.Create(path)
	if err != nil {
		return
	}
	defer f.Close()
	for _, size := range []int{4096, 512, 1} {
		for err = nil; err == nil; _, err = f.Write(make([]byte, size)) {
		}
	}
}

// mount puts a small file system at the data directory.
func (c *cell) mount() {
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+c.tmpfs, "tmpfs", c.data).CombinedOutput(); err != nil {
		lab.Missing(c.T, "the right to mount a file system: "+string(out))
	}
	c.T.Cleanup(func() { _ = exec.Command("umount", c.data).Run() })
}
