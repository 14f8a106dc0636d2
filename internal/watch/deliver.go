package watch

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/voxparse/voxparse/internal/retry"
)

// retryReadyMost is the longest wait after Ready failed.
const retryReadyMost = 30 * time.Second

// runDeliverer hands complete files to Ready until ctx ends.
func (w *Watcher) runDeliverer(ctx context.Context) {
	waits := retry.Backoff{First: w.intervals.retry, Most: retryReadyMost}.Start()
	for {
		batch, candidates := w.nextBatch(ctx)
		if batch == nil {
			return
		}
		err := w.opt.Ready(ctx, candidates)
		w.handed(batch, err)
		if err == nil {
			waits.Reset()
			continue
		}
		if ctx.Err() != nil {
			return
		}
		w.log.Warn("files are not accepted yet", "files", len(batch), "error", err)
		if retry.Sleep(ctx, waits.Next()) != nil {
			return
		}
		w.recheck(batch)
	}
}

// nextBatch waits for complete files, and says what Ready is told of each; nil
// when ctx ends.
func (w *Watcher) nextBatch(ctx context.Context) ([]*file, []Candidate) {
	for {
		w.mu.Lock()
		w.dropLost()
		if n := min(len(w.toHand), w.opt.BatchSize); n > 0 && !w.paused {
			slices.SortStableFunc(w.toHand, func(a, b *file) int {
				return cmp.Or(a.complete.Compare(b.complete), a.first.Compare(b.first))
			})
			batch := slices.Clone(w.toHand[:n])
			w.toHand = slices.Clone(w.toHand[n:])
			out := candidates(batch)
			w.mu.Unlock()
			return batch, out
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, nil
		case <-w.deliver:
		}
	}
}

// candidates says what Ready is told of files. Call it with mu held: a look at
// the folder may change them until they are handed over.
func candidates(batch []*file) []Candidate {
	out := make([]Candidate, len(batch))
	for i, f := range batch {
		out[i] = Candidate{Path: f.path, Stat: f.stat, SHA256: f.sum, First: f.first, Complete: f.complete, Retry: f.retry}
	}
	return out
}

// handed takes note of what Ready said.
func (w *Watcher) handed(batch []*file, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = err
	if err != nil {
		w.toHand = slices.Concat(batch, w.toHand)
		return
	}
	for _, f := range batch {
		if !w.track.has(f) {
			continue
		}
		w.track.drop(f.path)
		if f.again {
			w.marks.add(f.path, fsnotify.Write)
		}
	}
}

// recheck sends those of a refused batch that have changed since they were
// hashed back to the checker.
func (w *Watcher) recheck(batch []*file) {
	root, err := w.openRoot()
	if err != nil {
		return // the source is found to be missing when it is wanted
	}
	defer root.Close()
	for _, f := range batch {
		fi, err := root.Lstat(f.path)
		now := time.Now()
		w.mu.Lock()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			w.track.drop(f.path)
		case err == nil && StatOf(fi) != f.stat:
			w.track.restart(f, StatOf(fi), now)
		}
		w.mu.Unlock()
	}
	signal(w.checker)
}

// dropLost takes out of the queue what went away or changed again. Call it
// with mu held.
func (w *Watcher) dropLost() {
	w.toHand = slices.DeleteFunc(w.toHand, func(f *file) bool {
		return !w.track.has(f) || f.phase != handing
	})
}
