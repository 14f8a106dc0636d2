package dispatch

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/heartbeat"
	"github.com/voxparse/voxparse/internal/retry"
	"github.com/voxparse/voxparse/internal/sender"
	"github.com/voxparse/voxparse/store"
)

// Limits of the requests under way and of the claims.
const (
	inFlightTotal  = 256 // requests under way
	inFlightEach   = 8   // of one webhook
	inFlightShared = 192 // beyond these, only the first of each webhook

	// A webhook may have more claimed than in flight: while eight requests are
	// under way the next are claimed and the last recorded, so that network and
	// disk work at the same time and a commit holds many. How many depends on
	// how many webhooks there are: each must find room, however slow others are.
	claimedTotal = 2 * inFlightTotal
	claimedLeast = 2
	claimedMost  = 8 * inFlightEach

	leaseTime   = 5 * time.Minute
	leaseMargin = 10 * time.Second // what must be left of a lease, besides the attempt's time limit
	longestIdle = 5 * time.Minute  // a timer of last resort
)

// storeBackoff is how long to wait for a store that cannot be used.
var storeBackoff = retry.Backoff{First: time.Second, Most: 30 * time.Second}

// Webhooks is the register of receivers.
type Webhooks interface {
	Webhooks(ctx context.Context) ([]store.Webhook, error)
}

// Secrets opens the sealed secret of a webhook.
type Secrets interface {
	Open(sealed []byte, webhookID string) ([]byte, error)
}

// Sender makes one attempt.
type Sender interface {
	Send(ctx context.Context, t sender.Target, header http.Header, body []byte) api.Attempt
}

// Metrics counts attempts.
type Metrics interface {
	Attempt(outcome api.DeliveryStatus, att api.Attempt)
	WebhookDisabled()
}

// Config is what a Dispatcher needs. All of it is required.
type Config struct {
	Outbox    store.Outbox
	Webhooks  Webhooks
	Failed    <-chan struct{} // closed when the store has stopped for good
	Owner     string          // of the leases
	Secrets   Secrets
	Sender    Sender
	Schedule  Schedule
	Metrics   Metrics
	Attempted func() // called after each attempt that was recorded
	Logger    *slog.Logger
}

// Dispatcher sends events to webhooks.
type Dispatcher struct {
	cfg Config
	log *slog.Logger

	wake     chan struct{}                // capacity 1: claim again
	batches  chan []store.ClaimedDelivery // from the claimer to the scheduler
	over     chan ended                   // a request is over
	claimed  atomic.Int64                 // claimed and not yet recorded or released
	stopping chan struct{}                // closed: nothing more is claimed
	tasks    sync.WaitGroup
	workers  workers
	claims   *heartbeat.Heartbeat // of the claimer
	sends    *heartbeat.Heartbeat // of the scheduler

	share   int         // how many a webhook may have claimed; the claimer's
	counted atomic.Bool // share holds: no webhook was added or changed since

	mu      sync.Mutex
	stale   map[string]bool // by webhook id: what is claimed is to be released
	dropped chan struct{}   // capacity 1: stale is not empty
}

// New returns a Dispatcher. Run runs it.
func New(cfg Config) *Dispatcher {
	return &Dispatcher{
		cfg: cfg, log: cfg.Logger,
		wake: make(chan struct{}, 1), batches: make(chan []store.ClaimedDelivery), over: make(chan ended, inFlightTotal), stopping: make(chan struct{}),
		workers: workers{work: make(chan func())}, claims: heartbeat.New("claim deliveries"), sends: heartbeat.New("send deliveries"),
		stale: map[string]bool{}, dropped: make(chan struct{}, 1),
	}
}

// Run delivers until claim ends, and returns when nothing is in flight. The end
// of stop interrupts the requests; their deliveries are released, uncharged. It
// is called once.
func (d *Dispatcher) Run(claim, stop context.Context) {
	defer d.tasks.Wait()
	defer d.workers.close()
	context.AfterFunc(claim, func() { close(d.stopping) })
	var claimer sync.WaitGroup
	claimer.Go(func() { d.claimLoop(claim) })
	d.schedule(claim, stop)
	claimer.Wait()
}

// Check returns an error when a loop of Run makes no turn before ctx ends.
func (d *Dispatcher) Check(ctx context.Context) error {
	for _, h := range []*heartbeat.Heartbeat{d.claims, d.sends} {
		if err := h.Check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Drop has what is claimed for a webhook and not under way released, because
// the webhook has changed since it was claimed.
func (d *Dispatcher) Drop(webhookID string) {
	d.counted.Store(false)
	d.mu.Lock()
	d.stale[webhookID] = true
	d.mu.Unlock()
	notify(d.dropped)
}

// takeDropped returns the webhooks that were dropped since it was called last.
func (d *Dispatcher) takeDropped() map[string]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.stale) == 0 {
		return nil
	}
	ids := d.stale
	d.stale = map[string]bool{}
	return ids
}

// pause waits, unless nothing more is claimed.
func (d *Dispatcher) pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-d.stopping:
	}
}

// notify sends on a channel of capacity 1, unless it holds a value.
func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
