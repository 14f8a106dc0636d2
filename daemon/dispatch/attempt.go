package dispatch

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
	"github.com/voxparse/voxparse/internal/sender"
	"github.com/voxparse/voxparse/store"
)

// Waits after a fault of our own.
const (
	sealedPause = 30 * time.Second // before a webhook whose secret cannot be opened is served again
	localPause  = time.Second      // after an attempt that this machine spoilt
)

// Reasons for which an attempt was not made.
var (
	errNotSent    = errors.New("nothing was sent")
	errLeaseShort = errors.New("too little is left of the lease")
)

// Timeout is the time limit of an attempt to reach w.
func Timeout(w store.Webhook) time.Duration {
	if w.Timeout > 0 {
		return w.Timeout
	}
	return sender.DefaultTimeout
}

// attempt makes one request and records what came of it. The room that it takes
// in flight is free as soon as the request is over.
func (d *Dispatcher) attempt(ctx context.Context, q *queue, c store.ClaimedDelivery) {
	att, accepted, err := d.post(ctx, c)
	end := time.Now()
	if c.Event.Type == api.EventTest && ctx.Err() == nil && (errors.Is(err, errNotSent) || att.ErrorKind == api.AttemptLocal) {
		d.failTest(ctx, q, c, att, err)
		return
	}
	switch { // our own fault: the webhook waits, uncharged
	case errors.Is(err, errNotSent):
		d.pause(ctx, retry.Jitter(sealedPause))
	case att.ErrorKind == api.AttemptLocal && ctx.Err() == nil:
		d.log.Warn("an attempt was spoilt by this machine; it does not count", "webhook", c.Webhook.ID, "error", att.Error, "again_in", localPause)
		d.pause(ctx, retry.Jitter(localPause))
	}
	d.over <- ended{q, sender.Delivered(att), att.Status == http.StatusGone}
	ctx = context.WithoutCancel(ctx)
	if err != nil || att.ErrorKind == api.AttemptLocal {
		if err != nil && !errors.Is(err, errLeaseShort) {
			d.log.Error("an event cannot be sent", "webhook", c.Webhook.ID, "error", err)
		}
		d.release(ctx, c)
		return
	}
	out := d.outcome(c, att, end)
	out.Accepted = accepted
	d.record(ctx, c, att, out)
}

// failTest ends a test that a fault of our own kept from being sent: whoever asked
// for it waits to hear that, and it is not tried again.
func (d *Dispatcher) failTest(ctx context.Context, q *queue, c store.ClaimedDelivery, att api.Attempt, err error) {
	d.over <- ended{queue: q}
	if err != nil {
		att = api.Attempt{ID: c.AttemptID, Number: c.Delivery.Attempts + 1, StartedAt: time.Now().UTC(), ErrorKind: api.AttemptLocal, Error: err.Error()}
	}
	d.record(context.WithoutCancel(ctx), c, att, store.Outcome{Status: api.DeliveryFailed})
}

// record commits an attempt. While there is no space it waits and tries again:
// an attempt that is not in the log was never made.
func (d *Dispatcher) record(ctx context.Context, c store.ClaimedDelivery, att api.Attempt, out store.Outcome) {
	defer d.makeRoom()
	defer d.cfg.Attempted()
	d.cfg.Metrics.Attempt(out.Status, att)
	for waits := storeBackoff.Start(); ; {
		disabled, err := d.cfg.Outbox.RecordAttempt(ctx, c.Delivery.Token(), att, out)
		switch {
		case err == nil:
			d.noteFailed(c, att, out, disabled)
			d.noteDisabled(c.Webhook, disabled)
			d.noteAccepted(c.Webhook, out)
			return
		case errors.Is(err, api.LeaseLost), errors.Is(err, api.NotFound):
			d.log.Info("an attempt came too late to be recorded", "delivery", c.Delivery.ID)
			return
		case !errors.Is(err, api.Unavailable), retry.Closed(d.cfg.Failed), retry.Closed(d.stopping):
			d.log.Error("record an attempt", "delivery", c.Delivery.ID, "error", err) // it will be made again
			return
		}
		wait := waits.Next()
		d.log.Error("an attempt's record has to wait", "delivery", c.Delivery.ID, "error", err, "again_in", wait)
		d.pause(ctx, wait)
	}
}

// outcome decides what an attempt means for its delivery.
func (d *Dispatcher) outcome(c store.ClaimedDelivery, att api.Attempt, end time.Time) store.Outcome {
	if sender.Delivered(att) {
		// Nobody waits for the record, unless it lets the next one of a sequence go
		// or somebody asked for the delivery.
		return store.Outcome{Status: api.DeliveryDelivered, Soon: !c.Webhook.Ordered && !c.Delivery.Manual}
	}
	gone := att.Status == http.StatusGone
	if c.Event.Type == api.EventTest {
		return store.Outcome{Status: api.DeliveryFailed, Gone: gone} // it tells how things are now
	}
	if at, again := d.cfg.Schedule.Next(c.Delivery.Attempts+1, end, att, rand.Float64); again {
		return store.Outcome{Status: api.DeliveryPending, RetryAt: at}
	}
	return store.Outcome{Status: api.DeliveryFailed, Gone: gone}
}

// noteFailed logs a failed attempt. Of the answer only the status is told: its
// body and headers may hold what is not for the log.
func (d *Dispatcher) noteFailed(c store.ClaimedDelivery, att api.Attempt, out store.Outcome, disabled string) {
	if sender.Delivered(att) {
		return
	}
	attrs := []any{"webhook", c.Webhook.ID, "delivery", c.Delivery.ID, "event", c.Event.Type, "attempt", att.Number, "kind", att.ErrorKind, "cause", att.Error}
	switch {
	case out.Status != api.DeliveryPending:
		d.log.Warn("an attempt failed, and it was the last", attrs...)
	case disabled != "":
		d.log.Warn("an attempt failed; the next is made once the webhook is enabled", attrs...)
	default:
		d.log.Warn("an attempt failed", append(attrs, "next_due", out.RetryAt.UTC().Format(time.RFC3339))...)
	}
}

func (d *Dispatcher) noteDisabled(w store.Webhook, reason string) {
	if reason == "" {
		return
	}
	d.Drop(w.ID)
	d.cfg.Metrics.WebhookDisabled()
	d.log.Warn("webhook disabled; what waits for it is held", "webhook", w.ID, "reason", reason, "fix", "voxparse webhooks enable "+w.ID)
}

// noteAccepted says that a receiver changed over. What is claimed of its webhook
// is claimed anew, to be signed with that secret at once.
func (d *Dispatcher) noteAccepted(w store.Webhook, out store.Outcome) {
	if len(out.Accepted) == 0 {
		return
	}
	d.Drop(w.ID)
	which := "new"
	if !bytes.Equal(out.Accepted, w.Secret) {
		which = "old"
	}
	d.log.Info("the receiver accepts the other secret of the rotation; it signs from now on", "webhook", w.ID, "secret", which)
}
