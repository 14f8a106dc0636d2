package models

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/voxparse/voxparse/internal/fsx"
)

// part is a file on its way: it grows as NAME.part, is hashed as it grows, and
// takes its name only when it is whole. It outlives a pull that was cut short,
// so that the next one goes on from there.
type part struct {
	final   string // the name it will take
	limit   int64  // bytes it may have; 0 for unknown
	f       *os.File
	hash    hash.Hash
	n       int64 // bytes so far
	resumed bool  // some of those bytes are from an earlier try
	grown   func(n int64)
}

// origin is what a part's bytes came from, to ask that server for the rest of
// the same thing.
type origin struct {
	URL      string `json:"url"`
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"last_modified,omitempty"`
}

func partName(final string) string   { return final + ".part" }
func originName(final string) string { return final + ".part.json" }

// openPart opens the part of final and hashes what it has. The caller closes
// it, and holds the folder's lock.
func openPart(final string, limit int64) (*part, error) {
	f, err := os.OpenFile(partName(final), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open partial file: %w", err)
	}
	p := &part{final: final, limit: limit, f: f, hash: sha256.New()}
	p.n, err = io.Copy(p.hash, f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read partial file: %w", err)
	}
	p.resumed = p.n > 0
	if limit > 0 && p.n > limit {
		if err := p.reset(); err != nil {
			f.Close()
			return nil, err
		}
	}
	return p, nil
}

// errTooLong is a source that has more bytes than the file is to have.
var errTooLong = errors.New("it is longer than expected")

// writeError is a write that this machine refused: no other source helps.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// Write appends b.
func (p *part) Write(b []byte) (int, error) {
	if p.limit > 0 && p.n+int64(len(b)) > p.limit {
		return 0, errTooLong
	}
	n, err := p.f.Write(b)
	p.hash.Write(b[:n])
	p.n += int64(n)
	if err != nil {
		return n, &writeError{err}
	}
	if p.grown != nil {
		p.grown(p.n)
	}
	return n, nil
}

// reset throws away what there is.
func (p *part) reset() error {
	if err := p.f.Truncate(0); err != nil {
		return &writeError{fmt.Errorf("empty partial file: %w", err)}
	}
	if _, err := p.f.Seek(0, io.SeekStart); err != nil {
		return &writeError{fmt.Errorf("empty partial file: %w", err)}
	}
	p.hash.Reset()
	p.n, p.resumed = 0, false
	return nil
}

func (p *part) sum() string { return hex.EncodeToString(p.hash.Sum(nil)) }

// commit gives the complete file its name, durably.
func (p *part) commit() error {
	if err := p.f.Sync(); err != nil {
		return &writeError{fmt.Errorf("flush %s: %w", p.final, err)}
	}
	if err := fsx.Rename(partName(p.final), p.final); err != nil {
		return &writeError{fmt.Errorf("name %s: %w", p.final, err)}
	}
	return p.dropOrigin()
}

// close ends the writing. An empty part leaves nothing behind.
func (p *part) close() error {
	if p.n == 0 {
		return errors.Join(p.f.Close(), fsx.RemoveIfExists(partName(p.final)), p.dropOrigin())
	}
	return p.f.Close()
}

// saveOrigin records where the bytes come from.
func (p *part) saveOrigin(o origin) error {
	b, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("record the source of %s: %w", p.final, err)
	}
	if err := os.WriteFile(originName(p.final), b, 0o600); err != nil {
		return &writeError{fmt.Errorf("record the source of %s: %w", p.final, err)}
	}
	return nil
}

// loadOrigin returns what saveOrigin recorded, or nothing.
func (p *part) loadOrigin() origin {
	var o origin
	b, err := os.ReadFile(originName(p.final))
	if err != nil || json.Unmarshal(b, &o) != nil {
		return origin{}
	}
	return o
}

func (p *part) dropOrigin() error { return fsx.RemoveIfExists(originName(p.final)) }
