package store

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
)

// A webhook is disabled after this many consecutive failed attempts, if there
// is at least this long between the first of them and the latest.
const (
	disableFailures = 10
	disableAfter    = 30 * time.Minute
)

// RecordAttempt writes what came of the attempt that the token allowed: the
// log, the delivery's next state, and the webhook's health. It charges the
// attempt and numbers it. When this one disabled the webhook, disabled is the
// reason, and what waits for the webhook is held. A repeat with the same token
// is nil and changes nothing.
func (db *DB) RecordAttempt(ctx context.Context, tok Token, att api.Attempt, out Outcome) (disabled string, err error) {
	err = db.update(ctx, func(t *tx) error {
		disabled = ""
		r, repeated, err := t.heldDelivery(tok)
		if err != nil || repeated {
			return err
		}
		if err := checkOutcome(out); err != nil {
			return err
		}
		disabled = t.recordAttempt(r, att, out)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("record an attempt of delivery %s: %w", tok.ID, err)
	}
	return disabled, nil
}

func checkOutcome(out Outcome) error {
	switch out.State {
	case api.DeliveryDelivered, api.DeliveryFailed, api.DeliveryPending:
		return nil
	}
	return api.Errorf(api.Invalid, "%q is not the outcome of an attempt", out.State)
}

func (t *tx) recordAttempt(r *deliveryRecord, att api.Attempt, out Outcome) (disabled string) {
	r.Spent = r.Revision
	r.Revision++
	r.Attempts++
	r.Owner, r.LeaseUntil = "", time.Time{}
	r.State = out.State
	if out.State == api.DeliveryPending {
		r.Due = out.RetryAt
		if r.Due.IsZero() {
			r.Due = t.now
		}
		r.Due = fromNanos(nanos(r.Due))
	} else {
		r.FinishedAt, r.Due = t.now, time.Time{}
	}
	key := r.key.attempt(r.Claims)
	att.ID, att.Number = idString(api.DeliveryPrefix, key), r.Attempts
	t.putRecord(bAttempt, key[:], attemptVersion, &attemptRecord{Attempt: att})
	t.saveDelivery(r)
	return t.judge(t.hook(r.hook), out, r.Manual)
}

// judge keeps the health of a webhook, and disables it when it is due.
func (t *tx) judge(h *hook, out Outcome, manual bool) (disabled string) {
	switch {
	case out.State == api.DeliveryDelivered:
		if h.ConsecutiveFailures > 0 {
			h.ConsecutiveFailures, h.FirstFailureAt, h.LastFailureAt = 0, time.Time{}, time.Time{}
			t.changed(h)
		}
		return ""
	case !manual:
		h.ConsecutiveFailures++
		if h.FirstFailureAt.IsZero() {
			h.FirstFailureAt = t.now
		}
		h.LastFailureAt = t.now
		t.changed(h)
	}
	failing := h.ConsecutiveFailures >= disableFailures && h.LastFailureAt.Sub(h.FirstFailureAt) >= cmp.Or(t.db.opts.DisableAfter, disableAfter)
	switch {
	case !h.Active:
		return ""
	case out.Gone:
		disabled = api.DisabledGone
	case failing && !manual:
		disabled = api.DisabledFailing
	default:
		return ""
	}
	h.Active, h.DisabledAt, h.DisabledReason = false, t.now, disabled
	t.changed(h)
	return disabled
}
