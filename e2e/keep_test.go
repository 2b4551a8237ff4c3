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
	for _, word := range []string{"hold", "release"} {
		if said := c.m.say(word, "www", "--yes", "--reason", "to be kept"); said.Code != 0 {
			t.Fatalf("failover %s: exit code %d, %s", word, said.Code, said.Err)
		}
	}
	c.origin.set(refusing)
	c.awaitFallback(t)
	c.m.waitStatus(t, "www", "has confirmed the switch", func(s failover.SiteStatus) bool {
		return !s.Acting && s.State.Phase == failover.InFallback && c.m.last(t).Event == failover.EventConfirmed
	})
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

// last is the newest entry of the site www.
func (m *machine) last(t *testing.T) failover.Entry {
	t.Helper()
	entries := m.entries(t, "www")
	return entries[len(entries)-1]
}
