package store

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Jobs is what an API needs of jobs: submitting, reading and managing them.
type Jobs interface {
	Submit(ctx context.Context, j Job) (got Job, created bool, err error)
	Job(ctx context.Context, id string) (Job, error)
	Result(ctx context.Context, id string) ([]byte, error)
	JobsPage(ctx context.Context, f JobFilter, offset, limit int) ([]Job, error)
	CountJobs(ctx context.Context) (map[api.JobStatus]int, error)
	OldestQueued(ctx context.Context) (since time.Time, err error)
	Cancel(ctx context.Context, id string, revision uint64) (Job, error)
	Retry(ctx context.Context, id string) (Job, error)
	DeleteJob(ctx context.Context, id string, force bool) error
}

// Queue is what a worker needs: claiming jobs and saying what came of them.
type Queue interface {
	Claim(ctx context.Context, queue, owner string, ttl time.Duration, n int) ([]Job, error)
	// AwaitJobs is Claim that waits, where nothing is due, until something was
	// made due, by whatever means the backend has: it may return none earlier,
	// and does once ctx ends.
	AwaitJobs(ctx context.Context, queue, owner string, ttl time.Duration, n int) ([]Job, error)
	Queues(ctx context.Context) ([]string, error)
	NextJob(ctx context.Context, except ...string) (due time.Time, ok bool, err error)
	JobsReady() <-chan struct{}
	Extend(ctx context.Context, tok Token, ttl time.Duration, p api.Progress) error
	Release(ctx context.Context, tok Token, due time.Time, waiting string) error
	Complete(ctx context.Context, tok Token, result []byte, ev Event) (Job, error)
	Fail(ctx context.Context, tok Token, why JobError, retryAt time.Time, ev Event) (Job, error)
}

// Webhooks is the register of receivers.
type Webhooks interface {
	CreateWebhook(ctx context.Context, w Webhook, limit int) (Webhook, error)
	Webhook(ctx context.Context, id string) (Webhook, error)
	Webhooks(ctx context.Context) ([]Webhook, error)
	UpdateWebhook(ctx context.Context, id string, change func(*Webhook) error) (Webhook, error)
	DeleteWebhook(ctx context.Context, id string, force bool) error
	WebhookCounts(ctx context.Context, id string) (map[api.DeliveryStatus]int, error)
	PostEvent(ctx context.Context, ev Event, webhookIDs []string, manual bool) ([]Delivery, error)
}

// Outbox is what a sender needs: claiming due deliveries and recording attempts.
type Outbox interface {
	ClaimDeliveries(ctx context.Context, owner string, ttl time.Duration, n, perWebhook int) ([]ClaimedDelivery, error)
	// AwaitDeliveries is to ClaimDeliveries what AwaitJobs is to Claim.
	AwaitDeliveries(ctx context.Context, owner string, ttl time.Duration, n, perWebhook int) ([]ClaimedDelivery, error)
	NextDelivery(ctx context.Context, perWebhook int) (due time.Time, ok bool, err error)
	DeliveriesReady() <-chan struct{}
	RecordAttempt(ctx context.Context, tok Token, att api.Attempt, out Outcome) (disabled string, err error)
	ReleaseDelivery(ctx context.Context, tok Token) error
}

// Log is the delivery log, and what can be sent again from it.
type Log interface {
	Delivery(ctx context.Context, id string) (Delivery, []api.Attempt, error)
	Deliveries(ctx context.Context, f DeliveryFilter, cursor string, limit int) (ds []Delivery, next string, err error)
	CountDeliveries(ctx context.Context) (map[api.DeliveryStatus]int, error)
	OldestPending(ctx context.Context) (since time.Time, err error)
	Redeliver(ctx context.Context, deliveryID string) (Delivery, error)
	Replay(ctx context.Context, webhookID string, since, until time.Time, statuses []api.DeliveryStatus, limit int) (n int, more bool, err error)
}

