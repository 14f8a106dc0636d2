package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
)

const (
	replayChunk = 20_000          // deliveries to find with one look at the log
	replayWait  = 5 * time.Second // for the number in the answer
)

// replayable are the states in which a delivery is at its end.
var replayable = []api.DeliveryStatus{api.DeliveryFailed, api.DeliveryDelivered, api.DeliveryCancelled}

// Replay is what is to be sent again: what one webhook had in a time window.
type Replay struct {
	webhook      string
	since, until time.Time
	states       []api.DeliveryStatus
}

// NewReplay returns the replay that a request asks for: without states, of what
// failed; without an end, until now. The error is api.Invalid.
func NewReplay(webhookID string, req api.ReplayRequest) (Replay, error) {
	r := Replay{webhook: webhookID, since: req.Since, until: req.Until, states: []api.DeliveryStatus{api.DeliveryFailed}}
	if r.until.IsZero() {
		r.until = time.Now().UTC()
	}
	if len(req.Statuses) == 0 {
		return r, nil
	}
	r.states = nil
	for _, s := range req.Statuses {
		if !slices.Contains(replayable, api.DeliveryStatus(s)) {
			return r, api.Errorf(api.Invalid, "statuses: got %q, want failed_permanent, delivered or cancelled", s)
		}
		r.states = append(r.states, api.DeliveryStatus(s))
	}
	return r, nil
}

// DeliveryLog is where deliveries are found that can be sent again.
type DeliveryLog interface {
	Replay(ctx context.Context, webhookID string, since, until time.Time, states []api.DeliveryStatus, limit int) (n int, more bool, err error)
}

// Replays queues deliveries again, in the background. The zero value is not
// ready: set every field but the last.
type Replays struct {
	Log      DeliveryLog
	Stopping <-chan struct{} // closed: no replay goes on
	Logger   *slog.Logger

	running sync.WaitGroup
}

// Start queues what r selects again. It goes on when ctx has ended or has waited
// long enough for the number: then More is set in the answer.
func (rs *Replays) Start(ctx context.Context, r Replay) (api.ReplayAnswer, error) {
	var queued atomic.Int64
	done := make(chan error, 1)
	rs.running.Go(func() { done <- rs.run(context.WithoutCancel(ctx), r, &queued) })
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

// Wait returns when no replay runs. Nothing may be started any more.
func (rs *Replays) Wait() { rs.running.Wait() }

// run makes the deliveries of a replay until it is done or is to stop.
func (rs *Replays) run(ctx context.Context, r Replay, queued *atomic.Int64) error {
	for {
		n, more, err := rs.Log.Replay(ctx, r.webhook, r.since, r.until, r.states, replayChunk)
		queued.Add(int64(n))
		switch {
		case err != nil && !errors.Is(err, api.NotFound):
			rs.Logger.Error("replay", "webhook", r.webhook, "queued", queued.Load(), "error", err)
			return err
		case err != nil || !more:
			return err
		}
		if retry.Closed(rs.Stopping) {
			rs.Logger.Warn("a replay was cut short by the stop; ask for it again", "webhook", r.webhook, "queued", queued.Load())
			return nil
		}
	}
}
