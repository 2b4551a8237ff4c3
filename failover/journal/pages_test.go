package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/failover-dns/failover/failover/journal/journaltest"
)

// Whatever bbolt writes in the life of a journal must pass the check: entries of all sizes, pages
// that extend over several, sites that come, histories that are cut.
func TestCheckAcceptsWhatBboltWrites(t *testing.T) {
	const seed = 4
	random := rand.New(rand.NewPCG(seed, seed))
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	j.store.db.NoSync = true // nothing is proven about disks here
	newest := map[string]uint64{}
	for i := range 4000 {
		site := fmt.Sprintf("site%03d", random.IntN(1+i/40))
		e := journaltest.Entry(site, newest[site]+1)
		if random.IntN(20) == 0 {
			e.Message = strings.Repeat("long ", random.IntN(5000))
		}
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
		newest[site]++
		if i%250 != 0 {
			continue
		}
		data := read(t, j.path)
		if err := checkPages(bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatalf("seed %d, entry %d: %v", seed, i, err)
		}
	}
	err := j.store.db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("bbolt itself: %v", err)
		}
		return checkSites(tx, true)
	})
	if err != nil {
		t.Error(err)
	}
}

// BenchmarkOpen times opening a journal of 100 sites with 100 entries each.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "journal.db")
	sites := []SiteExport{}
	for i := range 100 {
		site := SiteExport{Site: fmt.Sprintf("site%03d", i)}
		for seq := uint64(1); seq <= 100; seq++ {
			site.Entries = append(site.Entries, journaltest.Entry(site.Site, seq))
		}
		sites = append(sites, site)
	}
	if err := create(path, newHeader(), sites); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		j, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if info, err := j.store.file.Stat(); err == nil {
			b.SetBytes(info.Size())
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
