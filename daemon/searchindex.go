package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/search"
	"github.com/voxparse/voxparse/store"
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
	ctx    context.Context
	stop   context.CancelFunc // ends filling
}

// filling is the work of bringing the index up to date.
type filling struct {
	done chan struct{}
	err  error // once done
	at   atomic.Uint64
	end  uint64
}

func newSearcher(d *Daemon) *searcher {
	s := &searcher{d: d, rest: searchRest, patience: fillPatience}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
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
	if s.ctx.Err() != nil {
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
	s.stop()
	s.mu.Lock()
	f := s.fill
	s.mu.Unlock()
	if f != nil {
		<-f.done
	}
	s.use.Lock()
	defer s.use.Unlock()
	s.shut()
}

// begin joins the filling of the index, or begins it. It is nil where the
// index has seen the event target already.
func (s *searcher) begin(target uint64) *filling {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fill == nil && s.filled < target {
		f := &filling{done: make(chan struct{}), end: target}
		s.fill = f
		go func() {
			defer close(f.done)
			f.err = s.catchUp(f)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fill = nil
		}()
	}
	if s.filled >= target {
		return nil
	}
	return s.fill
}

// catchUp puts into the index what was completed since it was last brought up
// to date. It goes on when whoever asked for it leaves.
func (s *searcher) catchUp(f *filling) error {
	idx, release, err := s.acquire(s.ctx)
	if err != nil {
		return err
	}
	defer release()
	for more := true; more; {
		if more, err = s.step(idx, f); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filled = f.end
	return nil
}

// step puts the next batch. A transcript that is deleted meanwhile is taken
// out after it.
func (s *searcher) step(idx *search.Index, f *filling) (more bool, err error) {
	s.change.Lock()
	defer s.change.Unlock()
	place, err := idx.Place()
	if err != nil {
		return false, err
	}
	events, err := s.d.db.EventsSince(s.ctx, place.Seq, searchBatch)
	if err != nil || len(events) == 0 {
		return false, err
	}
	var entries []search.Entry
	for _, e := range events {
		result, err := s.transcript(e)
		if err != nil {
			return false, err
		}
		if result != nil {
			entries = append(entries, search.Entry{JobID: e.JobID, FinishedAt: e.CreatedAt, Result: result})
		}
	}
	last := events[len(events)-1]
	f.at.Store(last.Seq)
	return true, idx.Put(entries, search.Place{Seq: last.Seq, Event: last.ID})
}

// transcript is what an event completed, nil where that is not a transcript or
// no longer there.
func (s *searcher) transcript(e store.Event) (*api.Result, error) {
	if e.Type != api.EventCompleted {
		return nil, nil
	}
	stored, err := s.d.db.Result(s.ctx, e.JobID)
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var result api.Result
	if err := json.Unmarshal(stored, &result); err != nil {
		return nil, fmt.Errorf("read the result of %s: %w", e.JobID, err)
	}
	return &result, nil
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
