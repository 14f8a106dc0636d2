package storetest

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Model is a store of plain maps: slow, gone with its process and easy to see
// through. Its sequence numbers have gaps, as those of a backend may.
type Model struct {
	mu         sync.Mutex
	opts       store.Options
	jobs       map[string]*modelJob
	dedupe     map[string]string
	givenUp    []string // blobs
	events     []store.Event
	seq        uint64
	purgeAt    map[string]time.Time // of events of no job
	hooks      map[string]*store.Webhook
	deliveries map[string]*modelDelivery
	lastServed string
	folders    map[string]*store.FolderRecord
	removed    map[string]*store.FolderRecord // that can come back
	files      map[fileName]*store.FileRecord
	contents   map[string]fileName // by store.ContentKey
	finishes   map[fileName]store.Finish
	waiting    map[fileName]store.Finish // what to do with duplicates whose original is open

	jobsReady, deliveriesReady, eventsReady, finishesReady, filesDropped chan struct{}
}

// NewModel returns an empty model.
func NewModel(opts store.Options) *Model {
	m := &Model{opts: opts, jobs: map[string]*modelJob{}, dedupe: map[string]string{}, purgeAt: map[string]time.Time{},
		hooks: map[string]*store.Webhook{}, deliveries: map[string]*modelDelivery{}, folders: map[string]*store.FolderRecord{}, removed: map[string]*store.FolderRecord{},
		files: map[fileName]*store.FileRecord{}, contents: map[string]fileName{}, finishes: map[fileName]store.Finish{}, waiting: map[fileName]store.Finish{}}
	for _, c := range []*chan struct{}{&m.jobsReady, &m.deliveriesReady, &m.eventsReady, &m.finishesReady, &m.filesDropped} {
		*c = make(chan struct{}, 1)
	}
	return m
}

// Models is a Backend of models; one that is opened again is as it was closed.
func Models() Backend {
	var mu sync.Mutex
	all := map[string]*Model{}
	return Backend{TwoHandles: true, Open: func(_ context.Context, dir string, opts store.Options) (store.Store, error) {
		mu.Lock()
		defer mu.Unlock()
		if all[dir] == nil {
			all[dir] = NewModel(opts)
		}
		all[dir].opts = opts
		return all[dir], nil
	}}
}

// Close does nothing: a model has nothing to close.
func (m *Model) Close() error { return nil }

// Failed returns a channel that is never closed: nothing of a model can fail.
func (m *Model) Failed() <-chan struct{} { return nil }

// Backup implements store.Backuper; what it writes nobody can read.
func (m *Model) Backup(_ context.Context, begin func(size int64) (io.Writer, error)) error {
	copied := []byte("a model")
	w, err := begin(int64(len(copied)))
	if err == nil {
		_, err = w.Write(copied)
	}
	return err
}

// BlobInUse implements store.Keeper.
func (m *Model) BlobInUse(_ context.Context, name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range m.jobs {
		if j.Blob == name {
			return true, nil
		}
	}
	return false, nil
}

// GivenUpBlobs implements store.Keeper.
func (m *Model) GivenUpBlobs(_ context.Context, limit int) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.givenUp[:min(limit, len(m.givenUp))]), nil
}

// ForgetBlobs implements store.Keeper.
func (m *Model) ForgetBlobs(_ context.Context, names []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.givenUp = slices.DeleteFunc(m.givenUp, func(name string) bool { return slices.Contains(names, name) })
	return nil
}

// giveUpBlob notes that no job needs the blob any more.
func (m *Model) giveUpBlob(name string) {
	if name != "" {
		m.givenUp = append(m.givenUp, name)
	}
}

// JobsReady implements store.Queue.
func (m *Model) JobsReady() <-chan struct{} { return m.jobsReady }

// DeliveriesReady implements store.Outbox.
func (m *Model) DeliveriesReady() <-chan struct{} { return m.deliveriesReady }

// EventsReady implements store.Events.
func (m *Model) EventsReady() <-chan struct{} { return m.eventsReady }

// FinishesReady implements store.Folders.
func (m *Model) FinishesReady() <-chan struct{} { return m.finishesReady }

// FilesDropped implements store.Folders.
func (m *Model) FilesDropped() <-chan struct{} { return m.filesDropped }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// locked takes the model's lock, unless ctx has ended.
func (m *Model) locked(ctx context.Context) (unlock func(), err error) {
	if ctx.Err() != nil {
		return nil, api.Unavailable
	}
	m.mu.Lock()
	return m.mu.Unlock, nil
}

func (m *Model) now() time.Time {
	if m.opts.Now != nil {
		return store.Timestamp(m.opts.Now())
	}
	return store.Timestamp(time.Now())
}

// Present is always nil: the model has no file.
func (m *Model) Present() error { return nil }

// Unreadable is always 0.
func (m *Model) Unreadable() int { return 0 }
