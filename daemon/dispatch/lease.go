package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// A temporary webhook outlives the connection that has its lease by leaseGrace,
// its making and the start of the daemon by startGrace: whoever still lives has
// the lease by then.
const (
	leaseGrace = 2 * time.Second
	startGrace = 10 * time.Second
)

// TemporaryWebhooks is what Leases needs of the register of receivers.
type TemporaryWebhooks interface {
	Webhooks(ctx context.Context) ([]store.Webhook, error)
	DeleteWebhook(ctx context.Context, id string, force bool) error
}

// LeaseConfig is what Leases need. All of it is required.
type LeaseConfig struct {
	Webhooks TemporaryWebhooks
	Drop     func(webhookID string) // see Dispatcher.Drop
	Stopping <-chan struct{}        // closed: the next daemon looks
	Logger   *slog.Logger
}

// Leases remove the temporary webhooks that nobody needs any more.
type Leases struct {
	cfg  LeaseConfig
	made chan struct{} // capacity 1: there is a new one

	mu    sync.Mutex
	count map[string]int // by webhook id
}

// NewLeases returns Leases. Run runs them.
func NewLeases(cfg LeaseConfig) *Leases {
	return &Leases{cfg: cfg, made: make(chan struct{}, 1), count: map[string]int{}}
}

// Made says that a temporary webhook was made.
func (l *Leases) Made() { notify(l.made) }

// Take takes a lease of a webhook. The caller calls Return.
func (l *Leases) Take(webhookID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count[webhookID]++
}

// Return gives a lease back and, soon after, removes the webhook if there is no
// other. It works although ctx has ended.
func (l *Leases) Return(ctx context.Context, webhookID string) {
	l.mu.Lock()
	if l.count[webhookID]--; l.count[webhookID] == 0 {
		delete(l.count, webhookID)
	}
	l.mu.Unlock()
	timer := time.NewTimer(leaseGrace)
	defer timer.Stop()
	select {
	case <-timer.C:
		l.removeUnused(context.WithoutCancel(ctx), webhookID)
	case <-l.cfg.Stopping:
	}
}

func (l *Leases) taken(webhookID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count[webhookID] > 0
}

// Run removes the temporary webhooks without a lease, a while after the start
// and after each that is made, until ctx ends.
func (l *Leases) Run(ctx context.Context) {
	timer := time.NewTimer(startGrace)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		hooks, err := l.cfg.Webhooks.Webhooks(ctx)
		if err != nil {
			return // the store has stopped, and so does the daemon
		}
		for _, w := range hooks {
			if w.Temporary && time.Since(w.CreatedAt) >= startGrace {
				l.removeUnused(ctx, w.ID)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-l.made:
		}
		timer.Reset(startGrace)
	}
}

func (l *Leases) removeUnused(ctx context.Context, webhookID string) {
	if l.taken(webhookID) {
		return
	}
	l.cfg.Drop(webhookID)
	err := l.cfg.Webhooks.DeleteWebhook(ctx, webhookID, true)
	switch {
	case err == nil:
		l.cfg.Logger.Info("temporary webhook removed", "webhook", webhookID)
	case !errors.Is(err, api.NotFound): // else its owner was quicker
		l.cfg.Logger.Error("remove a temporary webhook", "webhook", webhookID, "error", err)
	}
}
