package journal

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/failover-dns/failover/failover"
)

// What earlier versions wrote is read exactly, and written on; see testdata/README.md.
func TestKeptJournal(t *testing.T) {
	dirs, err := filepath.Glob("testdata/*/journal.db.gz")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no journal is kept: %v", err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			if err := os.WriteFile(path, kept(t, dir, "journal.db"), 0o600); err != nil {
				t.Fatal(err)
			}
			j := open(t, path)
			if sites, err := j.Sites(); err != nil || !reflect.DeepEqual(sites, []string{"www"}) {
				t.Fatalf("sites %q, %v; want www", sites, err)
			}
			history, err := j.Tail("www", Keep)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "history", kept(t, dir, "history.json"), history)
			checkState(t, history[len(history)-1])
			export, err := ReadExport(bytes.NewReader(kept(t, dir, "export.json")))
			if err != nil {
				t.Fatal(err)
			}
			if last, err := j.Last("www"); err != nil || !reflect.DeepEqual(export.Sites[0].Newest(), last) || export.Journal != j.ID() {
				t.Errorf("the export holds\n%+v, and the journal\n%+v, %v", export.Sites[0].Newest(), last, err)
			}
			if err := j.Compare(Found{File: "export.json", Export: export}); err != nil {
				t.Error(err)
			}
			if err := j.Append(entry("www", uint64(len(history)+1))); err != nil {
				t.Errorf("it cannot be written on: %v", err)
			}
		})
	}
}

// checkState expects what somebody needs on that day: the records to go back to, the provider's own
// fields included.
func checkState(t *testing.T, last failover.Entry) {
	t.Helper()
	s := last.State
	if s.Phase != failover.InFallback || !s.Latched || s.Generation == 0 || len(s.Zones) != 1 || s.Zones[0].Applied != failover.ToFallback || s.Zones[0].Plan != nil {
		t.Fatalf("the state is %+v", s)
	}
	records, comments := 0, 0
	for _, set := range s.Zones[0].Baseline {
		for _, r := range set.Records {
			records++
			if bytes.Contains(r.Opaque, []byte(`"comment":`)) {
				comments++
			}
		}
	}
	if records != 5 || comments != 5 {
		t.Errorf("the baseline has %d records, %d with the provider's fields; want 5 and 5: %v", records, comments, s.Zones[0].Baseline)
	}
}

// same expects that v, as JSON, says all that the text says and nothing else, in any order of fields.
func same(t *testing.T, what string, text []byte, v any) {
	t.Helper()
	ours, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(ours, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("the %s is\n%s\nand was\n%s", what, ours, text)
	}
}

// kept returns a file of testdata.
func kept(t *testing.T, dir, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	packed, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(packed)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
