package daemon

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// replayable are the states in which a delivery is at its end.
var replayable = []api.DeliveryState{api.DeliveryFailed, api.DeliveryDelivered, api.DeliveryCancelled}

const (
	replayChunk = 20_000          // deliveries to find with one look at the log
	replayWait  = 5 * time.Second // for the number in the answer
)

// replay is what a request asks to be sent again.
type replay struct {
	webhook      string
	since, until time.Time
	states       []api.DeliveryState
}

// newReplay checks a request.
func newReplay(webhook string, ask api.ReplayRequest) (replay, error) {
	p := replay{webhook: webhook, since: ask.Since, until: ask.Until, states: []api.DeliveryState{api.DeliveryFailed}}
	if p.until.IsZero() {
		p.until = time.Now().UTC()
	}
	if len(ask.States) == 0 {
		return p, nil
	}
	p.states = nil
	for _, s := range ask.States {
		if !slices.Contains(replayable, api.DeliveryState(s)) {
			return p, api.Errorf(api.Invalid, "states: got %q, want failed_permanent, delivered or cancelled", s)
		}
		p.states = append(p.states, api.DeliveryState(s))
	}
	return p, nil
}

func (d *Daemon) enableWebhook(w http.ResponseWriter, r *http.Request) error {
	var ask api.ReplayRequest
	if err := readJSON(w, r, &ask, true); err != nil {
		return err
	}
	id := r.PathValue("id")
	again, err := newReplay(id, ask)
	if err != nil {
		return err
	}
	rec, err := d.db.UpdateWebhook(r.Context(), id, func(rec *store.Webhook) error {
		rec.Active = true
		return nil
	})
	if err != nil {
		return err
	}
	d.deliver.forget(id)
	d.log.Info("webhook enabled", "webhook", id)
	if !ask.Since.IsZero() {
		if _, err := d.replay(r.Context(), again); err != nil {
			return err
		}
	}
	writeJSON(w, http.StatusOK, viewWebhook(rec))
	return nil
}

func (d *Daemon) replayWebhook(w http.ResponseWriter, r *http.Request) error {
	var ask api.ReplayRequest
	if err := readJSON(w, r, &ask, false); err != nil {
		return err
	}
	if ask.Since.IsZero() {
		return api.Errorf(api.Invalid, "since: missing; a time such as 2026-05-03T12:00:00Z")
	}
	p, err := newReplay(r.PathValue("id"), ask)
	if err != nil {
		return err
	}
	answer, err := d.replay(r.Context(), p)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusAccepted, answer)
	return nil
}

// replay queues what p selects again, in the background: it goes on when the
// client has left or has waited long enough for the number.
func (d *Daemon) replay(ctx context.Context, p replay) (api.ReplayAnswer, error) {
	var queued atomic.Int64
	done := make(chan error, 1)
	d.replays.Go(func() { done <- d.queueAgain(context.WithoutCancel(ctx), p, &queued) })
	timer := time.NewTimer(replayWait)
	defer timer.Stop()
	select {
	case err := <-done:
		return api.ReplayAnswer{Deliveries: int(queued.Load())}, err
	case <-timer.C:
	case <-ctx.Done():
	}
	return api.ReplayAnswer{Deliveries: int(queued.Load()), More: true}, nil
}

// queueAgain makes the deliveries of a replay until it is done or the daemon
// stops.
func (d *Daemon) queueAgain(ctx context.Context, p replay, queued *atomic.Int64) error {
	for {
		n, more, err := d.db.Replay(ctx, p.webhook, p.since, p.until, p.states, replayChunk)
		queued.Add(int64(n))
		switch {
		case err != nil && !isGone(err):
			d.log.Error("replay", "webhook", p.webhook, "queued", queued.Load(), "error", err)
			return err
		case err != nil || !more:
			return err
		}
		select {
		case <-d.stop:
			d.log.Warn("a replay was cut short by the stop; ask for it again", "webhook", p.webhook, "queued", queued.Load())
			return nil
		default:
		}
	}
}
