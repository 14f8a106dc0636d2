package dispatch

import (
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/httpx"
	"github.com/voxparse/voxparse/internal/sender"
)

// Schedule says how long to wait after each attempt: entry 0 after the first.
// One attempt more than it has entries is made.
type Schedule []time.Duration

// DefaultSchedule makes four attempts: at once, then 30 s, 5 min and 30 min
// after the end of the one before. The table of docs/reference/webhooks.md is held
// to it by a test. The schedule of jobs is in package jobs, in backoff.go.
var DefaultSchedule = Schedule{30 * time.Second, 5 * time.Minute, 30 * time.Minute}

// Spread is how far a wait may lie from its entry: each is multiplied by a
// number drawn from [1-Spread, 1+Spread], so that what failed together does not
// come back together.
const Spread = 0.2

// maxStretch is how many times its entry a wait may become at a receiver's wish.
const maxStretch = 2

// Next says when to try again after attempt number attempt (from 1) ended at end
// as a, and whether to try at all. rnd returns numbers in [0, 1).
//
// A Retry-After on a 429 or 503, in seconds or as a date, postpones the next
// attempt up to twice its entry in the schedule, and never hastens it. After a
// success, a 410 Gone, or the last attempt there is no next one.
func (s Schedule) Next(attempt int, end time.Time, a api.Attempt, rnd func() float64) (retryAt time.Time, again bool) {
	if attempt < 1 || attempt > len(s) || sender.Delivered(a) || a.Status == http.StatusGone {
		return time.Time{}, false
	}
	base := s[attempt-1]
	wait := time.Duration(float64(base) * (1 - Spread + 2*Spread*rnd()))
	if a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable {
		if asked, ok := httpx.RetryAfter(a.ResponseHeaders["Retry-After"], end); ok {
			wait = max(wait, min(asked, maxStretch*base))
		}
	}
	return end.Add(wait), true
}
