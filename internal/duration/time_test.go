package duration_test

import (
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/internal/duration"
)

func TestTime(t *testing.T) {
	for in, want := range map[string]time.Time{
		"2026-05-03T12:00:00Z":        time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC),
		"2026-05-03T12:00:00.5+02:00": time.Date(2026, 5, 3, 10, 0, 0, 5e8, time.UTC),
		"2026-05-03":                  time.Date(2026, 5, 3, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := duration.Time(in); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v, want %v", in, got, err, want)
		}
	}
	earliest := time.Now().Add(-24 * time.Hour)
	got, err := duration.Time("24h")
	if latest := time.Now().Add(-24 * time.Hour); err != nil || got.Before(earliest) || got.After(latest) {
		t.Errorf("24h: got %v, %v, want a day ago", got, err)
	}
	for _, in := range []string{"", "yesterday", "-24h", "2026-13-01"} {
		if _, err := duration.Time(in); err == nil || !strings.Contains(err.Error(), "want a time such as") {
			t.Errorf("%q: got %v, want an error that says what a time is", in, err)
		}
	}
}
