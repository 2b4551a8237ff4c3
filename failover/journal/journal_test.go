package journal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/journal/journaltest"
)

func open(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func entry(site string, seq uint64) failover.Entry {
	return failover.Entry{Seq: seq, Site: site, At: time.Unix(int64(seq), 0).UTC(), Event: failover.EventPhase,
		State: failover.State{Phase: failover.Primary, Generation: seq, Zones: []failover.ZoneState{{
			ZoneRef:  failover.ZoneRef{Provider: "main", Zone: "example.org."},
			Baseline: []failover.RecordSet{{Name: "www.example.org.", Type: "A", TTL: 300, Records: []failover.Record{{Value: "192.0.2.1", Opaque: []byte(`{"id":"x"}`)}}}},
		}}}}
}

func TestNewestEntryIsTheState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	if _, err := j.Last("www"); !errors.Is(err, failover.ErrNoEntry) {
		t.Fatalf("Last of an unknown site: %v, want ErrNoEntry", err)
	}
	for seq := uint64(1); seq <= 3; seq++ {
		if err := j.Append(entry("www", seq)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, path)
	got, err := j.Last("www")
	if err != nil || got.Seq != 3 || got.State.Zones[0].Baseline[0].Records[0].Value != "192.0.2.1" ||
		string(got.State.Zones[0].Baseline[0].Records[0].Opaque) != `{"id":"x"}` {
		t.Fatalf("after reopening: %+v, %v", got, err)
	}
	tail, err := j.Tail("www", 2)
	if err != nil || len(tail) != 2 || tail[0].Seq != 2 || tail[1].Seq != 3 {
		t.Fatalf("Tail(2) = %+v, %v; want entries 2 and 3", tail, err)
	}
	if sites, err := j.Sites(); err != nil || !slices.Equal(sites, []string{"www"}) {
		t.Fatalf("Sites = %v, %v", sites, err)
	}
}

func TestAppendMustFollow(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	if err := j.Append(entry("www", 1)); err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{0, 1, 3} {
		if err := j.Append(entry("www", seq)); !errors.Is(err, failover.ErrConflict) {
			t.Errorf("Append(%d) after 1: %v, want ErrConflict", seq, err)
		}
	}
	if got, err := j.Last("www"); err != nil || got.Seq != 1 {
		t.Fatalf("a refused entry was stored: %+v, %v", got, err)
	}
}

func TestOneOfTwoWritersWins(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = j.Append(entry("www", 1)) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, failover.ErrConflict) {
			t.Errorf("loser got %v, want ErrConflict", err)
		}
	}
	if won != 1 {
		t.Fatalf("%d writers won, want 1", won)
	}
}

func TestOldEntriesAreDropped(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	j.store.db.NoSync = true // a thousand syncs prove nothing here
	for seq := uint64(1); seq <= Keep+3; seq++ {
		if err := j.Append(entry("www", seq)); err != nil {
			t.Fatal(err)
		}
	}
	tail, err := j.Tail("www", 2*Keep)
	if err != nil || len(tail) != Keep || tail[0].Seq != 4 {
		t.Fatalf("kept %d entries from %d, %v; want %d from 4", len(tail), tail[0].Seq, err, Keep)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	open(t, path)
	if _, err := Open(path); err == nil {
		t.Fatal("a journal in use was opened again")
	}
}

func TestDamageIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	if err := j.Append(entry("www", 1)); err != nil {
		t.Fatal(err)
	}
	flip := func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(sitesBucket).Bucket([]byte("www"))
		value := slices.Clone(bucket.Get(seqKey(1)))
		value[len(value)/2] ^= 1
		return bucket.Put(seqKey(1), value)
	}
	if err := j.store.db.Update(flip); err != nil {
		t.Fatal(err)
	}
	if got, err := j.Last("www"); !errors.Is(err, failover.ErrDamaged) {
		t.Fatalf("a flipped bit was read as %+v, %v", got, err)
	}
}

func TestNotAJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(path, []byte("this is not a journal, and long enough to look like a file of some kind\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Fatal("a text file was opened as a journal")
	}
}

func FuzzDecode(f *testing.F) {
	good, err := encode(entry("www", 1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{})
	f.Add([]byte{version, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, value []byte) {
		got, err := decode("www", seqKey(1), value)
		if err != nil && !errors.Is(err, failover.ErrDamaged) {
			t.Fatalf("error of no kind: %v", err)
		}
		if err == nil && (got.Site != "www" || got.Seq != 1) {
			t.Fatalf("decoded an entry of another place: %+v", got)
		}
	})
}

// BenchmarkAppend times one durable entry.
func BenchmarkAppend(b *testing.B) {
	j, err := Open(filepath.Join(b.TempDir(), "journal.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	for seq := uint64(1); b.Loop(); seq++ {
		if err := j.Append(entry("www", seq)); err != nil {
			b.Fatal(err)
		}
	}
}

func TestContract(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) failover.Journal { return open(t, filepath.Join(t.TempDir(), "journal.db")) })
}
