// Package storetest holds the contract of package store as tests: a suite that
// every backend has to pass, and a plain model in memory that passes it too,
// against which random operations are compared. It hides nothing of a
// backend: what it knows is the interface Store.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Store is what a backend offers for jobs, webhooks and deliveries. The
// methods are described at store.DB.
type Store interface {
	Submit(context.Context, store.Job) (store.Job, bool, error)
	Claim(ctx context.Context, queue, owner string, ttl time.Duration, n int) ([]store.Job, error)
	Queues(context.Context) ([]string, error)
	NextJob(ctx context.Context, except ...string) (time.Time, bool, error)
	Extend(context.Context, store.Token, time.Duration) error
	Progress(context.Context, store.Token, api.Progress) error
	Release(ctx context.Context, tok store.Token, due time.Time, waiting string) error
	Complete(ctx context.Context, tok store.Token, result []byte, ev store.Event) (store.Job, error)
	Fail(ctx context.Context, tok store.Token, why store.JobError, retryAt time.Time, ev store.Event) (store.Job, error)
	Cancel(ctx context.Context, id string, revision uint64) (store.Job, error)
	Retry(ctx context.Context, id string) (store.Job, error)
	DeleteJob(ctx context.Context, id string) error
	Job(ctx context.Context, id string) (store.Job, error)
	Result(ctx context.Context, id string) ([]byte, error)
	Jobs(ctx context.Context, f store.JobFilter, cursor string, limit int) ([]store.Job, string, error)
	JobsPage(ctx context.Context, f store.JobFilter, offset, limit int) ([]store.Job, error)
	CountJobs(context.Context) (map[api.JobStatus]int, error)
	CountDeliveries(context.Context) (map[api.DeliveryState]int, error)
	EventsSince(ctx context.Context, seq uint64, limit int) ([]store.Event, error)
	Event(ctx context.Context, id string) (store.Event, error)

	CreateWebhook(ctx context.Context, w store.Webhook, limit int) (store.Webhook, error)
	Webhook(ctx context.Context, id string) (store.Webhook, error)
	Webhooks(context.Context) ([]store.Webhook, error)
	UpdateWebhook(ctx context.Context, id string, change func(*store.Webhook) error) (store.Webhook, error)
	DeleteWebhook(ctx context.Context, id string) error
	PostEvent(ctx context.Context, ev store.Event, webhookIDs []string, manual bool) ([]store.Delivery, error)

	ClaimDeliveries(ctx context.Context, owner string, ttl time.Duration, n, perWebhook int) ([]store.ClaimedDelivery, error)
	NextDelivery(context.Context) (time.Time, bool, error)
	RecordAttempt(ctx context.Context, tok store.Token, att api.Attempt, out store.Outcome) (string, error)
	ReleaseDelivery(context.Context, store.Token) error
	Delivery(ctx context.Context, id string) (store.Delivery, []api.Attempt, error)
	Deliveries(ctx context.Context, f store.DeliveryFilter, cursor string, limit int) ([]store.Delivery, string, error)
	Redeliver(ctx context.Context, deliveryID string) (store.Delivery, error)
	Replay(ctx context.Context, webhookID string, since, until time.Time, states []api.DeliveryState, limit int) (int, bool, error)

	Recover(ctx context.Context, owner string) error
	Purge(ctx context.Context, before time.Time, limit int) (int, error)
	Close() error
}

// Backend opens the store that lives in dir. Opened again after Close, it has
// what it had.
type Backend func(ctx context.Context, dir string, opts store.Options) (Store, error)

var _ Store = (*store.DB)(nil)

// open opens a backend for one test, which closes it.
func (b Backend) open(t *testing.T, opts store.Options) Store {
	t.Helper()
	s, err := b(t.Context(), t.TempDir(), opts)
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

// failBody makes the event of a job that the store fails.
func failBody(j store.Job) (store.Event, error) {
	return store.Event{ID: store.EventID(j.ID, j.Generation, api.EventFailed), Type: api.EventFailed, Body: []byte(j.Error.Message)}, nil
}

// doneEvent is the event of a completed job.
func doneEvent(j store.Job) store.Event {
	return store.Event{ID: store.EventID(j.ID, j.Generation, api.EventCompleted), Type: api.EventCompleted, Body: []byte(`{"job":"` + j.ID + `"}`)}
}

// failEvent is the event of a failed job.
func failEvent(j store.Job) store.Event {
	return store.Event{ID: store.EventID(j.ID, j.Generation, api.EventFailed), Type: api.EventFailed, Body: []byte(`{"failed":"` + j.ID + `"}`)}
}
