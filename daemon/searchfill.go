package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/search"
	"github.com/voxparse/voxparse/store"
)

// filling is the work of bringing the index up to date.
type filling struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error         // once done
	at     atomic.Uint64 // the last event that was put
	end    uint64        // the last there was at the beginning
}

// upToDate waits until the index holds all that is completed now.
func (s *searcher) upToDate(ctx context.Context) error {
	target, err := s.d.db.LastEvent(ctx)
	if err != nil {
		return err
	}
	patience := time.NewTimer(s.patience)
	defer patience.Stop()
	for f := s.begin(ctx, target); f != nil; f = s.begin(ctx, target) {
		select {
		case <-f.done:
			switch {
			case s.isClosed():
				return errStopping
			case f.err != nil:
				return f.err
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return &api.Error{Code: api.Unavailable, RetryAfter: fillAgain,
				Message: "the stored transcripts are being read into the search index: " + f.share()}
		}
	}
	return nil
}

// share says how much of the work is done.
func (f *filling) share() string {
	return fmt.Sprintf("%d%% of them are in it", 100*f.at.Load()/max(1, f.end))
}

// begin joins the filling of the index, or begins it. It is nil where the
// index has seen the event target already.
func (s *searcher) begin(ctx context.Context, target uint64) *filling {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.filled >= target {
		return nil
	}
	if s.fill == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f := &filling{cancel: cancel, done: make(chan struct{}), end: target}
		s.fill = f
		go func() {
			defer close(f.done)
			defer cancel()
			f.err = s.catchUp(ctx, f)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fill = nil
		}()
	}
	return s.fill
}

// catchUp puts into the index what was completed since it was last brought up
// to date. It goes on when whoever asked for it leaves.
func (s *searcher) catchUp(ctx context.Context, f *filling) error {
	idx, release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	for more := true; more; {
		if more, err = s.step(ctx, idx, f); err != nil {
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
func (s *searcher) step(ctx context.Context, idx *search.Index, f *filling) (more bool, err error) {
	if s.isClosed() {
		return false, errStopping
	}
	s.change.Lock()
	defer s.change.Unlock()
	place, err := idx.Place()
	if err != nil {
		return false, err
	}
	events, err := s.d.db.EventsSince(ctx, place.Seq, searchBatch)
	if err != nil || len(events) == 0 {
		return false, err
	}
	var entries []search.Entry
	for _, e := range events {
		result, err := s.transcript(ctx, e)
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
func (s *searcher) transcript(ctx context.Context, e store.Event) (*api.Result, error) {
	if e.Type != api.EventCompleted {
		return nil, nil
	}
	stored, err := s.d.db.Result(ctx, e.JobID)
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
