package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/voxparse/voxparse/internal/fsx"
)

// keyFile is the name of the master key's file in the data folder.
const keyFile = "vault.key"

// fileStore keeps the master keys in the file of that path.
type fileStore string

func (p fileStore) source() string { return SourceFile }

func (p fileStore) load() (*keySet, error) {
	b, err := readPrivate(string(p))
	if err != nil {
		return nil, err
	}
	keys, err := decodeKeys(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", string(p), err)
	}
	return keys, nil
}

func (p fileStore) save(keys *keySet) error {
	b, err := keys.encode()
	if err != nil {
		return err
	}
	return fsx.WriteFile(string(p), b, 0o600)
}

// create is save, but leaves a file alone that another process made meanwhile.
func (p fileStore) create(keys *keySet) error {
	b, err := keys.encode()
	if err != nil {
		return err
	}
	err = fsx.CreateFile(string(p), b, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// readPrivate reads a file that only its owner, who is to be us, may touch.
func readPrivate(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openNoLink, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(path, fi); err != nil {
		return nil, err
	}
	const limit = 1 << 20
	if fi.Size() > limit {
		return nil, unavailable("%s has %d bytes and cannot be a key file; restore it from a backup", path, fi.Size())
	}
	b := make([]byte, fi.Size())
	n, err := f.ReadAt(b, 0)
	if n < len(b) {
		return nil, err
	}
	return b, nil
}

func checkPrivate(path string, fi fs.FileInfo) error {
	if !fi.Mode().IsRegular() {
		return unavailable("%s is not a file; move it away", path)
	}
	if uid, _ := fsx.Owner(fi); !fsx.Owned(fi) {
		return unavailable("%s belongs to user %d, and this runs as user %d; run: chown %d %s", path, uid, os.Geteuid(), os.Geteuid(), quote(path))
	}
	if othersMay(fi) {
		return unavailable("%s may be read or written by others (mode %04o); run: chmod 600 %s", path, fi.Mode().Perm(), quote(path))
	}
	return nil
}

// quote makes path safe to paste into a shell.
func quote(path string) string {
	if !strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune("/._-+:@%,=", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
