package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
)

// errPages is matched by errors that say: the pages of the file are not as bbolt writes them. Other
// errors are of reading.
var errPages = errors.New("broken pages")

func pageErr(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errPages, fmt.Sprintf(format, args...))
}

// The layout of a bbolt file, version 2, in the machine's own byte order. A page begins with its
// number (8 bytes), its kind (2), the count of its elements (2), and the number of pages that it
// extends over beyond the first (4).
const (
	minPage    = 1024
	maxPage    = 16 << 20
	pageHead   = 16
	element    = 16
	bucketHead = 16

	kindBranch, kindLeaf, kindMeta, kindFree = 1, 2, 4, 16

	boltMagic, boltVersion = 0xED0CDAED, 2
)

var order = binary.NativeEndian

// pages checks a file page by page, reading and never mapping it, so that no damage can fault.
type pages struct {
	r    io.ReaderAt
	size uint64 // of a page
	used []bool // by page number
}

// boltMeta is what a meta page says.
type boltMeta struct{ pageSize, root, free, end, txid uint64 }

// checkPages proves that the file is a whole tree: both meta pages are valid, every page up to the
// end is in the file and is used exactly once or free, every element lies within its page, keys are
// in order. It reads all of the file once, and needs memory for one path of pages.
//
// One invalid meta page of two would be enough for bbolt, which then goes on with the older state.
// For us this is damage: the newest entry may be lost, and it may have been acted upon. A meta page
// is 80 bytes in one sector, so that no power cut tears it.
func checkPages(r io.ReaderAt, fileSize int64) error {
	first, err := readMeta(r, 0)
	if err != nil {
		return err
	}
	second, err := readMeta(r, first.pageSize)
	if err != nil {
		return err
	}
	meta := first
	if second.txid > first.txid {
		meta = second
	}
	p := &pages{r: r, size: meta.pageSize}
	if first.pageSize != second.pageSize || meta.end < 4 || meta.end > uint64(fileSize)/p.size {
		return pageErr("the file has %d bytes and should have %d pages of %d", fileSize, meta.end, p.size)
	}
	p.used = make([]bool, meta.end)
	p.used[0], p.used[1] = true, true
	if err := p.bucket(meta.root); err != nil {
		return err
	}
	if err := p.freelist(meta.free); err != nil {
		return err
	}
	for id, used := range p.used {
		if !used {
			return pageErr("page %d is neither used nor free", id)
		}
	}
	return nil
}

func readMeta(r io.ReaderAt, at uint64) (boltMeta, error) {
	var b [pageHead + 64]byte
	if err := readAt(r, b[:], at); err != nil {
		return boltMeta{}, err
	}
	m := b[pageHead:]
	sum := fnv.New64a()
	_, _ = sum.Write(m[:56])
	if order.Uint16(b[8:]) != kindMeta || order.Uint32(m) != boltMagic || order.Uint32(m[4:]) != boltVersion || order.Uint64(m[56:]) != sum.Sum64() {
		return boltMeta{}, pageErr("the head at byte %d is invalid, so the newest entry may be lost", at)
	}
	meta := boltMeta{pageSize: uint64(order.Uint32(m[8:])), root: order.Uint64(m[16:]), free: order.Uint64(m[32:]),
		end: order.Uint64(m[40:]), txid: order.Uint64(m[48:])}
	if meta.pageSize < minPage || meta.pageSize > maxPage || order.Uint64(b[:]) != at/meta.pageSize {
		return boltMeta{}, pageErr("the head at byte %d is invalid", at)
	}
	return meta, nil
}

func readAt(r io.ReaderAt, b []byte, at uint64) error {
	_, err := r.ReadAt(b, int64(at))
	if errors.Is(err, io.EOF) {
		return pageErr("the file ends before byte %d", at+uint64(len(b)))
	}
	return err
}

// claim reads a page of one of the wanted kinds, which nobody may have claimed before.
func (p *pages) claim(id uint64, kinds ...uint16) ([]byte, error) {
	if id < 2 || id >= uint64(len(p.used)) {
		return nil, pageErr("page %d is beyond the end", id)
	}
	var head [pageHead]byte
	if err := readAt(p.r, head[:], id*p.size); err != nil {
		return nil, err
	}
	kind, more := order.Uint16(head[8:]), uint64(order.Uint32(head[12:]))
	if order.Uint64(head[:]) != id || !slices.Contains(kinds, kind) || id+more >= uint64(len(p.used)) {
		return nil, pageErr("page %d has an invalid head", id)
	}
	for i := id; i <= id+more; i++ {
		if p.used[i] {
			return nil, pageErr("page %d is used twice", i)
		}
		p.used[i] = true
	}
	page := make([]byte, (more+1)*p.size)
	return page, readAt(p.r, page, id*p.size)
}
