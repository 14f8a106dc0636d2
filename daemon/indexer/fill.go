package indexer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/search"
	"github.com/voxparse/voxparse/store"
)

// fill is the work of bringing the index up to date.
type fill struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error         // once done
	at     atomic.Uint64 // the last event that was put
	end    uint64        // the last there was at the beginning
}

// retryAfter is when a question that was refused may be asked again.
const retryAfter = time.Second

// upToDate waits until the index holds all that is completed now.
func (x *Indexer) upToDate(ctx context.Context) error {
	target, err := x.cfg.Store.LastEvent(ctx)
	if err != nil {
		return err
	}
	limit := time.NewTimer(x.cfg.WaitLimit)
	defer limit.Stop()
	for f := x.begin(ctx, target); f != nil; f = x.begin(ctx, target) {
		select {
		case <-f.done:
			switch {
			case x.isClosed():
				return errStopping
			case f.err != nil:
				return f.err
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return &api.Error{Code: api.Unavailable, RetryAfter: retryAfter,
				Message: "the stored transcripts are being read into the search index: " + f.share()}
		}
	}
	return nil
}

// share says how much of the work is done.
func (f *fill) share() string {
	return fmt.Sprintf("%d%% of them are in it", 100*f.at.Load()/max(1, f.end))
}

// begin joins the fill of the index, or begins it. It is nil where the
// index has seen the event target already.
func (x *Indexer) begin(ctx context.Context, target uint64) *fill {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.filled >= target {
		return nil
	}
	if x.fill == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f := &fill{cancel: cancel, done: make(chan struct{}), end: target}
		x.fill = f
		go func() {
			defer close(f.done)
			defer cancel()
			f.err = x.catchUp(ctx, f)
			x.mu.Lock()
			defer x.mu.Unlock()
			x.fill = nil
		}()
	}
	return x.fill
}

// catchUp puts into the index what was completed since it was last brought up
// to date. It goes on when whoever asked for it leaves.
func (x *Indexer) catchUp(ctx context.Context, f *fill) error {
	idx, release, err := x.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	for more := true; more; {
		if more, err = x.step(ctx, idx, f); err != nil {
			return err
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.filled = f.end
	return nil
}

// step puts the next batch. A transcript that is deleted meanwhile is taken
// out after it.
func (x *Indexer) step(ctx context.Context, idx *search.Index, f *fill) (more bool, err error) {
	if x.isClosed() {
		return false, errStopping
	}
	x.change.Lock()
	defer x.change.Unlock()
	place, err := idx.Place()
	if err != nil {
		return false, err
	}
	events, err := x.cfg.Store.EventsSince(ctx, place.Seq, batchSize)
	if err != nil || len(events) == 0 {
		return false, err
	}
	var entries []search.Entry
	for _, e := range events {
		result, err := x.transcript(ctx, e)
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
func (x *Indexer) transcript(ctx context.Context, e store.Event) (*api.Result, error) {
	if e.Type != api.EventCompleted {
		return nil, nil
	}
	stored, err := x.cfg.Store.Result(ctx, e.JobID)
	if errors.Is(err, api.NotFound) {
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
