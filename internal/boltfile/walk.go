package boltfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// maxDepth bounds how deep a tree can be: a loop of pages ends there.
const maxDepth = 64

// Visitor is told what a walk finds.
type Visitor struct {
	// Only names the one bucket to visit; "" for all.
	Only string
	// Entry is called for every key of a bucket, in order.
	Entry func(bucket string, key, value []byte) error
	// Bucket is called for every bucket, before its keys, with its sequence.
	Bucket func(name string, sequence uint64) error
	// Damaged is called for a page that cannot be read, with the bucket that it
	// belongs to; the walk goes on beside it. nil: the walk ends there.
	Damaged func(bucket string, err error)
}

// walk is one walk over the tree.
type walk struct {
	f    *File
	v    Visitor
	seen map[uint64]bool // pages of the tree, and those that overflow from them
}

// Walk visits all buckets and their entries. Buckets lie in the root alone.
func (f *File) Walk(ctx context.Context, v Visitor) error {
	w := &walk{f: f, v: v, seen: map[uint64]bool{}}
	return w.root(ctx)
}

func (w *walk) root(ctx context.Context) error {
	return w.tree(ctx, "", span{id: w.f.Root}, func(e entry) error {
		switch {
		case !e.bucket:
			return w.damaged("", damagef("the bucket of buckets holds the key %q", e.key))
		case w.v.Only != "" && w.v.Only != string(e.key):
			return nil
		}
		return w.damaged(string(e.key), w.bucket(ctx, string(e.key), e.value))
	})
}

// span is a page with the keys that can be below it: from low, and below high.
type span struct {
	id        uint64
	low, high []byte
	depth     int
}

// damaged reports damage, and goes on where somebody listens.
func (w *walk) damaged(bucket string, err error) error {
	if w.v.Damaged == nil || !errors.Is(err, ErrDamaged) {
		return err
	}
	w.v.Damaged(bucket, err)
	return nil
}

// bucket walks one bucket, given the value that describes it.
func (w *walk) bucket(ctx context.Context, name string, v []byte) error {
	if len(v) < bucketHeader {
		return damagef("bucket %q has no root", name)
	}
	root, sequence := binary.NativeEndian.Uint64(v), binary.NativeEndian.Uint64(v[8:])
	if w.v.Bucket != nil {
		if err := w.v.Bucket(name, sequence); err != nil {
			return err
		}
	}
	visit := func(e entry) error {
		if e.bucket {
			return w.damaged(name, damagef("bucket %q holds another, %q", name, e.key))
		}
		if w.v.Entry == nil {
			return nil
		}
		return w.v.Entry(name, e.key, e.value)
	}
	if root != 0 {
		return w.tree(ctx, name, span{id: root}, visit)
	}
	b := v[bucketHeader:] // a small bucket lies inside of its parent
	if len(b) < pageHeader {
		return damagef("bucket %q is cut short", name)
	}
	p := header(b)
	if p.flags != leafFlag || p.overflow != 0 {
		return damagef("bucket %q is of no known kind (%#x)", name, p.flags)
	}
	return leaf(p, span{}, visit)
}

// tree walks the pages of a span.
func (w *walk) tree(ctx context.Context, bucket string, at span, visit func(entry) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p, err := w.take(at.id)
	if err != nil {
		return w.damaged(bucket, err)
	}
	if p.flags == leafFlag {
		return w.damaged(bucket, leaf(p, at, visit))
	}
	if p.flags != branchFlag || at.depth == maxDepth || p.count == 0 {
		return w.damaged(bucket, damagef("page %d is not part of a tree", at.id))
	}
	all, err := p.entriesIn(at)
	if err != nil {
		return w.damaged(bucket, err)
	}
	for i, e := range all {
		below := span{id: e.child, low: e.key, high: at.high, depth: at.depth + 1}
		if i+1 < len(all) {
			below.high = all[i+1].key
		}
		if err := w.tree(ctx, bucket, below, visit); err != nil {
			return err
		}
	}
	return nil
}

func leaf(p *page, at span, visit func(entry) error) error {
	all, err := p.entriesIn(at)
	if err != nil {
		return err
	}
	for _, e := range all {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// entriesIn returns the entries of a page, whose keys must be those of the span.
func (p *page) entriesIn(at span) ([]entry, error) {
	all, err := p.entries()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if bytes.Compare(all[0].key, at.low) < 0 || at.high != nil && bytes.Compare(all[len(all)-1].key, at.high) >= 0 {
		return nil, damagef("page %d has keys that do not belong to its place", p.id)
	}
	return all, nil
}

// take reads a page of the tree, which may be in it once.
func (w *walk) take(id uint64) (*page, error) {
	p, err := w.f.read(id)
	if err != nil {
		return nil, err
	}
	for i := range p.overflow + 1 {
		if w.seen[id+i] {
			return nil, damagef("page %d is used twice", id+i)
		}
	}
	for i := range p.overflow + 1 {
		w.seen[id+i] = true
	}
	return p, nil
}

// Check reads every page that is in use. The error is ErrDamaged, or that of
// the disk, or the cause of the end of ctx. A file that passes is one that bbolt
// can open and read.
func (f *File) Check(ctx context.Context) error {
	if err := f.checkMetas(); err != nil {
		return err
	}
	w := &walk{f: f, seen: map[uint64]bool{}}
	if err := w.root(ctx); err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	if !f.HasFreelist() {
		return nil
	}
	free, err := w.freelist()
	if err != nil {
		return fmt.Errorf("list of free pages: %w", err)
	}
	if lost := f.Pages - 2 - uint64(len(w.seen)) - uint64(len(free)); lost != 0 {
		return damagef("%d pages are neither in use nor free", lost)
	}
	return nil
}

// freelist returns the free pages. None of them may be in use.
func (w *walk) freelist() ([]uint64, error) {
	p, err := w.take(w.f.Freelist)
	if err != nil {
		return nil, err
	}
	if p.flags != freelistFlag {
		return nil, damagef("page %d is no list of free pages", p.id)
	}
	free, err := p.free()
	if err != nil {
		return nil, err
	}
	known := make(map[uint64]bool, len(free))
	for _, id := range free {
		if id < 2 || id >= w.f.Pages || w.seen[id] || known[id] {
			return nil, damagef("page %d cannot be free: it is in use, listed twice or outside of the file", id)
		}
		known[id] = true
	}
	return free, nil
}
