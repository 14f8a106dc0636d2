package moonshine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/voxparse/voxparse/internal/fsx"
)

// deriverVersion counts the ways in which graphs were derived. It goes up with
// every change to what derive makes.
const deriverVersion = 2

// keptName is added to the path of a decoder to name what was derived of it.
const keptName = ".derived"

// label is the first line of a kept file: of what the rest was made, and what
// is in it.
type label struct {
	Version   int    `json:"version"`
	Source    string `json:"source"`  // SHA-256 of the decoder
	Watch     []Head `json:"watch"`   // whose attention comes out
	Content   string `json:"content"` // SHA-256 of what follows this line
	CrossSize int    `json:"cross_size"`
	Shape     shape  `json:"shape"`
}

// hash is the SHA-256 of b in hexadecimal digits.
func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// derivedOf returns what is derived of the decoder at path: what is kept
// beside it, where that was made of this very file, in this very way, and is
// whole; else it is made, and kept for the next time. Any number of processes
// may do this at once: a kept file appears under its name only when it is
// complete. Where nothing can be written, nothing is kept.
func derivedOf(path string, watch []Head) (derived, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return derived{}, fmt.Errorf("read the decoder: %w", err)
	}
	want := label{Version: deriverVersion, Source: hash(file), Watch: watch}
	if kept, err := os.ReadFile(path + keptName); err == nil {
		if d, ok := unpackDerived(kept, want); ok {
			return d, nil
		}
	}
	d, err := derive(file, watch)
	if err != nil {
		return derived{}, fmt.Errorf("derive graphs of %s: %w", path, err)
	}
	b, err := packDerived(d, want)
	if err != nil {
		return derived{}, err
	}
	if err := fsx.WriteFile(path+keptName, b, 0o644); err != nil && !unwritable(err) {
		return derived{}, fmt.Errorf("keep what is derived of %s: %w", path, err)
	}
	return d, nil
}

// unwritable reports whether err says that a folder takes nothing more, which
// costs the next start some time and nothing else.
func unwritable(err error) bool {
	return errors.Is(err, os.ErrPermission) || fsx.IsReadOnly(err) || fsx.IsFull(err)
}

// packDerived makes the file that keeps d.
func packDerived(d derived, l label) ([]byte, error) {
	content := append(append([]byte{}, d.Cross...), d.Step...)
	l.Content, l.CrossSize, l.Shape = hash(content), len(d.Cross), d.Shape
	line, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("keep derived graphs: %w", err)
	}
	return append(append(line, '\n'), content...), nil
}

// unpackDerived reads what packDerived made; ok is false where it was made of
// something else, or is damaged.
func unpackDerived(b []byte, want label) (d derived, ok bool) {
	line, content, found := bytes.Cut(b, []byte{'\n'})
	var l label
	if !found || json.Unmarshal(line, &l) != nil {
		return derived{}, false
	}
	same, err := json.Marshal(label{l.Version, l.Source, l.Watch, "", 0, shape{}})
	wanted, err1 := json.Marshal(label{want.Version, want.Source, want.Watch, "", 0, shape{}})
	if err != nil || err1 != nil || !bytes.Equal(same, wanted) {
		return derived{}, false
	}
	if hash(content) != l.Content || l.CrossSize < 0 || l.CrossSize > len(content) {
		return derived{}, false
	}
	return derived{Shape: l.Shape, Cross: content[:l.CrossSize], Step: content[l.CrossSize:]}, true
}
