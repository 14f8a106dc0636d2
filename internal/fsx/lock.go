package fsx

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/voxparse/voxparse/internal/retry"
)

// errLocked is a lock that another process holds.
var errLocked = errors.New("locked by another process")

// TryLock takes the lock of f unless another process or open file has it. It
// reports whether it did; the close of f gives the lock back.
func TryLock(f *os.File) (bool, error) {
	err := tryLock(f)
	if errors.Is(err, errLocked) {
		return false, nil
	}
	return err == nil, err
}

// lockPoll is when a lock that another holds is tried again: a file lock has no
// channel that a wait for ctx could share.
var lockPoll = retry.Backoff{First: 5 * time.Millisecond, Most: 100 * time.Millisecond}

// Lock takes the lock of the file at path, which it makes where it does not
// exist, for this process and open file alone. It waits for another holder, and
// calls waiting, which may be nil, once before it does. The caller closes the
// file, which gives the lock back; the file stays. The error is the cause of the
// end of ctx where that came first.
func Lock(ctx context.Context, path string, waiting func()) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	waits := lockPoll.Start()
	for first := true; ; first = false {
		err := tryLock(f)
		if err == nil {
			return f, nil
		}
		if errors.Is(err, errLocked) {
			if first && waiting != nil {
				waiting()
			}
			err = retry.Sleep(ctx, waits.Next())
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
}
