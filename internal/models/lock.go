package models

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/voxparse/voxparse/internal/fsx"
)

// lock takes the lock of one model folder, across processes, and returns the
// function that gives it back. The lock files lie beside the folders and stay,
// so that removing a model never takes a lock away under a waiting process.
// waiting is called once if another holds it.
func (s *Store) lock(ctx context.Context, owner string, waiting func()) (func(), error) {
	dir := filepath.Join(s.dir, ".locks")
	if err := fsx.OwnDir(dir); err != nil {
		return nil, fmt.Errorf("lock model %s: %w", owner, err)
	}
	f, err := fsx.Lock(ctx, filepath.Join(dir, owner), waiting)
	if err != nil {
		return nil, fmt.Errorf("lock model %s: %w", owner, err)
	}
	return func() { f.Close() }, nil
}
