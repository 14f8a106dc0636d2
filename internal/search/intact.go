package search

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
)

// errDamaged is the error of an index with a file that is not as it was
// written. The library puts a checksum at the end of each, but never looks at
// it: a damaged one would give wrong answers.
var errDamaged = errors.New("a file is damaged")

// damaged returns the files of words below files whose checksums are wrong.
// The one that was being written when the process was killed is among them,
// and does no harm: the index does not use it.
func damaged(files string) (map[string]bool, error) {
	names, err := filepath.Glob(filepath.Join(files, "store", "*.zap"))
	if err != nil {
		return nil, fmt.Errorf("list the files of the search index: %w", err)
	}
	bad := map[string]bool{}
	for _, name := range names {
		ok, err := intact(name)
		if err != nil {
			return nil, fmt.Errorf("check the search index: %w", err)
		}
		if !ok {
			bad[filepath.Base(name)] = true
		}
	}
	return bad, nil
}

// intact compares a file with the checksum at its end.
func intact(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() < crc32.Size {
		return false, err
	}
	sum := crc32.NewIEEE()
	if _, err := io.CopyBuffer(sum, io.LimitReader(f, st.Size()-crc32.Size), make([]byte, 1<<20)); err != nil {
		return false, err
	}
	var want [crc32.Size]byte
	if _, err := io.ReadFull(f, want[:]); err != nil {
		return false, err
	}
	return sum.Sum32() == binary.BigEndian.Uint32(want[:]), nil
}

// uses returns errDamaged where the open index b uses a file of bad.
func uses(b bleve.Index, bad map[string]bool) error {
	if len(bad) == 0 {
		return nil
	}
	inner, err := b.Advanced()
	if err != nil {
		return fmt.Errorf("check the search index: %w", err)
	}
	reader, err := inner.Reader()
	if err != nil {
		return fmt.Errorf("check the search index: %w", err)
	}
	defer func() { _ = reader.Close() }() // it was read only
	snapshot, ok := reader.(*scorch.IndexSnapshot)
	if !ok {
		return fmt.Errorf("check the search index: it is a %T", reader)
	}
	for _, s := range snapshot.Segments() {
		if f, ok := s.Segment().(interface{ Path() string }); ok && bad[filepath.Base(f.Path())] {
			return errDamaged
		}
	}
	return nil
}
