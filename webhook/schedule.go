package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Schedule says how long to wait after each attempt: entry 0 after the first.
// One attempt more than it has entries is made.
type Schedule []time.Duration

// DefaultSchedule makes four attempts: at once, then 30 s, 5 min and 30 min
// after the end of the one before.
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
	if attempt < 1 || attempt > len(s) || Delivered(a) || a.Status == http.StatusGone {
		return time.Time{}, false
	}
	base := s[attempt-1]
	wait := time.Duration(float64(base) * (1 - Spread + 2*Spread*rnd()))
	if a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable {
		if asked, ok := retryAfter(a.ResponseHeaders["Retry-After"], end); ok {
			wait = max(wait, min(asked, maxStretch*base))
		}
	}
	return end.Add(wait), true
}

// retryAfter reads a Retry-After header as a wait from now.
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value != "" && strings.Trim(value, "0123456789") == "" {
		const most = 1 << 31 // seconds: more than any schedule, and no overflow
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > most {
			seconds = most
		}
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return at.Sub(now), true
}