// Events is the event log in the order of its sequence numbers, which grow and
// may have gaps.
type Events interface {
	EventsSince(ctx context.Context, seq uint64, limit int) ([]Event, error)
	LastEvent(ctx context.Context) (seq uint64, err error)
	EventsReady() <-chan struct{}
}

// Folders keeps drop folders, the files found in them, and what is still to be
// done with the sources of finished jobs.
type Folders interface {
	CreateFolder(ctx context.Context, f FolderRecord) (FolderRecord, error)
	Folder(ctx context.Context, id string) (FolderRecord, error)
	Folders(ctx context.Context) ([]FolderRecord, error)
	UpdateFolder(ctx context.Context, id string, change func(*FolderRecord) error) (FolderRecord, error)
	DeleteFolder(ctx context.Context, id string) error
	RemovedFolders(ctx context.Context) ([]FolderRecord, error)

	ClaimFiles(ctx context.Context, folderID string, claims []FileClaim) ([]FileRecord, error)
	IgnoreFiles(ctx context.Context, folderID string, claims []FileClaim) error
	DropIgnored(ctx context.Context, folderID string) (n int, err error)
	File(ctx context.Context, folderID, path string) (FileRecord, error)
	LookFiles(ctx context.Context, folderID string, paths []string) (map[string]FileRecord, error)
	Files(ctx context.Context, folderID string, status FileStatus, after string, limit int) ([]FileRecord, error)
	CountFiles(ctx context.Context, folderID string) (map[FileStatus]int, error)
	RetryFile(ctx context.Context, folderID, path string) (Job, error)
	DropFile(ctx context.Context, folderID, path string) error
	FilesDropped() <-chan struct{}

	CompleteFile(ctx context.Context, tok Token, result []byte, ev Event, fin Finish) (Job, error)
	RecordOutputs(ctx context.Context, tok Token, outputs []string) error
	PendingFinishes(ctx context.Context, after *Finish, limit int) ([]Finish, error)
	FinishDone(ctx context.Context, fin Finish, res FinishResult) error
	FinishesReady() <-chan struct{}
}

// Keeper is what the owner of a store needs: bringing it up, looking after it
// and closing it.
type Keeper interface {
	Recover(ctx context.Context, node, run string) error
	// SetBack is for a clock that was set back by so much: what waits for a later
	// time waits that much less, but not for less than nothing. n is how many jobs,
	// deliveries and webhooks it moved.
	SetBack(ctx context.Context, by time.Duration) (n int, err error)
	Purge(ctx context.Context, before time.Time, limit int) (n int, err error)
	BlobInUse(ctx context.Context, name string) (bool, error)
	GivenUpBlobs(ctx context.Context, limit int) ([]string, error)
	ForgetBlobs(ctx context.Context, names []string) error
	Failed() <-chan struct{}
	Present() error  // api.Unavailable once the store's file was removed or replaced
	Unreadable() int // records that lists left out
	Close() error
}

// Backuper writes a copy of a store while it is in use: as it is at one moment,
// at which begin is called with its size in bytes.
type Backuper interface {
	Backup(ctx context.Context, begin func(size int64) (io.Writer, error)) error
}

// BlobStore keeps the audio of jobs. Only Remove deletes a blob: what keep does
// not want Quarantine sets aside, because a store that does not know of a blob
// may be an older one.
type BlobStore interface {
	Put(ctx context.Context, r io.Reader, limit int64) (Blob, error)
	Open(name string) (*os.File, error)
	Path(name string) string
	Remove(name string) error
	Names() ([]string, error) // of all that is there, what is being written among it
	Hold() (release func())   // until release is called, what Remove removes stays
	Quarantine(ctx context.Context, keep func(name string) bool, olderThan time.Duration) (n int, err error)
	Quarantined(ctx context.Context) (Quarantined, error)
	ExpireQuarantine(ctx context.Context, before time.Time) (n int, err error)
}

// Store is all of a backend.
type Store interface {
	Jobs
	Queue
	Webhooks
	Outbox
	Log
	Events
	Folders
	Keeper
	Backuper
}
