package boltstore

import (
	"context"
	"fmt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// RecordAttempt writes what came of the attempt that the token allowed: the
// log, the delivery's next status, and the webhook's health. It charges the
// attempt and numbers it. When this one disabled the webhook, disabled is the
// reason, and what waits for the webhook is held. A repeat with the same token
// is nil and changes nothing.
func (db *DB) RecordAttempt(ctx context.Context, tok store.Token, att api.Attempt, out store.Outcome) (disabled string, err error) {
	update := db.update
	if out.Soon {
		update = db.updateSoon
	}
	err = update(ctx, func(t *tx) error {
		disabled = ""
		r, repeated, err := t.leasedDelivery(tok)
		if err != nil || repeated {
			return err
		}
		if err := out.Check(); err != nil {
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

func (t *tx) recordAttempt(r *deliveryRecord, att api.Attempt, out store.Outcome) (disabled string) {
	r.Spent = r.Revision
	r.Record(out, t.now)
	key := r.key.Attempt(r.Claims)
	att.ID, att.Number = store.FormatID(api.DeliveryPrefix, key), r.Attempts
	t.putRecord(bAttempt, key[:], attemptVersion, &attemptRecord{Attempt: att})
	t.saveDelivery(r)
	h := t.hook(r.hook)
	changed, disabled := h.Count(out, r.Manual, t.now, t.db.opts.DisableAfter)
	if changed {
		h.recordStale, t.wrote = true, true
	}
	return disabled
}
