package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/voxparse/voxparse/internal/fsx"
)

// verifiedName is the file in a model's folder that says which of its files were
// found right, so that a start need not hash them again.
const verifiedName = ".verified.json"

// derivedSuffix ends the name of what a worker keeps beside a file of a model,
// which goes with it.
const derivedSuffix = ".derived"

// verifiedFile is how a file looked when its hash was found right.
type verifiedFile struct {
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	SHA256   string    `json:"sha256"`
}

// readVerified returns what is recorded of the files of a folder; none where there are none or they
// cannot be read, which only costs hashing again.
func readVerified(dir string) map[string]verifiedFile {
	b, err := os.ReadFile(filepath.Join(dir, verifiedName))
	if err != nil {
		return map[string]verifiedFile{}
	}
	verified := map[string]verifiedFile{}
	if json.Unmarshal(b, &verified) != nil {
		return map[string]verifiedFile{}
	}
	return verified
}

// setVerified records in dir that the file of that name, which lies at path, has
// that hash, or with "" that it is not known. The caller holds the folder's
// lock.
func setVerified(dir, name, path, sha string) error {
	verified := readVerified(dir)
	if sha == "" {
		delete(verified, name)
	} else {
		fi, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("record the hash of %s: %w", path, err)
		}
		verified[name] = verifiedFile{Size: fi.Size(), Modified: fi.ModTime().UTC(), SHA256: sha}
	}
	b, err := json.MarshalIndent(verified, "", "  ")
	if err != nil {
		return fmt.Errorf("record the hash of %s: %w", path, err)
	}
	if err := fsx.WriteFile(filepath.Join(dir, verifiedName), b, 0o644); err != nil {
		return fmt.Errorf("record the hash of %s: %w", path, err)
	}
	return nil
}

// fileState is what is known about a file without reading it.
type fileState int

const (
	absent     fileState = iota
	unverified           // it is there; its hash was not found right, or it changed since
	proven
)

// look returns the state of f at path, by what is recorded in dir. A file without a hash,
// which only a local model has, is proven by being there.
func look(dir, path string, f File) (fileState, error) {
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return absent, nil
	}
	if err != nil {
		return absent, fmt.Errorf("look for %s: %w", path, err)
	}
	if !fi.Mode().IsRegular() || fi.Size() == 0 {
		return unverified, nil
	}
	if f.SHA256 == "" {
		return proven, nil
	}
	st, ok := readVerified(dir)[f.Name]
	if !ok || st.SHA256 != f.SHA256 || st.Size != fi.Size() || !st.Modified.Equal(fi.ModTime()) {
		return unverified, nil
	}
	return proven, nil
}
