package duration_test

import (
	"testing"
	"time"

	"github.com/voxparse/voxparse/internal/duration"
)

func TestParse(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"0s", 0, true}, {"1h30m", 90 * time.Minute, true}, {"7d", 168 * time.Hour, true}, {"2w", 336 * time.Hour, true},
		{"1d12h", 36 * time.Hour, true}, {"0.5d", 12 * time.Hour, true},
		{"", 0, false}, {"5", 0, false}, {"-3s", 0, false}, {"d", 0, false}, {"1d-5h", 0, false}, {"99999d", 0, false}, {"1h1d", 0, false},
	}
	for _, tt := range tests {
		got, err := duration.Parse(tt.in)
		if (err == nil) != tt.ok || got != tt.want {
			t.Errorf("%q: got %s, %v, want %s, ok %v", tt.in, got, err, tt.want, tt.ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1d12h", "7d", "1h", "2w3d", "0.1d", "1ns", "-1s", "36500d106751d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := duration.Parse(s)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("%q: got %s, want no negative duration", s, d)
		}
		if back, err := duration.Parse(duration.Format(d)); err != nil || back != d {
			t.Fatalf("%q: got %s by way of %s, %v, want %s", s, back, duration.Format(d), err, d)
		}
	})
}

func TestFormat(t *testing.T) {
	tests := []struct {
		in   time.Duration
		want string
	}{
		{0, "0s"}, {90 * time.Second, "1m30s"}, {5 * time.Minute, "5m"}, {90 * time.Minute, "1h30m"}, {24 * time.Hour, "24h"}, {48 * time.Hour, "2d"},
		{49 * time.Hour, "49h"}, {10 * time.Second, "10s"}, {10 * time.Minute, "10m"}, {20 * time.Hour, "20h"},
	}
	for _, tt := range tests {
		if got := duration.Format(tt.in); got != tt.want {
			t.Errorf("%d: got %s, want %s", tt.in, got, tt.want)
		}
	}
}
