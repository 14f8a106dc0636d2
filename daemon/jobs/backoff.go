package jobs

import (
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
)

// The schedule of jobs stands here and nowhere else: how long a job waits that
// could not run, and how long after each attempt that failed. That of deliveries
// is dispatch.DefaultSchedule. How often a job is tried is the store's default,
// unless its engine is remote.

// transientWait is before a job that could not run is looked at again.
const transientWait = 30 * time.Second

// remoteAttempts is how often a job is tried with a remote engine. The waits
// between make two hours: an outage is to be over by then.
const remoteAttempts = 9

// Waits after an attempt that failed by no fault of the file.
var (
	localBackoff  = retry.Backoff{First: 2 * time.Second, Most: 30 * time.Minute}
	remoteBackoff = retry.Backoff{First: time.Minute, Most: 30 * time.Minute} // another machine failed
)

// wait is how long a job that is not charged waits.
func (c class) wait() time.Duration {
	if c.least > 0 {
		return retry.NotBefore(c.least)
	}
	return retry.Jitter(transientWait)
}

// backoff is the wait after attempt number n.
func (c class) backoff(n int) time.Duration {
	b := localBackoff
	if c.why.Code == api.JobRemote {
		b = remoteBackoff
	}
	return max(b.After(n), retry.NotBefore(c.least))
}
