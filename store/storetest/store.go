// Package storetest holds the contract of package store as tests: a suite that
// every backend has to pass, and a plain model in memory that passes it too,
// against which random operations are compared. It hides nothing of a
// backend: what it knows is the interface store.Store.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Backend is a kind of store, and what it can do.
type Backend struct {
	// Open opens the store that lives in dir. Opened again after Close, it has
	// what it had. Its clock is opts.Now where that is set.
	Open func(ctx context.Context, dir string, opts store.Options) (store.Store, error)

	// TwoHandles is true where two handles may have one store open, as two
	// processes would. A store in one bbolt file is locked by the first.
	TwoHandles bool
}

// open opens a backend for one test, which closes it.
func (b Backend) open(t *testing.T, opts store.Options) store.Store {
	t.Helper()
	return b.openIn(t, t.TempDir(), opts)
}

func (b Backend) openIn(t *testing.T, dir string, opts store.Options) store.Store {
	t.Helper()
	if opts.Now == nil {
		opts.Now = time.Now // of the bubble, also for a backend with a clock of its own
	}
	s, err := b.Open(t.Context(), dir, opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// failEventAt makes the event of a job that the store fails.
func failEventAt(j store.Job, at time.Time) (store.Event, error) {
	return store.Event{ID: store.EventID(j.ID, j.Generation, api.EventFailed), Type: api.EventFailed, CreatedAt: at, Body: []byte(j.Error.Message)}, nil
}

// doneEvent is the event of a completed job.
func doneEvent(j store.Job) store.Event {
	return store.Event{ID: store.EventID(j.ID, j.Generation, api.EventCompleted), Type: api.EventCompleted, Body: []byte(`{"job":"` + j.ID + `"}`)}
}

// failEvent is the event of a failed job.
func failEvent(j store.Job) store.Event {
	return store.Event{ID: store.EventID(j.ID, j.Generation, api.EventFailed), Type: api.EventFailed, Body: []byte(`{"failed":"` + j.ID + `"}`)}
}
