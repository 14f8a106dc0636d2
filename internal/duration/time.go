package duration

import (
	"fmt"
	"time"
)

// Time reads a time as requests give it: RFC 3339, a date in UTC, or how long
// ago, as time.ParseDuration has it.
func Time(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return time.Now().Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("got %q, want a time such as 2026-05-03T12:00:00Z, a date, or how long ago, such as 24h", s)
}
