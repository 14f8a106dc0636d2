package boltstore

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/voxparse/voxparse/internal/fsx"
)

// What a database was when it was closed stands in a file beside it: its size,
// and up to sumLimit the CRC-32C of all of it. The next start compares, which is
// as fast as the file can be read, and checks the whole file only where it is
// another.

// sumLimit is the size in bytes above which a file is not summed: the end and
// the start of a daemon have to be quick.
const sumLimit = 2 << 30

func sumFile(path string) string { return path + ".sum" }

// summary returns what is written beside a file.
func summary(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	if st.Size() > sumLimit {
		return fmt.Sprintf("%d bytes\n", st.Size()), nil
	}
	h := crc32.New(castagnoli)
	if _, err := io.CopyBuffer(h, fsx.Reader(ctx, f), make([]byte, 1<<20)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d bytes, CRC-32C %08x\n", st.Size(), h.Sum32()), nil
}

// closedAsItIs reports whether the database was closed, and is as it was then.
func closedAsItIs(ctx context.Context, path string) (bool, error) {
	if _, err := os.Stat(openMarker(path)); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	was, err := os.ReadFile(sumFile(path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	is, err := summary(ctx, path)
	if err != nil {
		return false, fmt.Errorf("read the database: %w", err)
	}
	return is == string(was), nil
}

// writeSum notes what the database is. Nobody may write to it meanwhile.
func writeSum(path string) error {
	s, err := summary(context.Background(), path)
	if err != nil {
		return fmt.Errorf("read the database: %w", err)
	}
	return fsx.WriteFile(sumFile(path), []byte(s), 0o600)
}
