package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/journal/journaltest"
)

// filled makes a journal with some entries.
func filled(t *testing.T, entries ...failover.Entry) *Journal {
	t.Helper()
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	for _, e := range entries {
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

func exported(t *testing.T, j *Journal, history int) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := j.ExportHistory(&text, history); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// stored returns all stored values, byte by byte.
func stored(t *testing.T, j *Journal) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := j.view(func(tx *bbolt.Tx) error {
		for _, site := range siteNames(tx) {
			_ = siteBucket(tx, site).ForEach(func(k, v []byte) error {
				all[site+"/"+string(k)] = bytes.Clone(v)
				return nil
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestExportAndImportAreExact(t *testing.T) {
	j := filled(t, someEntries()...)
	path := filepath.Join(t.TempDir(), "journal.db")
	if err := Import(path, bytes.NewReader(exported(t, j, Keep)), false); err != nil {
		t.Fatal(err)
	}
	k := open(t, path)
	if !reflect.DeepEqual(stored(t, j), stored(t, k)) || j.ID() != k.ID() {
		t.Fatal("the imported journal is not the exported one")
	}
	a, errA := j.snapshot(Keep)
	b, errB := k.snapshot(Keep)
	if b.At = a.At; errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
		t.Fatalf("exports differ:\n%+v %v\n%+v %v", a, errA, b, errB)
	}
	if err := k.Append(journaltest.Entry("shop", 6)); err != nil {
		t.Fatalf("append to an imported journal: %v", err)
	}
}

func TestNewestEntriesAreEnough(t *testing.T) {
	j := filled(t, someEntries()...)
	path := filepath.Join(t.TempDir(), "journal.db")
	var text bytes.Buffer
	if err := j.Export(&text); err != nil {
		t.Fatal(err)
	}
	if err := Import(path, &text, false); err != nil {
		t.Fatal(err)
	}
	k := open(t, path)
	for _, site := range []string{"a", "b", "shop", "www"} {
		want, err := j.Last(site)
		got, err2 := k.Last(site)
		if err != nil || err2 != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v, %v", site, got, err2, want, err)
		}
		next := entry(site, want.Seq+1)
		if err := k.Append(next); err != nil {
			t.Errorf("%s: the list does not go on: %v", site, err)
		}
	}
	if tail, err := k.Tail("shop", 9); err != nil || len(tail) != 2 {
		t.Errorf("history: %d entries, %v; want 2", len(tail), err)
	}
}

func TestImportIsStrict(t *testing.T) {
	good := string(exported(t, filled(t, entry("www", 1)), 1))
	var file envelope
	if err := json.Unmarshal([]byte(good), &file); err != nil {
		t.Fatal(err)
	}
	resealed := func(old, replacement string) string {
		var compact bytes.Buffer
		if err := json.Compact(&compact, file.Body); err != nil {
			t.Fatal(err)
		}
		body := strings.Replace(compact.String(), old, replacement, 1)
		if body == compact.String() {
			t.Fatalf("%s is not in %s", old, body)
		}
		text, err := json.Marshal(envelope{Format: exportFormat, Version: 1, Checksum: checksum([]byte(body)), Body: json.RawMessage(body)})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if _, err := ReadExport(strings.NewReader(resealed("192.0.2.1", "192.0.2.2"))); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	for _, more := range []string{resealed(`"exportedAt"`, `"more":1,"exportedAt"`), resealed(`"event"`, `"more":1,"event"`)} {
		if _, err := ReadExport(strings.NewReader(more)); err != nil {
			t.Errorf("a field of a next version: %v", err)
		}
	}
	for name, c := range map[string]struct{ text, want string }{
		"nothing":            {"", "unexpected end"},
		"cut off":            {good[:len(good)/2], "unexpected end"},
		"a changed address":  {strings.Replace(good, "192.0.2.1", "192.0.2.2", 1), "checksum is wrong"},
		"more after the end": {good + "{}", "after top-level value"},
		"another format":     {strings.Replace(good, exportFormat, "something", 1), "should be"},
		"a newer version":    {strings.Replace(good, `"version": 1`, `"version": 2`, 1), "newer version"},
		"no version":         {strings.Replace(good, `"version": 1`, `"version": 0`, 1), "no version"},
		"unknown, outside":   {strings.Replace(good, `"version": 1`, `"version": 1, "more": 1`, 1), `unknown field "more"`},
		"entry of elsewhere": {resealed(`"seq":1,"site":"www"`, `"seq":1,"site":"shop"`), "out of place"},
		"no sequence":        {resealed(`"seq":1`, `"seq":0`), "out of place"},
		"no entries":         {resealed(`"sites":[{`, `"sites":[{"site":"a","entries":[]},{`), "has 0 entries"},
		"no id":              {resealed(`"journal":"`, `"journal":"x`), "no journal's id"},
	} {
		path := filepath.Join(t.TempDir(), "journal.db")
		err := Import(path, strings.NewReader(c.text), true)
		if !errors.Is(err, failover.ErrDamaged) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want ErrDamaged with %q", name, err, c.want)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: made a journal", name)
		}
	}
}

func TestImportLosesNothing(t *testing.T) {
	j := filled(t, entry("www", 1), entry("www", 2))
	older := exported(t, j, Keep)
	if err := j.Append(entry("www", 3)); err != nil {
		t.Fatal(err)
	}
	newest := exported(t, j, Keep)
	if err := Import(j.path, bytes.NewReader(older), true); !errors.Is(err, ErrInUse) {
		t.Fatalf("into a journal in use: %v, want ErrInUse", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Import(j.path, bytes.NewReader(newest), false); err != nil {
		t.Fatalf("of the same state: %v", err)
	}
	another := exported(t, filled(t, entry("www", 1), entry("www", 2), entry("www", 3), entry("www", 4)), Keep)
	for name, text := range map[string][]byte{"older": older, "of another journal": another} {
		if err := Import(j.path, bytes.NewReader(text), false); !errors.Is(err, ErrWouldLose) || !strings.Contains(err.Error(), "--force") {
			t.Errorf("%s: %v, want ErrWouldLose", name, err)
		}
	}
	before := read(t, j.path)
	if err := Import(j.path, bytes.NewReader(older), true); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, j.path).Last("www"); err != nil || got.Seq != 2 {
		t.Fatalf("forced back: %+v, %v", got, err)
	}
	kept, err := filepath.Glob(j.path + ".replaced-*")
	if err != nil || len(kept) != 2 || !bytes.Equal(read(t, kept[1]), before) {
		t.Fatalf("what was replaced is not kept: %v, %v", kept, err)
	}
}

func TestDamagedJournalIsReplacedByForceOnly(t *testing.T) {
	text := exported(t, filled(t, entry("www", 1)), 1)
	path := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(path, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Import(path, bytes.NewReader(text), false); !errors.Is(err, ErrWouldLose) {
		t.Fatalf("not forced: %v", err)
	}
	if err := Import(path, bytes.NewReader(text), true); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, path).Last("www"); err != nil || got.Seq != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
}

func FuzzImport(f *testing.F) {
	export := Export{Journal: newHeader().ID, Sites: []SiteExport{{Site: "www", Entries: []failover.Entry{entry("www", 1), entry("www", 2)}}}}
	var good bytes.Buffer
	if err := export.write(&good); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte(`{"format":"failover-journal-export","version":1,"checksum":"","body":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		export, err := ReadExport(bytes.NewReader(text))
		if err != nil {
			if !errors.Is(err, failover.ErrDamaged) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		path := filepath.Join(t.TempDir(), "journal.db")
		if err := install(path, export, false); err != nil {
			t.Fatalf("read, but cannot be imported: %v", err)
		}
		j, err := Open(path)
		if err != nil {
			t.Fatalf("imported, but cannot be opened: %v", err)
		}
		defer j.Close()
		again, err := j.snapshot(Keep)
		if again.At = export.At; err != nil || len(again.Sites) != len(export.Sites) || again.Position() != export.Position() {
			t.Fatalf("imported %+v, holds %+v, %v", export, again, err)
		}
	})
}

// FuzzPages hands damaged files to the check of pages: it must end, and never fault.
func FuzzPages(f *testing.F) {
	temp, err := build(filepath.Join(f.TempDir(), "journal.db"), newHeader(), []SiteExport{{Site: "www", Entries: []failover.Entry{entry("www", 1)}}})
	if err != nil {
		f.Fatal(err)
	}
	file, err := os.ReadFile(temp)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := checkPages(bytes.NewReader(data), int64(len(data))); err != nil && !errors.Is(err, errPages) {
			t.Fatalf("error of no kind: %v", err)
		}
	})
}
