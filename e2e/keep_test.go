package e2e

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/failover-dns/failover/failover"
)

// TestKeepJournal makes the files that later versions must be able to read: see
// failover/journal/testdata/README.md. FAILOVER_KEEP names the directory that they go into.
func TestKeepJournal(t *testing.T) {
	dir := os.Getenv("FAILOVER_KEEP")
	if dir == "" {
		t.Skip("makes test data; try: FAILOVER_KEEP=" + filepath.Join(t.TempDir(), "kept") + " go test -run TestKeepJournal .")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	keep := func(name, text string) {
		var packed bytes.Buffer
		w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // a level that there is
		_, err := w.Write([]byte(text))
		if err = errors.Join(err, w.Close(), os.WriteFile(filepath.Join(dir, name+".gz"), packed.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	c := newCell(t, "cloudflare", quick())
	c.begin(t)
	c.outage(t, func() {})
	word := func(args ...string) {
		if said := c.m.say(append(args, "www", "--yes", "--reason", "to be kept")...); said.Code != 0 {
			t.Fatalf("failover %s: exit code %d, %s", args[0], said.Code, said.Err)
		}
	}
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.settled(t)
	word("hold")
	c.origin.set(well)
	c.m.waitStatus(t, "www", "is held", refuses(failover.VetoHeld))
	word("release")
	c.awaitRest(t)
	word("trigger", "--force") // and waits until it is confirmed
	keep("history.json", c.m.say("history", "www", "-n", "1000", "-o", "json").Out)
	keep("export.json", c.exported(t))
	c.m.stop()
	text, err := os.ReadFile(filepath.Join(c.data, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	keep("journal.db", string(text))
	c.eyes.doubts.report(t)
}
