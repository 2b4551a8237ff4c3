package journal

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/journal/journaltest"
)

// exhaustive tries every byte, in minutes: go test -run 'Every|Trunc|Torn' -exhaustive
var exhaustive = flag.Bool("exhaustive", false, "damage every byte of the file, not some")

// fileOf makes a journal by appending, and returns the file's bytes before and after the last append.
func fileOf(t *testing.T, entries ...failover.Entry) (before, after []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	for i, e := range entries {
		if i == len(entries)-1 {
			before = read(t, path)
		}
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return before, read(t, path)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// someEntries fills a few pages: two sites in pages of their own and two small ones.
func someEntries() (entries []failover.Entry) {
	for seq := uint64(1); seq <= 5; seq++ {
		entries = append(entries, journaltest.Entry("shop", seq))
	}
	entries = append(entries, entry("a", 1), entry("b", 1), entry("b", 2))
	for seq := uint64(1); seq <= 3; seq++ {
		entries = append(entries, entry("www", seq))
	}
	return entries
}

// bench opens file after file under one name.
type bench struct {
	t    *testing.T
	path string
}

func newBench(t *testing.T) bench { return bench{t, filepath.Join(t.TempDir(), "journal.db")} }

// contents opens a file with these bytes and tells all it holds. The error is Open's. A file that is
// refused must be left as it was.
func (b bench) contents(data []byte) (string, error) {
	b.t.Helper()
	b.write(data)
	j, err := Open(b.path)
	if err != nil {
		if !bytes.Equal(read(b.t, b.path), data) {
			b.t.Fatalf("a refused file was changed: %v", err)
		}
		return "", err
	}
	defer j.Close()
	export, err := j.snapshot(Keep)
	if err != nil {
		b.t.Fatalf("opened, but cannot be read: %v", err)
	}
	var text bytes.Buffer
	export.At = export.Created
	if err := export.write(&text); err != nil {
		b.t.Fatal(err)
	}
	return text.String(), nil
}

// write does not truncate to zero first: ext4 would then sync every time.
func (b bench) write(data []byte) {
	b.t.Helper()
	f, err := os.OpenFile(b.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = f.WriteAt(data, 0)
	if err := errors.Join(err, f.Truncate(int64(len(data))), f.Close()); err != nil {
		b.t.Fatal(err)
	}
}

// must is contents of a good file.
func (b bench) must(data []byte) string {
	b.t.Helper()
	text, err := b.contents(data)
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// wantFoundOr fails unless the damage was found, with a way out, or the contents are one of these.
func (b bench) wantFoundOr(what string, data []byte, good ...string) (found bool) {
	b.t.Helper()
	got, err := b.contents(data)
	if err != nil {
		if !errors.Is(err, failover.ErrDamaged) || !strings.Contains(err.Error(), "try: ") {
			b.t.Fatalf("%s: %v; want ErrDamaged and a way out", what, err)
		}
		return true
	}
	for _, g := range good {
		if got == g {
			return false
		}
	}
	b.t.Fatalf("%s: went unnoticed, and the journal now says\n%s", what, got)
	return false
}

// end returns how many bytes of the file are in use.
func end(t *testing.T, data []byte) int {
	t.Helper()
	first, err := readMeta(bytes.NewReader(data), 0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := readMeta(bytes.NewReader(data), first.pageSize)
	if err != nil {
		t.Fatal(err)
	}
	return int(max(first.end, second.end) * first.pageSize)
}

func TestEveryFlippedByteIsFoundOrHarmless(t *testing.T) {
	_, file := fileOf(t, someEntries()...)
	b := newBench(t)
	want := b.must(file)
	used, step, found := end(t, file), 11, 0
	if *exhaustive {
		step = 1
	}
	files := openFiles(t)
	for at := 0; at < used; at += step {
		bad := bytes.Clone(file)
		bad[at] ^= 1 << (at * 5 % 8)
		if b.wantFoundOr(fmt.Sprintf("bit %d of byte %d of page %d", at*5%8, at%4096, at/4096), bad, want) {
			found++
		}
	}
	t.Logf("%d bytes: damage found at %d, harmless at the others", used/step, found)
	if found < used/step/10 {
		t.Errorf("damage was found at %d of %d bytes only: is it looked for?", found, used/step)
	}
	if now := openFiles(t); now > files+2 {
		t.Errorf("%d files were open before, %d are after", files, now)
	}
}

func openFiles(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc")
	}
	return len(list)
}

// Every bit of every page's head and of the first elements, where the structure is.
func TestEveryFlippedBitOfTheStructureIsFoundOrHarmless(t *testing.T) {
	_, file := fileOf(t, someEntries()...)
	b := newBench(t)
	want := b.must(file)
	for page := 0; page < end(t, file); page += 4096 {
		for bit := 0; bit < 96*8; bit++ {
			if !*exhaustive && bit%11 != 0 && (bit < 64 || bit > 128) {
				continue
			}
			bad := bytes.Clone(file)
			bad[page+bit/8] ^= 1 << (bit % 8)
			b.wantFoundOr(fmt.Sprintf("bit %d of page %d", bit, page/4096), bad, want)
		}
	}
}

func TestTruncationAtEveryByte(t *testing.T) {
	_, file := fileOf(t, someEntries()...)
	b := newBench(t)
	want := b.must(file)
	used := end(t, file)
	for size := range used {
		if !*exhaustive && size < used-4096 && size%61 != 0 || !*exhaustive && size%7 != 0 && size < used-512 {
			continue // every byte of the end, and some of the others
		}
		if !b.wantFoundOr(fmt.Sprintf("cut to %d bytes", size), file[:size], want) {
			t.Fatalf("cut to %d of %d bytes, and nobody noticed", size, used)
		}
	}
	for size := used; size <= len(file); size += 509 { // beyond the end nothing is kept
		if b.wantFoundOr(fmt.Sprintf("cut to %d bytes", size), file[:size], want) {
			t.Fatalf("cut to %d bytes, of which %d are used, was refused", size, used)
		}
	}
}

// A power cut during an append: bbolt writes pages, syncs, writes a head, syncs. Pages half-written
// leave the state before; a head half-written is found.
func TestTornWrite(t *testing.T) {
	before, after := fileOf(t, someEntries()...)
	b := newBench(t)
	old, done := b.must(before), b.must(after)
	if old == done {
		t.Fatal("the last append changed nothing")
	}
	const heads = 2 * 4096
	grown := append(bytes.Clone(before), make([]byte, max(0, len(after)-len(before)))...)
	torn := 0
	for at := heads; at < len(after); at++ {
		if after[at] == grown[at] {
			continue
		}
		torn++
		for name, bad := range map[string][]byte{
			"up to":   append(append(append([]byte{}, grown[:heads]...), after[heads:at]...), grown[at:]...),
			"from on": append(append([]byte{}, grown[:at]...), after[at:]...),
		} {
			if *exhaustive || torn%29 == 0 || torn < 100 {
				if b.wantFoundOr(fmt.Sprintf("pages written %s byte %d", name, at), bad, old) {
					t.Fatalf("an unfinished append, written %s byte %d, was taken for damage", name, at)
				}
			}
		}
	}
	if torn == 0 {
		t.Fatal("the last append wrote no pages")
	}
	states := map[bool]int{}
	for at := range heads {
		if after[at] == grown[at] {
			continue
		}
		bad := append(append([]byte{}, after[:at]...), grown[at:heads]...)
		states[b.wantFoundOr(fmt.Sprintf("head written up to byte %d", at), append(bad, after[heads:]...), old, done)]++
	}
	if states[true] == 0 {
		t.Fatal("no half-written head was found")
	}
}

// Whole sectors and pages of zeros or of other data, as failing disks return them.
func TestLostAndMisplacedPages(t *testing.T) {
	_, file := fileOf(t, someEntries()...)
	b := newBench(t)
	want := b.must(file)
	used := end(t, file)
	for at := 0; at < used; at += 512 {
		zeros, ones := bytes.Clone(file), bytes.Clone(file)
		clear(zeros[at : at+512])
		copy(ones[at:], bytes.Repeat([]byte{0xFF}, 512))
		b.wantFoundOr(fmt.Sprintf("zeros at %d", at), zeros, want)
		b.wantFoundOr(fmt.Sprintf("ones at %d", at), ones, want)
	}
	for from := 0; from < used; from += 4096 {
		for to := 0; to < used; to += 4096 {
			bad := bytes.Clone(file)
			copy(bad[to:to+4096], file[from:from+4096])
			b.wantFoundOr(fmt.Sprintf("page %d written to the place of page %d", from/4096, to/4096), bad, want)
		}
	}
}

// What bbolt itself finds nothing wrong with.
func TestMissingEntriesAreFound(t *testing.T) {
	_, file := fileOf(t, someEntries()...)
	b := newBench(t)
	www := func(tx *bbolt.Tx) *bbolt.Bucket { return siteBucket(tx, "www") }
	for name, damage := range map[string]func(tx *bbolt.Tx) error{
		"the newest entry":    func(tx *bbolt.Tx) error { return www(tx).Delete(seqKey(3)) },
		"an entry between":    func(tx *bbolt.Tx) error { return www(tx).Delete(seqKey(2)) },
		"all entries":         func(tx *bbolt.Tx) error { return www(tx).ForEach(func(k, _ []byte) error { return www(tx).Delete(k) }) },
		"a site":              func(tx *bbolt.Tx) error { return tx.Bucket(sitesBucket).DeleteBucket([]byte("www")) },
		"all sites":           func(tx *bbolt.Tx) error { return tx.DeleteBucket(sitesBucket) },
		"the header":          func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Delete(headerKey) },
		"the header's bucket": func(tx *bbolt.Tx) error { return tx.DeleteBucket(metaBucket) },
		"a number":            func(tx *bbolt.Tx) error { return www(tx).Put(seqKey(0), www(tx).Get(seqKey(1))) },
		"a key":               func(tx *bbolt.Tx) error { return www(tx).Put([]byte("x"), www(tx).Get(seqKey(1))) },
		"order among parts":   func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("other")); return err },
	} {
		b.write(file)
		db, err := bbolt.Open(b.path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(damage), db.Close()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		j, err := Open(b.path)
		if !errors.Is(err, failover.ErrDamaged) || errors.Is(err, ErrForeign) {
			t.Errorf("damage to %s: %v, want ErrDamaged", name, err)
		}
		if err == nil {
			_ = j.Close()
		}
	}
}

func TestNotOurs(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.db")
	db, err := bbolt.Open(other, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	emptyBolt := read(t, other)
	db, err = bbolt.Open(other, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("etcd")); return err })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	for name, data := range map[string][]byte{
		"text":             bytes.Repeat([]byte("this is not a journal\n"), 1000),
		"zeros":            make([]byte, 32768),
		"another database": read(t, other),
		"empty database":   emptyBolt,
		"another owner":    withHeader(t, header{Format: "somebody else's", Version: 1, ID: "x"}),
	} {
		if _, err := b.contents(data); !errors.Is(err, ErrForeign) || !errors.Is(err, failover.ErrDamaged) {
			t.Errorf("%s: %v, want ErrForeign and ErrDamaged", name, err)
		}
	}
	for name, data := range map[string][]byte{"nothing": {}, "one byte": {1}} {
		if _, err := b.contents(data); !errors.Is(err, failover.ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrForeign) {
		t.Errorf("a directory: %v, want ErrForeign", err)
	}
}

// withHeader returns a journal's bytes with another header.
func withHeader(t *testing.T, h header) []byte {
	t.Helper()
	temp, err := build(filepath.Join(t.TempDir(), "journal.db"), h, []SiteExport{{Site: "www", Entries: []failover.Entry{entry("www", 1)}}})
	if err != nil {
		t.Fatal(err)
	}
	return read(t, temp)
}

func TestNewerFormatIsRefused(t *testing.T) {
	h := newHeader()
	h.Version = format + 1
	_, err := newBench(t).contents(withHeader(t, h))
	if !errors.Is(err, ErrNewer) || !errors.Is(err, failover.ErrDamaged) || !strings.Contains(err.Error(), "newer version of failover (format 2;") {
		t.Fatalf("got %v, want ErrNewer in plain words", err)
	}
}

// Format 0 had neither header nor counts.
func TestOlderFormatIsReadAndUpgraded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		sites, _ := tx.CreateBucket(sitesBucket)
		bucket, _ := sites.CreateBucket([]byte("www"))
		for seq := uint64(1); seq <= 3; seq++ {
			value, _ := encode(entry("www", seq))
			if err := bucket.Put(seqKey(seq), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	j := open(t, path)
	id := j.ID()
	if err := j.Append(entry("www", 4)); err != nil || id == "" {
		t.Fatalf("append to an upgraded journal %q: %v", id, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j = open(t, path); j.ID() != id {
		t.Errorf("the id was %s and is %s", id, j.ID())
	}
	if tail, err := j.Tail("www", 10); err != nil || len(tail) != 4 {
		t.Errorf("%d entries, %v; want 4", len(tail), err)
	}
}

func TestMissingFileIsANewJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	first := open(t, path)
	if sites, err := first.Sites(); err != nil || len(sites) != 0 {
		t.Fatalf("Sites = %v, %v", sites, err)
	}
	if second := open(t, path+"2"); second.ID() == first.ID() {
		t.Error("two journals have one id")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "missing", "journal.db")); err == nil || errors.Is(err, failover.ErrDamaged) {
		t.Errorf("in a missing directory: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 2 {
		t.Errorf("files left: %v, %v; want the two journals", left, err)
	}
}

func TestFileRemovedOrReplacedWhileInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	if err := j.Append(entry("www", 1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	refused := func(what string) {
		t.Helper()
		if err := j.Append(entry("www", 2)); !errors.Is(err, failover.ErrDamaged) {
			t.Fatalf("%s: Append: %v, want ErrDamaged", what, err)
		}
		if got, err := j.Last("www"); err != nil || got.Seq != 1 {
			t.Fatalf("%s: what is open should still be read: %+v, %v", what, got, err)
		}
	}
	refused("removed")
	other := open(t, path)
	refused("replaced")
	if err := errors.Join(other.Close(), os.Rename(path+".away", path)); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(entry("www", 2)); err != nil {
		t.Fatalf("put back: %v", err)
	}
}

// Somebody cuts the file off under a running process: reading the mapping faults. The process must live.
func TestFileTruncatedWhileInUse(t *testing.T) {
	for _, size := range []int64{0, 100, 4096, 8192, 16384} {
		for name, use := range map[string]func(*Journal) error{
			"read":   func(j *Journal) error { _, err := j.Last("shop"); return err },
			"append": func(j *Journal) error { return j.Append(journaltest.Entry("shop", 6)) },
		} {
			path := filepath.Join(t.TempDir(), "journal.db")
			_, file := fileOf(t, someEntries()...)
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			j := open(t, path)
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := use(j); !errors.Is(err, failover.ErrDamaged) {
					t.Errorf("%s of a file cut to %d bytes: %v, want ErrDamaged", name, size, err)
				}
			}
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := use(j); err != nil {
				t.Errorf("%s after the file was put right: %v", name, err)
			}
		}
	}
}
