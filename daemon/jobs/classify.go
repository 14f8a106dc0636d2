package jobs

import (
	"errors"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/store"
)

// class is what an error means for a job.
type class struct {
	why       store.JobError // in words for the job's owner
	transient bool           // the same job may succeed later, and is not charged
	retry     bool           // another attempt may end otherwise
	least     time.Duration  // that somebody asked to wait
}

// classify says what an error of a run means for its job.
func classify(err error) class {
	var e *engine.Error
	if errors.As(err, &e) {
		return class{store.JobError{Code: e.Code, Message: e.Message}, e.Transient, e.Retry, e.RetryAfter}
	}
	why := store.JobError{Code: api.JobInternal, Message: "the work on this file failed inside voxparse; see: voxparse daemon logs"}
	if errors.Is(err, api.Unavailable) {
		why.Message = err.Error()
		return class{why: why, transient: true}
	}
	return class{why: why, retry: true}
}
