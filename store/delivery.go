package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// open reports whether a delivery with status s is still to be sent.
func open(s api.DeliveryStatus) bool {
	switch s {
	case api.DeliveryPending, api.DeliveryInFlight, api.DeliveryHeld:
		return true
	}
	return false
}

// ShownStatus returns the status of a delivery as others see it, where s is the
// recorded one and w its webhook, nil for one that is deleted. A delivery that
// waits for an inactive webhook is held: being derived, holding and releasing
// cost the same for one delivery and for a million. What is open when its
// webhook is deleted is cancelled.
func ShownStatus(s api.DeliveryStatus, w *Webhook) api.DeliveryStatus {
	switch {
	case w == nil && open(s):
		return api.DeliveryCancelled
	case s == api.DeliveryPending && w != nil && !w.Active:
		return api.DeliveryHeld
	}
	return s
}

// RefuseOpen returns api.Conflict where one of the deliveries is open, counted by
// status as others see it. what is to be deleted, and they with it.
func RefuseOpen(what string, counts map[api.DeliveryStatus]int) error {
	n := 0
	var parts []string
	for _, s := range []api.DeliveryStatus{api.DeliveryPending, api.DeliveryInFlight, api.DeliveryHeld} {
		if c := counts[s]; c > 0 {
			n += c
			parts = append(parts, fmt.Sprintf("%d %s", c, s))
		}
	}
	if n == 0 {
		return nil
	}
	noun := "deliveries that are"
	if n == 1 {
		noun = "delivery that is"
	}
	return api.Errorf(api.Conflict, "%s has %d %s not sent yet (%s); wait for the end, or delete with force (--force, ?force=true), which ends them unsent",
		what, n, noun, strings.Join(parts, ", "))
}

// NewDelivery returns a delivery of an event to a webhook, due at now.
func NewDelivery(id string, ev *Event, webhookID string, now time.Time) Delivery {
	return Delivery{
		ID: id, Revision: 1, Status: api.DeliveryPending, WebhookID: webhookID, CreatedAt: now, Due: now,
		EventID: ev.ID, EventType: ev.Type, JobID: ev.JobID, Seq: ev.Seq,
	}
}

// Claim gives the delivery to owner for ttl.
func (d *Delivery) Claim(owner string, now time.Time, ttl time.Duration) {
	d.Revision++
	d.Status, d.Owner, d.LeaseUntil = api.DeliveryInFlight, owner, now.Add(ttl)
}

// Hasten makes a delivery that waits for a later time due at now.
func (d *Delivery) Hasten(now time.Time) {
	d.Revision++
	d.Due = now
}

// EndLease takes the delivery from its owner, uncharged: it waits again.
func (d *Delivery) EndLease() {
	d.Revision++
	d.Status, d.Owner, d.LeaseUntil = api.DeliveryPending, "", time.Time{}
}

// Cancel ends the delivery because its webhook is deleted.
func (d *Delivery) Cancel(now time.Time) {
	d.Revision++
	d.Status, d.FinishedAt = api.DeliveryCancelled, now
	d.Owner, d.LeaseUntil, d.Due = "", time.Time{}, time.Time{}
}

// Check refuses what is not the outcome of an attempt, with api.Invalid.
func (out Outcome) Check() error {
	switch out.Status {
	case api.DeliveryDelivered, api.DeliveryFailed, api.DeliveryPending:
		return nil
	}
	return api.Errorf(api.Invalid, "%q is not the outcome of an attempt", out.Status)
}

// Record charges an attempt and gives the delivery what the outcome says.
func (d *Delivery) Record(out Outcome, now time.Time) {
	d.EndLease()
	d.Attempts++
	d.Status = out.Status
	switch {
	case out.Status != api.DeliveryPending:
		d.FinishedAt, d.Due = now, time.Time{}
	case out.RetryAt.IsZero():
		d.Due = now
	default:
		d.Due = Timestamp(out.RetryAt)
	}
}

// Passes reports whether the filter selects the delivery, whose status is as
// others see it.
func (f DeliveryFilter) Passes(d *Delivery) bool {
	return (f.Webhook == "" || d.WebhookID == f.Webhook) && (f.Job == "" || d.JobID == f.Job) &&
		(f.Status == "" || d.Status == f.Status) &&
		(f.Since.IsZero() || !d.CreatedAt.Before(f.Since)) && (f.Until.IsZero() || d.CreatedAt.Before(f.Until))
}

// Window is what Replay sends again: the events whose first delivery lies in
// [Since, Until), and whose last delivery has one of the statuses.
type Window struct {
	Since, Until time.Time
	Statuses     []api.DeliveryStatus
}

// NewWindow returns a window of a replay: without an end it ends at now, and
// without statuses it takes what failed for good.
func NewWindow(since, until time.Time, statuses []api.DeliveryStatus, now time.Time) Window {
	if until.IsZero() {
		until = now
	}
	if len(statuses) == 0 {
		statuses = []api.DeliveryStatus{api.DeliveryFailed}
	}
	return Window{since, until, statuses}
}

// Holds reports whether the first delivery of an event lies in the window. What
// was made by hand, and tests, are not replayed.
func (w Window) Holds(first *Delivery) bool {
	return first.RedeliveryOf == "" && first.EventType != api.EventTest &&
		!first.CreatedAt.Before(w.Since) && first.CreatedAt.Before(w.Until)
}

// Wants reports whether an event is to be sent again, by its last delivery,
// whose status is as others see it. One that was sent again since the end of
// the window is not: so that calls with the same end go through it once.
func (w Window) Wants(last *Delivery) bool {
	return last.CreatedAt.Before(w.Until) && slices.Contains(w.Statuses, last.Status)
}
