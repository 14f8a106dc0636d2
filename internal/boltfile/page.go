package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// The layout of pages.
const (
	pageHeader   = 16
	entryHead    = 16 // of a branch and of a leaf
	bucketHeader = 16

	branchFlag   = 0x01
	leafFlag     = 0x02
	metaFlag     = 0x04
	freelistFlag = 0x10

	subBucket = 0x01 // of a leaf's entry: the value is a bucket

	maxKeySize = 32768
)

// page is one page with those that overflow from it.
type page struct {
	id       uint64
	flags    uint16
	count    int
	overflow uint64
	b        []byte // with the header
}

// entry is a key of a page with its value, or with the page below it.
type entry struct {
	key, value []byte
	child      uint64
	bucket     bool
}

// read reads the page with the given number.
func (f *File) read(id uint64) (*page, error) {
	if id < 2 || id >= f.Pages {
		return nil, damagef("page %d is outside of the file, which has %d", id, f.Pages)
	}
	b, err := f.bytes(id, 1)
	if err != nil {
		return nil, err
	}
	p := header(b)
	switch {
	case p.id != id:
		return nil, damagef("page %d says that it is page %d", id, p.id)
	case p.flags != branchFlag && p.flags != leafFlag && p.flags != freelistFlag:
		return nil, damagef("page %d is of no known kind (%#x)", id, p.flags)
	case p.overflow >= f.Pages-id:
		return nil, damagef("page %d reaches beyond the end of the file", id)
	}
	if p.overflow > 0 {
		if p.b, err = f.bytes(id, p.overflow+1); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func header(b []byte) *page {
	return &page{
		id:    binary.NativeEndian.Uint64(b),
		flags: binary.NativeEndian.Uint16(b[8:]), count: int(binary.NativeEndian.Uint16(b[10:])),
		overflow: uint64(binary.NativeEndian.Uint32(b[12:])), b: b,
	}
}

// bytes reads n pages.
func (f *File) bytes(id, n uint64) ([]byte, error) {
	if int64(id+n)*f.PageSize > f.size {
		return nil, damagef("page %d is missing at the end of the file", id)
	}
	b := make([]byte, int64(n)*f.PageSize)
	if _, err := f.f.ReadAt(b, int64(id)*f.PageSize); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, damagef("page %d is missing at the end of the file", id)
		}
		return nil, err
	}
	return b, nil
}

// entries returns the entries of a branch or a leaf. Their keys must rise, and
// their bytes follow the heads of all without a gap, as bbolt writes them.
func (p *page) entries() ([]entry, error) {
	next := uint64(pageHeader + p.count*entryHead)
	if next > uint64(len(p.b)) {
		return nil, damagef("page %d has %d entries and no room for them", p.id, p.count)
	}
	all := make([]entry, 0, p.count)
	for i := range p.count {
		e, from, end := p.entry(pageHeader + i*entryHead)
		if from != next || end > uint64(len(p.b)) || len(e.key) > maxKeySize {
			return nil, damagef("entry %d of page %d is not where it belongs", i, p.id)
		}
		if i > 0 && bytes.Compare(all[i-1].key, e.key) >= 0 {
			return nil, damagef("entry %d of page %d is out of order", i, p.id)
		}
		all, next = append(all, e), end
	}
	return all, nil
}

// entry reads the entry whose head is at an offset of the page, and says from
// where to where its bytes are. Where they are beyond the page, it has none.
func (p *page) entry(at int) (e entry, from, end uint64) {
	u32 := func(i int) uint64 { return uint64(binary.NativeEndian.Uint32(p.b[at+i:])) }
	var key, value uint64
	if p.flags == branchFlag {
		e.child = binary.NativeEndian.Uint64(p.b[at+8:])
		from, key = uint64(at)+u32(0), u32(4)
	} else {
		flags := u32(0)
		from, key, value = uint64(at)+u32(4), u32(8), u32(12)
		if e.bucket = flags == subBucket; flags > subBucket {
			return e, from, math.MaxUint64
		}
	}
	end = from + key + value
	if end <= uint64(len(p.b)) {
		e.key, e.value = p.b[from:from+key:from+key], p.b[from+key:end:end]
	}
	return e, from, end
}

// free returns the numbers on the page of the list of free pages.
func (p *page) free() ([]uint64, error) {
	at, n := uint64(pageHeader), uint64(p.count)
	if p.count == 0xffff { // the number of them stands first
		n, at = binary.NativeEndian.Uint64(p.b[at:]), at+8
	}
	if n > uint64(len(p.b)) || at+8*n > uint64(len(p.b)) {
		return nil, damagef("the list of free pages has %d entries and no room for them", n)
	}
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = binary.NativeEndian.Uint64(p.b[at+8*uint64(i):])
	}
	return ids, nil
}
