package dispatch

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

func TestScheduleSaysWhenToTryAgain(t *testing.T) {
	end := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return end.Add(d).Format(http.TimeFormat) }
	after := func(status int, value string) api.Attempt {
		return api.Attempt{Status: status, ErrorKind: api.AttemptStatus, ResponseHeaders: map[string]string{"Retry-After": value}}
	}
	failed := api.Attempt{ErrorKind: api.AttemptConnect}
	tests := []struct {
		name    string
		attempt int
		a       api.Attempt
		rnd     float64
		want    time.Duration // 0: not again
	}{
		{"first wait, middle", 1, failed, 0.5, 30 * time.Second},
		{"first wait, shortest", 1, failed, 0, 24 * time.Second},
		{"first wait, longest", 1, failed, 1, 36 * time.Second},
		{"second wait", 2, failed, 0.5, 5 * time.Minute},
		{"third wait", 3, failed, 0.5, 30 * time.Minute},
		{"the fourth attempt is the last", 4, failed, 0.5, 0},
		{"far beyond the last", 40, failed, 0.5, 0},
		{"no attempt yet", 0, failed, 0.5, 0},
		{"success", 1, api.Attempt{Status: 204}, 0.5, 0},
		{"gone", 1, api.Attempt{Status: 410, ErrorKind: api.AttemptStatus}, 0.5, 0},
		{"redirect", 1, api.Attempt{Status: 302, ErrorKind: api.AttemptRedirect}, 0.5, 30 * time.Second},
		{"later as asked", 1, after(429, "45"), 0.5, 45 * time.Second},
		{"later as asked by 503", 1, after(503, " 45 "), 0.5, 45 * time.Second},
		{"later as asked by date", 2, after(429, in(9*time.Minute)), 0.5, 9 * time.Minute},
		{"at most twice the schedule", 1, after(429, "3600"), 0.5, time.Minute},
		{"at most twice the schedule, by date", 1, after(503, in(time.Hour)), 0, time.Minute},
		{"never earlier than the schedule", 1, after(429, "1"), 0.5, 30 * time.Second},
		{"zero asks for nothing", 1, after(429, "0"), 0.5, 30 * time.Second},
		{"a date gone by", 1, after(429, in(-time.Hour)), 0.5, 30 * time.Second},
		{"more seconds than an integer holds", 1, after(429, "99999999999999999999999"), 0.5, time.Minute},
		{"negative is no number of seconds", 1, after(429, "-5"), 0.5, 30 * time.Second},
		{"nonsense", 1, after(429, "soon"), 0.5, 30 * time.Second},
		{"empty", 1, after(429, ""), 0.5, 30 * time.Second},
		{"other statuses may not ask", 1, after(500, "45"), 0.5, 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at, again := DefaultSchedule.Next(tt.attempt, end, tt.a, func() float64 { return tt.rnd })
			if again != (tt.want != 0) {
				t.Fatalf("got again %t, want %t", again, tt.want != 0)
			}
			if got := at.Sub(end); again && math.Abs(float64(got-tt.want)) > float64(time.Millisecond) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAnEmptyScheduleTriesOnce(t *testing.T) {
	if _, again := (Schedule{}).Next(1, time.Now(), api.Attempt{}, func() float64 { return 0 }); again {
		t.Error("got another attempt, want one only")
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"1", "0", "-1", "1e9", "Sun, 03 May 2026 12:00:00 GMT", "Sunday, 03-May-26 12:00:00 GMT", "Sun May  3 12:00:00 2026", "99999999999999999999", ""} {
		f.Add(seed)
	}
	end := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		a := api.Attempt{Status: 429, ResponseHeaders: map[string]string{"Retry-After": value}}
		at, again := DefaultSchedule.Next(1, end, a, func() float64 { return 0.5 })
		if wait := at.Sub(end); !again || wait < 30*time.Second || wait > time.Minute {
			t.Errorf("Retry-After %q: got %v, want 30 s to 1 min", value, wait)
		}
	})
}
