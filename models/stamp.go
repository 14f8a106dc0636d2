package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// stampName is the file in a model's folder that says which of its files were
// found right, so that a start need not hash them again.
const stampName = ".verified.json"

// stamp is how a file looked when its hash was found right.
type stamp struct {
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	SHA256   string    `json:"sha256"`
}

// readStamps returns the stamps of a folder; none where there are none or they
// cannot be read, which only costs hashing again.
func readStamps(dir string) map[string]stamp {
	b, err := os.ReadFile(filepath.Join(dir, stampName))
	if err != nil {
		return map[string]stamp{}
	}
	stamps := map[string]stamp{}
	if json.Unmarshal(b, &stamps) != nil {
		return map[string]stamp{}
	}
	return stamps
}

// setStamp records in dir that the file of that name, which lies at path, has
// that hash, or with "" that it is not known. The caller holds the folder's
// lock.
func setStamp(dir, name, path, sha string) error {
	stamps := readStamps(dir)
	if sha == "" {
		delete(stamps, name)
	} else {
		fi, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("stamp %s: %w", path, err)
		}
		stamps[name] = stamp{Size: fi.Size(), Modified: fi.ModTime().UTC(), SHA256: sha}
	}
	b, err := json.MarshalIndent(stamps, "", "  ")
	if err != nil {
		return fmt.Errorf("stamp %s: %w", path, err)
	}
	tmp := filepath.Join(dir, stampName+".tmp")
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		return fmt.Errorf("stamp %s: %w", path, err)
	}
	if err := os.Rename(tmp, filepath.Join(dir, stampName)); err != nil {
		return fmt.Errorf("stamp %s: %w", path, err)
	}
	return nil
}

// standing is what a look at a file without reading it tells.
type standing int

const (
	absent   standing = iota
	unproven          // it is there; its hash was not found right, or it changed since
	proven
)

// look says how f stands at path, by the stamps of dir. A file without a hash,
// which only a local model has, is proven by being there.
func look(dir, path string, f File) (standing, error) {
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return absent, nil
	}
	if err != nil {
		return absent, fmt.Errorf("look for %s: %w", path, err)
	}
	if !fi.Mode().IsRegular() || fi.Size() == 0 {
		return unproven, nil
	}
	if f.SHA256 == "" {
		return proven, nil
	}
	st, ok := readStamps(dir)[f.Name]
	if !ok || st.SHA256 != f.SHA256 || st.Size != fi.Size() || !st.Modified.Equal(fi.ModTime()) {
		return unproven, nil
	}
	return proven, nil
}
