package datalock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/retry"
)

// FileName is the name of the lock file in the data folder.
const FileName = "voxparse.db.lock"

// Wait is how long Take waits for a holder that is about to end.
const Wait = 2 * time.Second

// Owner is the process that has a data folder.
type Owner struct {
	PID       int       `json:"pid"`
	Socket    string    `json:"socket"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
}

// ErrHeld says that another process has the data folder.
var ErrHeld = errors.New("another process has the data folder")

// Lock is the lock of a data folder. Whoever took it closes it.
type Lock struct{ f *os.File }

// Take takes the lock of the data folder dir, and waits for up to Wait where
// another process has it: then the error is ErrHeld.
func Take(ctx context.Context, dir string) (*Lock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, Wait, ErrHeld)
	defer cancel()
	f, err := fsx.Lock(ctx, filepath.Join(dir, FileName), nil)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	return &Lock{f}, nil
}

// Name writes who holds the lock.
func (l *Lock) Name(o Owner) error {
	data, err := json.Marshal(o)
	if err == nil {
		err = l.f.Truncate(0)
	}
	if err == nil {
		_, err = l.f.WriteAt(append(data, '\n'), 0)
	}
	if err != nil {
		return fmt.Errorf("name the owner of the data folder: %w", err)
	}
	return nil
}

// Close gives the lock back.
func (l *Lock) Close() error { return errors.Join(l.f.Truncate(0), l.f.Close()) }

// looks is how often Find looks at a lock that is held before its holder has
// written who it is.
const looks = 20

// Find reports whether a process has the data folder dir, and which. The owner
// is the zero one where the holder is not known.
func Find(ctx context.Context, dir string) (o Owner, held bool, err error) {
	for range looks {
		if o, held, err = look(filepath.Join(dir, FileName)); err != nil || !held || o.PID != 0 {
			return o, held, err
		}
		if err := retry.Sleep(ctx, 10*time.Millisecond); err != nil {
			return Owner{}, held, err
		}
	}
	return o, held, nil
}

// look looks at the lock once.
func look(path string) (Owner, bool, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return Owner{}, false, nil
	}
	if err != nil {
		return Owner{}, false, fmt.Errorf("look at the lock of the data folder: %w", err)
	}
	defer f.Close()
	free, err := fsx.TryLock(f)
	if err != nil || free {
		return Owner{}, false, err
	}
	data, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return Owner{}, true, fmt.Errorf("read the lock of the data folder: %w", err)
	}
	var o Owner
	if json.Unmarshal(data, &o) != nil || o.PID <= 0 || !mayHold(o.PID, f) {
		return Owner{}, true, nil // it has not been written yet, or an earlier holder wrote it
	}
	return o, true, nil
}
