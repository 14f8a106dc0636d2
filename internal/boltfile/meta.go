package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// ErrDamaged says that the bytes of a file are not those that were written.
var ErrDamaged = errors.New("the file is damaged")

// damage is an ErrDamaged with a sentence of its own.
type damage string

func damagef(format string, args ...any) error { return damage(fmt.Sprintf(format, args...)) }

func (d damage) Error() string { return string(d) }

// Is makes it an ErrDamaged.
func (d damage) Is(target error) bool { return target == ErrDamaged }

// The layout of a meta page, behind its header.
const (
	magic      = 0xED0CDAED
	version    = 2
	metaSize   = 64
	metaSummed = 56 // bytes that the checksum is of
	noFreelist = ^uint64(0)

	minPageSize, maxPageSize = 512, 1 << 16
)

// Meta is what a meta page says of the file.
type Meta struct {
	PageSize int64
	Root     uint64 // page of the bucket of buckets
	Freelist uint64 // page of the list of free pages
	Pages    uint64 // how many pages the file has
	TxID     uint64
}

// HasFreelist reports whether the file lists its free pages.
func (m Meta) HasFreelist() bool { return m.Freelist != noFreelist }

// File is a bbolt file that is open for reading.
type File struct {
	Meta
	// Fallback says that the newer of the two meta pages cannot be read: the
	// last transaction was not written to its end, or its page was damaged.
	Fallback bool

	f     *os.File
	metas [2]*Meta // nil for one that is not valid
	size  int64
}

// Open opens the file at path and reads its meta pages. The error is ErrDamaged
// where it is no bbolt file, or where pages are missing at its end.
func Open(path string) (*File, error) {
	f, err := OpenDamaged(path)
	if err != nil {
		return nil, err
	}
	if want := int64(f.Pages) * f.PageSize; f.size < want {
		f.Close()
		return nil, damagef("it was cut short: it has %d of %d bytes", f.size, want)
	}
	return f, nil
}

// OpenDamaged is Open for a file in which pages may be missing: they are damage
// that Walk finds.
func OpenDamaged(path string) (_ *File, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b := &File{f: f}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b.size = st.Size()
	if err := b.readMeta(); err != nil {
		return nil, err
	}
	return b, nil
}

// Close closes the file, which was only read.
func (f *File) Close() { f.f.Close() }

// readMeta takes the newer meta page that is valid.
func (f *File) readMeta() error {
	first, err := f.metaAt(0)
	if err != nil {
		return err
	}
	var second *Meta
	sizes := []int64{4096, 8192, 16384, 32768, 65536, 512, 1024, 2048}
	if first != nil {
		sizes = []int64{first.PageSize}
	}
	for _, size := range sizes {
		m, err := f.metaAt(size)
		if err != nil {
			return err
		}
		if m != nil && m.PageSize == size {
			second = m
			break
		}
	}
	f.Fallback, f.metas = first == nil || second == nil, [2]*Meta{first, second}
	switch {
	case first == nil && second == nil:
		return damagef("it is no database, or both of its first pages are damaged")
	case second == nil || first != nil && first.TxID > second.TxID:
		f.Meta = *first
	default:
		f.Meta = *second
	}
	return nil
}

// metaAt returns the meta page at an offset, nil where it is not valid.
func (f *File) metaAt(offset int64) (*Meta, error) {
	b := make([]byte, pageHeader+metaSize)
	if _, err := f.f.ReadAt(b, offset); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	b = b[pageHeader:]
	u32 := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	u64 := func(at int) uint64 { return binary.NativeEndian.Uint64(b[at:]) }
	sum := fnv.New64a()
	sum.Write(b[:metaSummed])
	if u32(0) != magic || u32(4) != version || u64(metaSummed) != sum.Sum64() {
		return nil, nil
	}
	m := &Meta{PageSize: int64(u32(8)), Root: u64(16), Freelist: u64(32), Pages: u64(40), TxID: u64(48)}
	if m.PageSize < minPageSize || m.PageSize > maxPageSize || m.PageSize&(m.PageSize-1) != 0 || m.Pages > 1<<46 {
		return nil, nil
	}
	return m, nil
}

// checkMetas looks whether the meta pages stand where they belong.
func (f *File) checkMetas() error {
	for i, m := range f.metas {
		if m == nil {
			continue
		}
		b, err := f.bytes(uint64(i), 1)
		if err != nil {
			return err
		}
		if p := header(b); p.id != uint64(i) || p.flags != metaFlag || m.PageSize != f.PageSize {
			return damagef("page %d is not the one that belongs there", i)
		}
	}
	return nil
}
