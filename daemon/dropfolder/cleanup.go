package dropfolder

import (
	"context"
	"errors"
	"sync"

	"github.com/voxparse/voxparse/api"
)

// cleanup is whether what a crash left in a folder has been removed since the
// daemon started. It outlives a change of the folder's options: what lies there
// later belongs to writes that go on.
type cleanup struct {
	mu   sync.Mutex
	done bool
}

// cleanUp removes what a crash left of outputs, once, before anything is written.
// The error is api.Unavailable while the folder is away, or may not be watched: what
// lies there may be the work of the watch that has it.
func (f *folder) cleanUp(ctx context.Context) error {
	c := f.cleanup
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return nil
	}
	if err := f.absent(); err != nil {
		return err
	}
	err := f.finisher().Clean(ctx, f.rules.Recursive)
	switch {
	case ctx.Err() != nil, errors.Is(err, api.Unavailable):
		return err
	case err != nil: // nothing that would be in the way
		f.fs.cfg.Logger.Warn("what a crash may have left in a folder stays", "folder", f.id, "error", err)
	}
	c.done = true
	return nil
}
