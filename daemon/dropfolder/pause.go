package dropfolder

import (
	"context"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
)

// A folder is paused while its volume is away, and while transcripts cannot be
// written where they go: its jobs are not claimed, for their work would be for
// nothing, and it is looked at until that is over.

// setback is what keeps something from being done.
type setback struct {
	err error // the first of them
	n   int
}

// another returns s with one more; s may be nil.
func (s *setback) another(err error) *setback {
	if s == nil {
		return &setback{err, 1}
	}
	s.n++
	return s
}

// Paused reports whether the jobs of a queue are to be left alone: the folder
// that it belongs to is paused, or is not watched now.
func (fs *Folders) Paused(queue string) bool {
	f := fs.get(queue)
	if f == nil {
		return strings.HasPrefix(queue, api.FolderPrefix)
	}
	return f.absent() != nil || f.blocked.Load() != nil
}

// cannotWrite notes that outputs of size bytes could not be written, for
// pauseLoop to find out whether others can.
func (f *folder) cannotWrite(size int) {
	f.wanted.Store(int64(size))
	select {
	case f.fs.stuck <- struct{}{}:
	default:
	}
}

// pauseLoop looks where outputs could not be written, until ctx ends.
func (fs *Folders) pauseLoop(ctx context.Context) {
	for {
		var again <-chan time.Time
		if fs.probe() {
			again = time.After(retry.Jitter(fs.cfg.Intervals.Probe))
		}
		select {
		case <-ctx.Done():
			return
		case <-fs.stuck:
		case <-again:
		}
	}
}

// probe looks once, and reports whether there is something to look at again.
func (fs *Folders) probe() (again bool) {
	for _, f := range fs.list() {
		if f.wanted.Load() > 0 && f.probe() {
			again = true
		}
	}
	return again
}

// probe looks whether what could not be written last can be written now. It
// reports whether the folder is paused.
func (f *folder) probe() bool {
	size := f.wanted.Load()
	if err := f.finisher().Probe(int(size)); err != nil {
		if f.blocked.Swap(&setback{err, 1}) == nil {
			f.fs.cfg.Logger.Warn("transcripts cannot be written: the folder is paused", "folder", f.id, "error", err)
		}
		return true
	}
	f.wanted.CompareAndSwap(size, 0)
	if f.blocked.Swap(nil) != nil {
		f.fs.cfg.Logger.Info("transcripts can be written again", "folder", f.id)
		f.fs.cfg.Wake()
	}
	return false
}

// isLate notes what keeps sources of the folder from being finished; nil is
// nothing.
func (f *folder) isLate(s *setback) {
	was := f.late.Swap(s)
	switch {
	case s != nil && (was == nil || was.err.Error() != s.err.Error()):
		f.fs.cfg.Logger.Warn("sources have to wait", "folder", f.id, "files", s.n, "error", s.err)
	case s == nil && was != nil:
		f.fs.cfg.Logger.Info("the sources that had to wait are finished", "folder", f.id)
	}
}
