package indexer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/search"
	"github.com/voxparse/voxparse/store"
)

// batchSize is how many transcripts are put into the index at once.
const batchSize = 200

// Defaults of a Config.
const (
	DefaultCloseAfter = 5 * time.Minute
	DefaultWaitLimit  = 10 * time.Second
)

var errStopping = api.Errorf(api.Unavailable, "the daemon is stopping")

// Store is what an index is made from.
type Store interface {
	Job(ctx context.Context, id string) (store.Job, error)
	Result(ctx context.Context, id string) ([]byte, error)
	EventsSince(ctx context.Context, seq uint64, limit int) ([]store.Event, error)
	LastEvent(ctx context.Context) (seq uint64, err error)
}

// Config is what an Indexer needs. All of it is required but for what says
// otherwise.
type Config struct {
	Dir    string // of the index; it need not exist
	Store  Store
	Source func(store.Job) api.Source // where a job came from, as the API shows it
	Logger *slog.Logger

	CloseAfter time.Duration // without a question, before the index is closed; 0: DefaultCloseAfter
	WaitLimit  time.Duration // for the index to be up to date, before a question is refused; 0: DefaultWaitLimit
}

// Indexer keeps the index. Close ends its work.
type Indexer struct {
	cfg Config

	use   sync.RWMutex  // read-locked by whoever uses index; locked to open and close it
	index *search.Index // nil while closed
	idle  *time.Timer   // runs while the index is open; closes it

	change sync.Mutex // held while a batch goes from the store into the index, or a transcript out of it

	mu     sync.Mutex
	fill   *fill  // nil while the index is not being filled
	filled uint64 // the last event that the index is known to have seen
	closed bool   // for good
}

// New returns an indexer, which opens nothing yet.
func New(cfg Config) *Indexer {
	cfg.CloseAfter = cmp.Or(cfg.CloseAfter, DefaultCloseAfter)
	cfg.WaitLimit = cmp.Or(cfg.WaitLimit, DefaultWaitLimit)
	x := &Indexer{cfg: cfg}
	x.idle = time.AfterFunc(cfg.CloseAfter, x.closeIdle)
	x.idle.Stop()
	return x
}

// acquire opens the index, if need be, and keeps it open until release.
func (x *Indexer) acquire(ctx context.Context) (idx *search.Index, release func(), err error) {
	for {
		x.use.RLock()
		if x.index != nil {
			return x.index, x.use.RUnlock, nil
		}
		x.use.RUnlock()
		if err := x.open(ctx); err != nil {
			return nil, nil, err
		}
	}
}

func (x *Indexer) open(ctx context.Context) error {
	x.use.Lock()
	defer x.use.Unlock()
	if x.index != nil {
		return nil
	}
	if x.isClosed() {
		return errStopping
	}
	idx, err := search.Open(x.cfg.Dir, x.cfg.Logger)
	if err != nil {
		return err
	}
	stale, err := x.stale(ctx, idx)
	if err != nil {
		return errors.Join(err, idx.Close())
	}
	if stale {
		x.cfg.Logger.Warn("the search index is of another database: it is made again")
		if err := idx.Discard(); err != nil {
			return err
		}
		if idx, err = search.Open(x.cfg.Dir, x.cfg.Logger); err != nil {
			return err
		}
	}
	x.index = idx
	x.idle.Reset(x.cfg.CloseAfter)
	return nil
}

// stale reports whether the index is further than the store, or was made from
// another: an older copy of the database was put back.
func (x *Indexer) stale(ctx context.Context, idx *search.Index) (bool, error) {
	place, err := idx.Place()
	if err != nil || place.Seq == 0 {
		return false, err
	}
	last, err := x.cfg.Store.LastEvent(ctx)
	if err != nil || last < place.Seq {
		return err == nil, err
	}
	events, err := x.cfg.Store.EventsSince(ctx, place.Seq-1, 1)
	return err == nil && len(events) == 1 && events[0].Seq == place.Seq && events[0].ID != place.Event, err
}

// closeIdle closes the index, unless somebody uses it.
func (x *Indexer) closeIdle() {
	if !x.use.TryLock() {
		x.idle.Reset(x.cfg.CloseAfter)
		return
	}
	defer x.use.Unlock()
	x.closeIndex()
}

// closeIndex gives the index back, if it is open. Call it with use held.
func (x *Indexer) closeIndex() {
	if x.index == nil {
		return
	}
	x.idle.Stop()
	if err := x.index.Close(); err != nil {
		x.cfg.Logger.Error("close the search index", "error", err)
	}
	x.index = nil
	x.mu.Lock()
	x.filled = 0
	x.mu.Unlock()
}

// Close ends all work on the index and gives it back. It is not opened again.
func (x *Indexer) Close() {
	x.mu.Lock()
	x.closed = true
	f := x.fill
	x.mu.Unlock()
	if f != nil {
		f.cancel()
		<-f.done
	}
	x.use.Lock()
	defer x.use.Unlock()
	x.closeIndex()
}

func (x *Indexer) isClosed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.closed
}

// exists reports whether there is an index at all.
func (x *Indexer) exists() bool {
	_, err := os.Stat(x.cfg.Dir)
	return err == nil
}

// Delete takes a deleted transcript out of the index at once, if there is one.
func (x *Indexer) Delete(ctx context.Context, jobID string) {
	if !x.exists() {
		return
	}
	idx, release, err := x.acquire(ctx)
	if err == nil {
		defer release()
		x.change.Lock()
		defer x.change.Unlock()
		err = idx.Delete(jobID)
	}
	if err != nil {
		x.cfg.Logger.Error("take a transcript out of the search index", "job", jobID, "error", err)
	}
}

// Purge takes the transcripts out of the index that were finished
// before that time and are gone. It leaves the index closed if it was.
func (x *Indexer) Purge(ctx context.Context, before time.Time) error {
	if !x.exists() {
		return nil
	}
	x.use.RLock()
	open := x.index != nil
	x.use.RUnlock()
	idx, release, err := x.acquire(ctx)
	if err != nil {
		return err
	}
	err = x.drop(ctx, idx, before)
	release()
	if !open {
		x.closeIdle()
	}
	return err
}

// drop removes from idx what was finished before that time and is gone.
func (x *Indexer) drop(ctx context.Context, idx *search.Index, before time.Time) error {
	x.change.Lock()
	defer x.change.Unlock()
	for kept := 0; ; {
		ids, err := idx.FinishedBefore(ctx, before, kept, batchSize)
		if err != nil || len(ids) == 0 {
			return err
		}
		var gone []search.Entry
		for _, id := range ids {
			_, err := x.cfg.Store.Job(ctx, id)
			switch {
			case errors.Is(err, api.NotFound):
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
