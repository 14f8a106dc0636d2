package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/voxparse/voxparse/internal/retry"
)

// near reports whether d lies around target, as far as the jitter goes.
func near(d, target time.Duration) bool {
	return float64(d) >= float64(target)*(1-retry.Spread)-1 && float64(d) <= float64(target)*(1+retry.Spread)+1
}

func TestBackoff_grows(t *testing.T) {
	for _, c := range []struct {
		name    string
		backoff retry.Backoff
		targets []time.Duration
	}{
		{"doubles", retry.Backoff{First: time.Second, Most: 5 * time.Second}, []time.Duration{1e9, 2e9, 4e9, 5e9, 5e9}},
		{"by a factor", retry.Backoff{First: 2 * time.Second, Most: 10 * time.Second, Factor: 1.5}, []time.Duration{2e9, 3e9, 4.5e9, 6.75e9, 10e9}},
		{"never", retry.Backoff{First: time.Second, Most: time.Second}, []time.Duration{1e9, 1e9, 1e9}},
	} {
		waits := c.backoff.Start()
		for round := range 2 {
			for i, target := range c.targets {
				if got := waits.Next(); !near(got, target) {
					t.Errorf("%s, round %d: got %v after try %d, want about %v", c.name, round, got, i+1, target)
				}
				if got := c.backoff.After(i + 1); !near(got, target) {
					t.Errorf("%s: got %v from After(%d), want about %v", c.name, got, i+1, target)
				}
			}
			waits.Reset()
		}
		last := c.targets[len(c.targets)-1]
		if got := c.backoff.After(1 << 40); !near(got, last) {
			t.Errorf("%s: got %v after very many tries, want about %v", c.name, got, last)
		}
	}
}

func TestJitter_spreads(t *testing.T) {
	different := map[time.Duration]bool{}
	for range 200 {
		d := retry.Jitter(time.Minute)
		if !near(d, time.Minute) {
			t.Fatalf("got %v, want it within %v of a minute", d, retry.Spread)
		}
		if d := retry.NotBefore(time.Minute); d < time.Minute || !near(d, time.Minute) {
			t.Fatalf("NotBefore: got %v, want at most %v more than a minute", d, retry.Spread)
		}
		different[d] = true
	}
	if len(different) < 100 {
		t.Errorf("got %d different waits of 200, want nearly all different", len(different))
	}
	for _, d := range []time.Duration{0, -time.Second} {
		if got := retry.Jitter(d); got != 0 {
			t.Errorf("Jitter(%v): got %v, want 0", d, got)
		}
	}
}

func TestSleep_waitsOrReturnsTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if err := retry.Sleep(t.Context(), time.Hour); err != nil || time.Since(begin) != time.Hour {
			t.Errorf("got %v after %v, want nil after an hour", err, time.Since(begin))
		}
		if err := retry.Sleep(t.Context(), -1); err != nil {
			t.Errorf("a negative wait: got %v, want nil", err)
		}
		enough := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, enough)
		defer cancel()
		begin = time.Now()
		if err := retry.Sleep(ctx, time.Hour); !errors.Is(err, enough) || time.Since(begin) != time.Minute {
			t.Errorf("got %v after %v, want %v after a minute", err, time.Since(begin), enough)
		}
		if err := retry.Sleep(ctx, 0); !errors.Is(err, enough) {
			t.Errorf("after the end: got %v, want %v", err, enough)
		}
	})
}

func TestClosed(t *testing.T) {
	c := make(chan struct{})
	if retry.Closed(c) {
		t.Error("got an open channel closed")
	}
	if close(c); !retry.Closed(c) {
		t.Error("got a closed channel open")
	}
}
