package models

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockPoll is how often a process that waits for another's pull looks again:
// a file lock has no channel to wait on that a context could end.
const lockPoll = 100 * time.Millisecond

// lock takes the lock of one model folder, across processes, and returns the
// function that gives it back. The lock files lie beside the folders and stay,
// so that removing a model never takes a lock away under a waiting process.
// waiting is called once if another holds it.
func (s *Store) lock(ctx context.Context, owner string, waiting func()) (func(), error) {
	dir := filepath.Join(s.dir, ".locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("lock model %s: %w", owner, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, owner), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock model %s: %w", owner, err)
	}
	for first := true; ; first = false {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			f.Close()
			return nil, fmt.Errorf("lock model %s: %w", owner, err)
		}
		if first && waiting != nil {
			waiting()
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another pull of %s: %w", owner, context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}
