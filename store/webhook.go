package store

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
)

// A webhook is disabled after this many consecutive failed attempts, if there
// is at least this long between the first of them and the latest.
const (
	disableFailures = 10
	disableAfter    = 30 * time.Minute
)

// failuresToSlow is how many consecutive failures leave a webhook one delivery
// in flight.
const failuresToSlow = 5

// Clone copies what a webhook points to, so that no caller shares it with the
// store.
func (w Webhook) Clone() Webhook {
	w.Events = slices.Clone(w.Events)
	w.Secret = bytes.Clone(w.Secret)
	w.PreviousSecret = bytes.Clone(w.PreviousSecret)
	return w
}

// NewWebhook returns what a store records for a webhook that is made at now.
func NewWebhook(w Webhook, now time.Time) Webhook {
	w = w.Clone()
	w.Revision = 1
	w.resetHealth()
	w.NextArrival = time.Time{}
	if w.CreatedAt.IsZero() {
		w.CreatedAt = now
	}
	w.CreatedAt, w.PreviousUntil, w.SecretSince = Timestamp(w.CreatedAt), Timestamp(w.PreviousUntil), Timestamp(w.SecretSince)
	return w
}

func (w *Webhook) resetHealth() {
	w.ConsecutiveFailures, w.FirstFailureAt, w.LastFailureAt = 0, time.Time{}, time.Time{}
}

// Changed returns the webhook after somebody set its fields to those of next.
// The id, the revision, the health, the use of the rate limit, the time of
// creation and whether it is temporary are not theirs to set.
func (w Webhook) Changed(next Webhook, now time.Time) Webhook {
	next.ID, next.Revision, next.CreatedAt, next.Temporary = w.ID, w.Revision+1, w.CreatedAt, w.Temporary
	next.ConsecutiveFailures, next.FirstFailureAt, next.LastFailureAt = w.ConsecutiveFailures, w.FirstFailureAt, w.LastFailureAt
	next.PreviousUntil, next.SecretSince = Timestamp(next.PreviousUntil), Timestamp(next.SecretSince)
	next.NextArrival = w.NextArrival
	if next.RateLimit != w.RateLimit {
		next.NextArrival = time.Time{} // what was used of the old limit says nothing about the new one
	}
	switch {
	case next.Active:
		next.DisabledAt, next.DisabledReason = time.Time{}, ""
		if !w.Active {
			next.resetHealth()
		}
	case w.Active:
		next.DisabledAt, next.DisabledReason = now, cmp.Or(next.DisabledReason, api.DisabledByUser)
	default:
		next.DisabledAt, next.DisabledReason = w.DisabledAt, w.DisabledReason
	}
	return next
}

// Receives reports whether the webhook gets an event of type typ of the job:
// of those that the job names, or of all where it names none, it does if it
// subscribes to the type.
func (w *Webhook) Receives(j *Job, typ string) bool {
	return (len(j.Webhooks) == 0 || slices.Contains(j.Webhooks, w.ID)) && (len(w.Events) == 0 || slices.Contains(w.Events, typ))
}

// Room returns how many deliveries may be in flight at once, where others may
// have perWebhook.
func (w *Webhook) Room(perWebhook int) int {
	if w.Ordered || w.ConsecutiveFailures >= failuresToSlow {
		return 1
	}
	return perWebhook
}

// The rate limit of a webhook is kept as the time at which, at an even pace,
// the next delivery would arrive (the generic cell rate algorithm). It may come
// early by what a burst allows.

func (w *Webhook) interval() time.Duration {
	return time.Duration(float64(time.Second) / w.RateLimit)
}

// burst lets a webhook have at once what it may have in a tenth of a second.
func burst(perSecond float64) int { return max(1, int(perSecond/10)) }

// ClaimableAt returns the time from which on the rate limit lets another
// delivery go; that may be in the past, and is zero without a limit.
func (w *Webhook) ClaimableAt() time.Time {
	if w.RateLimit <= 0 || w.NextArrival.IsZero() {
		return time.Time{}
	}
	return w.NextArrival.Add(-time.Duration(burst(w.RateLimit)-1) * w.interval())
}

// CountClaim counts a delivery that is claimed at now against the rate limit,
// and reports whether that changed the webhook. The revision stays: what the
// webhook is, is as before.
func (w *Webhook) CountClaim(now time.Time) (changed bool) {
	if w.RateLimit <= 0 {
		return false
	}
	if w.NextArrival.Before(now) {
		w.NextArrival = now
	}
	w.NextArrival = w.NextArrival.Add(w.interval())
	return true
}

// Count keeps the webhook's health after an attempt of a delivery, and disables
// the webhook when that is due: then disabled is the reason. after is how long
// failures must go on, or 0 for half an hour. A manual delivery does not count.
// changed is false where nothing of the webhook is another.
func (w *Webhook) Count(out Outcome, manual bool, now time.Time, after time.Duration) (changed bool, disabled string) {
	switch {
	case out.Status == api.DeliveryDelivered:
		changed = w.ConsecutiveFailures > 0
		w.resetHealth()
		changed = w.accept(out.Accepted, now) || changed
	case !manual:
		changed = true
		w.ConsecutiveFailures++
		if w.FirstFailureAt.IsZero() {
			w.FirstFailureAt = now
		}
		w.LastFailureAt = now
	}
	failing := w.ConsecutiveFailures >= disableFailures && w.LastFailureAt.Sub(w.FirstFailureAt) >= cmp.Or(after, disableAfter)
	switch {
	case !w.Active || out.Status == api.DeliveryDelivered:
	case out.Gone:
		disabled = api.DisabledGone
	case failing && !manual:
		disabled = api.DisabledFailing
	}
	if disabled != "" {
		w.Active, w.DisabledAt, w.DisabledReason = false, now, disabled
	}
	if changed || disabled != "" {
		w.Revision++
		changed = true
	}
	return changed, disabled
}
