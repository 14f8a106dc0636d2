package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/voxparse/voxparse/search"
)

const (
	searchRest   = 5 * time.Minute // an index that nobody asks is closed: it costs memory
	searchBatch  = 200             // transcripts put into the index at once
	fillPatience = 10 * time.Second
	fillAgain    = time.Second // before a question that was not waited for is asked again
)

// searcher keeps the full-text index of the transcripts. It is derived data:
// opened by the first question, brought up to date from the events in the
// store, and closed again when nobody asks. Whoever never searches pays
// nothing.
type searcher struct {
	d        *Daemon
	rest     time.Duration // after a question, before the index is closed
	patience time.Duration // with the filling, before a question is told to come again

	use   sync.RWMutex  // read-locked by whoever uses index; locked to open and close it
	index *search.Index // nil while closed
	idle  *time.Timer

	change sync.Mutex // held while a batch goes from the store into the index, or a transcript out of it

	mu     sync.Mutex
	fill   *filling // nil while the index is not being filled
	filled uint64   // the last event that the index is known to have seen
	closed bool     // for good
}

func newSearcher(d *Daemon) *searcher {
	return &searcher{d: d, rest: searchRest, patience: fillPatience}
}

func (s *searcher) dir() string { return filepath.Join(s.d.cfg.DataDir, "search") }

// acquire opens the index, if need be, and keeps it open until release.
func (s *searcher) acquire(ctx context.Context) (idx *search.Index, release func(), err error) {
	for {
		s.use.RLock()
		if s.index != nil {
			return s.index, s.use.RUnlock, nil
		}
		s.use.RUnlock()
		if err := s.open(ctx); err != nil {
			return nil, nil, err
		}
	}
}

func (s *searcher) open(ctx context.Context) error {
	s.use.Lock()
	defer s.use.Unlock()
	if s.index != nil {
		return nil
	}
	if s.isClosed() {
		return errStopping
	}
	idx, err := search.Open(s.dir(), s.d.log)
	if err != nil {
		return err
	}
	stale, err := s.stale(ctx, idx)
	if err != nil {
		return errors.Join(err, idx.Close())
	}
	if stale {
		s.d.log.Warn("the search index is of another database: begun anew")
		if err := idx.Discard(); err != nil {
			return err
		}
		if idx, err = search.Open(s.dir(), s.d.log); err != nil {
			return err
		}
	}
	s.index = idx
	s.idle = time.AfterFunc(s.rest, s.closeIdle)
	return nil
}

// stale reports whether the index is further than the store, or was made from
// another: an older copy of the database was put back.
func (s *searcher) stale(ctx context.Context, idx *search.Index) (bool, error) {
	place, err := idx.Place()
	if err != nil || place.Seq == 0 {
		return false, err
	}
	last, err := s.d.db.LastEvent(ctx)
	if err != nil || last < place.Seq {
		return err == nil, err
	}
	events, err := s.d.db.EventsSince(ctx, place.Seq-1, 1)
	return err == nil && len(events) == 1 && events[0].Seq == place.Seq && events[0].ID != place.Event, err
}

// closeIdle closes the index, unless somebody uses it.
func (s *searcher) closeIdle() {
	if !s.use.TryLock() {
		s.idle.Reset(s.rest)
		return
	}
	defer s.use.Unlock()
	s.shut()
}

// shut gives the index back, if it is open. Call it with use held.
func (s *searcher) shut() {
	if s.index == nil {
		return
	}
	s.idle.Stop()
	if err := s.index.Close(); err != nil {
		s.d.log.Error("close the search index", "error", err)
	}
	s.index = nil
	s.mu.Lock()
	s.filled = 0
	s.mu.Unlock()
}

// close ends all work on the index and gives it back. It is not opened again.
func (s *searcher) close() {
	s.mu.Lock()
	s.closed = true
	f := s.fill
	s.mu.Unlock()
	if f != nil {
		f.cancel()
		<-f.done
	}
	s.use.Lock()
	defer s.use.Unlock()
	s.shut()
}

func (s *searcher) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// exists reports whether there is an index at all.
func (s *searcher) exists() bool {
	_, err := os.Stat(s.dir())
	return err == nil
}

// forget takes a deleted transcript out of the index at once, if there is one.
func (s *searcher) forget(ctx context.Context, jobID string) {
	if !s.exists() {
		return
	}
	idx, release, err := s.acquire(ctx)
	if err == nil {
		defer release()
		s.change.Lock()
		defer s.change.Unlock()
		err = idx.Delete(jobID)
	}
	if err != nil {
		s.d.log.Error("take a transcript out of the search index", "job", jobID, "error", err)
	}
}

// sweep takes the transcripts out of the index that were purged. It leaves the
// index closed if it was.
func (s *searcher) sweep(ctx context.Context, before time.Time) error {
	if !s.exists() {
		return nil
	}
	s.use.RLock()
	open := s.index != nil
	s.use.RUnlock()
	idx, release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	err = s.drop(ctx, idx, before)
	release()
	if !open {
		s.closeIdle()
	}
	return err
}

// drop removes from idx what was finished before that time and is gone.
func (s *searcher) drop(ctx context.Context, idx *search.Index, before time.Time) error {
	s.change.Lock()
	defer s.change.Unlock()
	for kept := 0; ; {
		ids, err := idx.FinishedBefore(ctx, before, kept, searchBatch)
		if err != nil || len(ids) == 0 {
			return err
		}
		var gone []search.Entry
		for _, id := range ids {
			_, err := s.d.db.Job(ctx, id)
			switch {
			case isGone(err):
				gone = append(gone, search.Entry{JobID: id})
			case err != nil:
				return err
			default:
				kept++
			}
		}
		if len(gone) == 0 {
			continue
		}
		if err := idx.Put(gone, search.Place{}); err != nil {
			return err
		}
	}
}
