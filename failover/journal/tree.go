package journal

import "bytes"

// bucket checks the tree below a root page.
func (p *pages) bucket(root uint64) error { return p.node(root, nil, nil) }

// node checks a branch or leaf page and all below it. Keys must be at least lower and less than
// upper; nil is no bound.
func (p *pages) node(id uint64, lower, upper []byte) error {
	page, err := p.claim(id, kindBranch, kindLeaf)
	if err != nil {
		return err
	}
	if order.Uint16(page[8:]) == kindLeaf {
		return p.leaf(id, page, lower, upper)
	}
	return p.branch(id, page, lower, upper)
}

func (p *pages) branch(id uint64, page, lower, upper []byte) error {
	count := uint64(order.Uint16(page[10:]))
	if count == 0 || pageHead+count*element > uint64(len(page)) {
		return pageErr("branch page %d has %d elements", id, count)
	}
	keys := make([][]byte, count)
	for i := range keys {
		e := page[pageHead+i*element:]
		key, ok := part(e, uint64(order.Uint32(e)), uint64(order.Uint32(e[4:])))
		if !ok || !follows(key, keys, i, lower, upper) {
			return pageErr("element %d of branch page %d is invalid", i, id)
		}
		keys[i] = key
	}
	for i, key := range keys {
		above := upper
		if i+1 < len(keys) {
			above = keys[i+1]
		}
		if err := p.node(order.Uint64(page[pageHead+i*element+8:]), key, above); err != nil {
			return err
		}
	}
	return nil
}

func (p *pages) leaf(id uint64, page, lower, upper []byte) error {
	count := uint64(order.Uint16(page[10:]))
	if pageHead+count*element > uint64(len(page)) || count == 0 && lower != nil { // only a root may be empty
		return pageErr("leaf page %d has %d elements", id, count)
	}
	keys := make([][]byte, count)
	for i := range keys {
		e := page[pageHead+i*element:]
		flags, pos := order.Uint32(e), uint64(order.Uint32(e[4:]))
		keySize, valueSize := uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
		both, ok := part(e, pos, keySize+valueSize)
		if !ok || flags > 1 || !follows(both[:keySize], keys, i, lower, upper) {
			return pageErr("element %d of leaf page %d is invalid", i, id)
		}
		keys[i] = both[:keySize]
		if flags == 1 {
			if err := p.child(id, both[keySize:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// child checks a bucket in a leaf: its root page and its sequence, and, where there is no root page,
// the only leaf itself.
func (p *pages) child(id uint64, value []byte) error {
	if len(value) < bucketHead {
		return pageErr("a bucket in page %d is too short", id)
	}
	if root := order.Uint64(value); root != 0 {
		return p.bucket(root)
	}
	inline := value[bucketHead:]
	if len(inline) < pageHead || order.Uint16(inline[8:]) != kindLeaf || order.Uint64(inline) != 0 || order.Uint32(inline[12:]) != 0 {
		return pageErr("a bucket in page %d has an invalid head", id)
	}
	return p.leaf(id, inline, nil, nil)
}

// freelist claims every page that is free.
func (p *pages) freelist(id uint64) error {
	page, err := p.claim(id, kindFree)
	if err != nil {
		return err
	}
	count, list := uint64(order.Uint16(page[10:])), page[pageHead:]
	if count == 0xFFFF { // too many for two bytes: the first element is the count
		count, list = order.Uint64(list), list[8:]
	}
	if count > uint64(len(list)/8) {
		return pageErr("the list of free pages has %d elements", count)
	}
	last := uint64(1)
	for i := range count {
		free := order.Uint64(list[i*8:])
		if free <= last || free >= uint64(len(p.used)) || p.used[free] {
			return pageErr("page %d cannot be free", free)
		}
		p.used[free], last = true, free
	}
	return nil
}

// part returns size bytes from pos, if e has them beyond the element itself.
func part(e []byte, pos, size uint64) ([]byte, bool) {
	if pos < element || size == 0 || pos+size > uint64(len(e)) {
		return nil, false
	}
	return e[pos : pos+size], true
}

// follows tells whether the i-th key is not empty, above the one before, and within the bounds.
func follows(key []byte, keys [][]byte, i int, lower, upper []byte) bool {
	return len(key) > 0 && (i == 0 || bytes.Compare(keys[i-1], key) < 0) &&
		(lower == nil || bytes.Compare(lower, key) <= 0) && (upper == nil || bytes.Compare(key, upper) < 0)
}
