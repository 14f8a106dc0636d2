package daemon

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
)

// A temporary webhook outlives the connection that holds it by holdGrace, its
// making and the start of the daemon by holdStartGrace: whoever still lives
// holds it by then.
const (
	holdGrace      = 2 * time.Second
	holdStartGrace = 10 * time.Second
)

// holds counts who holds each temporary webhook.
type holds struct {
	made chan struct{} // capacity 1: there is a new one

	mu sync.Mutex
	n  map[string]int
}

func newHolds() *holds { return &holds{made: make(chan struct{}, 1), n: map[string]int{}} }

// announce says that a temporary webhook was made.
func (h *holds) announce() {
	select {
	case h.made <- struct{}{}:
	default:
	}
}

func (h *holds) add(id string, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n[id] += n; h.n[id] == 0 {
		delete(h.n, id)
	}
}

func (h *holds) held(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.n[id] > 0
}

// holdWebhook serves GET /v1/webhooks/{id}/hold: a silent stream. When it ends,
// in whatever way its other end came to it, the webhook is removed.
func (d *Daemon) holdWebhook(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	rec, err := d.db.Webhook(r.Context(), id)
	if err != nil {
		return err
	}
	if !rec.Temporary {
		return api.Errorf(api.Conflict, "%s was not made as a temporary webhook", id)
	}
	d.holds.add(id, 1)
	d.pulseUntilGone(newStream(w), r, id)
	d.holds.add(id, -1)
	select {
	case <-time.After(holdGrace):
		d.removeUnheld(context.WithoutCancel(r.Context()), id)
	case <-d.halted: // the next daemon looks
	}
	return nil
}

// pulseUntilGone keeps a stream open until its client has gone, or the webhook.
func (d *Daemon) pulseUntilGone(s *stream, r *http.Request, id string) {
	pulse := time.NewTicker(streamPulse)
	defer pulse.Stop()
	for s.pulse() == nil {
		select {
		case <-pulse.C:
			if _, err := d.db.Webhook(r.Context(), id); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-d.halted:
			return
		}
	}
}

// removeAbandoned removes the temporary webhooks that nobody holds, a while
// after the start and after each that is made. It ends with ctx.
func (d *Daemon) removeAbandoned(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(holdStartGrace):
		}
		recs, err := d.db.Webhooks(ctx)
		if err != nil {
			return // the store has stopped, and so does the daemon
		}
		for _, rec := range recs {
			if rec.Temporary && time.Since(rec.CreatedAt) >= holdStartGrace {
				d.removeUnheld(ctx, rec.ID)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-d.holds.made:
		}
	}
}

func (d *Daemon) removeUnheld(ctx context.Context, id string) {
	if d.holds.held(id) {
		return
	}
	d.deliver.forget(id)
	err := d.db.DeleteWebhook(ctx, id)
	switch {
	case err == nil:
		d.log.Info("temporary webhook removed", "webhook", id)
	case !errors.Is(err, api.NotFound): // else its owner was quicker
		d.log.Error("remove a temporary webhook", "webhook", id, "error", err)
	}
}
