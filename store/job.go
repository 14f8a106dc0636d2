package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// defaultAttempts is how often a job is tried where it does not say.
const defaultAttempts = 3

// NewJob returns what a store records for a job that is submitted at now.
func NewJob(j Job, now time.Time) Job {
	j.Revision, j.Status, j.Attempts, j.Generation = 1, api.Queued, 0, 0
	j.Owner, j.LeaseUntil, j.StartedAt, j.FinishedAt = "", time.Time{}, time.Time{}, time.Time{}
	j.Error, j.Progress, j.Waiting = JobError{}, api.Progress{}, ""
	if j.Queue == "" {
		j.Queue = QueueCommands
	}
	if j.MaxAttempts == 0 {
		j.MaxAttempts = defaultAttempts
	}
	if j.CreatedAt.IsZero() {
		j.CreatedAt = now
	}
	if j.Due.IsZero() {
		j.Due = now
	}
	j.CreatedAt, j.Due = Timestamp(j.CreatedAt), Timestamp(j.Due)
	return j
}

// Timestamp returns t as a store gives it back: in UTC, with nanoseconds, and
// without a monotonic reading.
func Timestamp(t time.Time) time.Time { return t.UTC().Round(0) }

// Exhausted reports whether the job has no attempt left.
func (j *Job) Exhausted() bool { return j.Attempts >= j.MaxAttempts }

// ExhaustedError says why a job without attempts has failed.
func (j *Job) ExhaustedError() JobError {
	if j.Status == api.Processing {
		return JobError{Code: api.JobInternal, Message: fmt.Sprintf("the work was interrupted in each of %d attempts", j.Attempts)}
	}
	return JobError{Code: api.JobInternal, Message: fmt.Sprintf("the job did not finish in %d attempts", j.Attempts)}
}

// Claim gives the job to owner for ttl, and charges the attempt.
func (j *Job) Claim(owner string, now time.Time, ttl time.Duration) {
	j.Attempts++
	j.Revision++
	j.Status, j.Owner, j.LeaseUntil = api.Processing, owner, now.Add(ttl)
	j.Waiting, j.Progress = "", api.Progress{}
	if j.StartedAt.IsZero() {
		j.StartedAt = now
	}
}

// EndLease takes the job from its owner, and makes the owner's token stale.
func (j *Job) EndLease() {
	j.Revision++
	j.Owner, j.LeaseUntil = "", time.Time{}
}

// Requeue queues the job for due, or for now where due is zero. uncharged gives
// the attempt back.
func (j *Job) Requeue(due, now time.Time, uncharged bool) {
	if due.IsZero() {
		due = now
	}
	j.Status, j.Due, j.Progress = api.Queued, Timestamp(due), api.Progress{}
	if uncharged && j.Attempts > 0 {
		j.Attempts--
	}
}

// End gives the job a terminal status.
func (j *Job) End(s api.JobStatus, now time.Time) {
	j.Status, j.FinishedAt = s, now
	j.Waiting, j.Due = "", time.Time{}
}

// Retry queues a failed, cancelled or interrupted job again, with fresh attempts and the
// next generation. The error is api.Conflict for any other.
func (j *Job) Retry(now time.Time) error {
	if !j.Status.Terminal() || j.Status == api.Completed {
		return api.Errorf(api.Conflict, "job %s is %s: only a failed, cancelled or interrupted job can be tried again", j.ID, j.Status)
	}
	if j.Blob == "" && j.Source.Folder == "" && j.Error.Hopeless() {
		return api.Errorf(api.Conflict, "job %s failed because its file has no audio, and the file was removed: submit another file", j.ID)
	}
	j.Revision++
	j.Generation++
	j.Status, j.Attempts, j.Due = api.Queued, 0, now
	j.StartedAt, j.FinishedAt = time.Time{}, time.Time{}
	j.Error, j.Progress, j.Waiting = JobError{}, api.Progress{}, ""
	return nil
}

// ReadyAt returns when an open job can be claimed: its due time, or the end of
// its lease.
func (j *Job) ReadyAt() time.Time {
	if j.Status == api.Processing {
		return j.LeaseUntil
	}
	return j.Due
}

// Passes reports whether the filter selects the job.
func (f JobFilter) Passes(j *Job) bool {
	return (f.Status == "" || j.Status == f.Status) && (f.Queue == "" || j.Queue == f.Queue) &&
		(f.Since.IsZero() || !j.CreatedAt.Before(f.Since)) && (f.Until.IsZero() || j.CreatedAt.Before(f.Until)) && (f.Before == "" || j.ID < f.Before) &&
		(f.Name == "" || strings.Contains(strings.ToLower(j.Source.Name), strings.ToLower(f.Name))) &&
		(f.Metadata[0] == "" || hasMetadata(j.Metadata, f.Metadata[0], f.Metadata[1]))
}

// hasMetadata reports whether a JSON object has a value under key that is
// written as text: a string as it is, anything else as JSON.
func hasMetadata(object []byte, key, text string) bool {
	var values map[string]json.RawMessage
	if json.Unmarshal(object, &values) != nil || values[key] == nil {
		return false // also where there is no metadata
	}
	var s string
	if json.Unmarshal(values[key], &s) == nil && string(values[key]) != "null" {
		return s == text
	}
	return string(values[key]) == text
}
