package store

import (
	"log/slog"
	"time"
)

// Options are the settings that every backend has. The zero value is usable.
type Options struct {
	Logger *slog.Logger // nil: discards

	// Now is the clock by which leases end and work is due; nil for the
	// backend's own.
	Now func() time.Time

	// FailEvent makes the event of a job that the store itself fails at a
	// time, because its attempts are used up. With nil such a job fails
	// without an event. It may be called more than once for one job, inside a
	// transaction: what it returns must follow from its arguments alone, and
	// it must have no effect and not call the store.
	FailEvent func(j Job, at time.Time) (Event, error)

	// DisableAfter is how long the failures of a webhook must go on before it
	// is disabled; 0 for half an hour.
	DisableAfter time.Duration
}
