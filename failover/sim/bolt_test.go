package sim

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/failover-dns/failover/failover"
	bbolt "github.com/failover-dns/failover/failover/journal"
)

// bolt is the product's own journal in a real file. Reading and writing it takes no virtual time. It
// is opened anew for every process, as the product does it; what a disk may do to the file in the
// middle of an append is the business of the journal's own tests.
type bolt struct {
	t       *testing.T
	who     string
	history *History
	path    string

	mu    sync.Mutex
	file  *bbolt.Journal // of the process that runs; nil while none does
	fault error
}

// memoryDir is where a sync costs nothing, on most systems.
const memoryDir = "/dev/shm"

func newBolt(t *testing.T, h *History, who string) *bolt {
	dir := t.TempDir()
	if _, err := os.Stat(memoryDir); err == nil {
		fast, err := os.MkdirTemp(memoryDir, "failover-sim-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(fast) })
		dir = fast
	}
	return &bolt{t: t, who: who, history: h, path: filepath.Join(dir, "journal.db")}
}

func (b *bolt) journal(l *life) failover.Journal {
	file, err := bbolt.Open(b.path)
	if err != nil {
		b.t.Errorf("the journal cannot be opened again: %v", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.file = file
	return &boltLife{Journal: file, b: b, life: l}
}

func (b *bolt) setFault(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = err
}

func (b *bolt) crash(bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.file.Close(); err != nil {
		b.t.Errorf("the journal cannot be closed: %v", err)
	}
}

func (b *bolt) close() {}

// boltLife is the file as one process sees it.
type boltLife struct {
	failover.Journal
	b    *bolt
	life *life
}

func (j *boltLife) Append(e failover.Entry) error {
	if err := j.life.point(step("before", e)); err != nil {
		return err
	}
	j.b.mu.Lock()
	fault := j.b.fault
	j.b.mu.Unlock()
	if fault != nil {
		return fault
	}
	if err := j.Journal.Append(e); err != nil {
		return err
	}
	s, err := written(e)
	if err != nil {
		return err
	}
	j.b.history.add(Fact{What: factEntry, Who: j.b.who, Site: e.Site, Entry: s.entry, Text: s.text})
	return j.life.point(step("after", e))
}

func (j *boltLife) Last(site string) (failover.Entry, error) {
	if j.life.dead.Load() {
		return failover.Entry{}, errDead
	}
	return j.Journal.Last(site)
}
