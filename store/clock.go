package store

import (
	"time"

	"github.com/voxparse/voxparse/api"
)

// Sooner returns when something that was to be at due is to be, after the clock
// was set back by so much to now. What is not later than now stays as it is.
func Sooner(due, now time.Time, by time.Duration) time.Time {
	if !due.After(now) {
		return due
	}
	if due = due.Add(-by); due.Before(now) {
		return now
	}
	return due
}

// SetBack moves when a queued job is due, after the clock was set back to now. It
// reports whether it did.
func (j *Job) SetBack(now time.Time, by time.Duration) bool {
	if j.Status != api.Queued || !j.Due.After(now) {
		return false
	}
	j.Revision++
	j.Due = Sooner(j.Due, now, by)
	return true
}

// SetBack moves when a delivery that waits is due, after the clock was set back
// to now. It reports whether it did.
func (d *Delivery) SetBack(now time.Time, by time.Duration) bool {
	if d.Status != api.DeliveryPending || !d.Due.After(now) {
		return false
	}
	d.Revision++
	d.Due = Sooner(d.Due, now, by)
	return true
}
