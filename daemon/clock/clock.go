// Package clock notices that the machine's clock was set back: what waits for a
// time would wait for that much longer. A clock that is set forward makes nothing
// wait longer and is left alone, nor can it be told from a machine that slept.
package clock

import (
	"context"
	"time"
)

// Config is what Watch needs; Back is required.
type Config struct {
	// Back is called with how far the clock was set back.
	Back func(ctx context.Context, by time.Duration)
	// Every is how often the clock is looked at; 0 for ten seconds.
	Every time.Duration
	// Now returns the time of day, and the time since any moment by a clock that
	// nobody sets. nil: those of the machine.
	Now func() (wall time.Time, steady time.Duration)
}

// least is what a clock may be corrected by without anybody minding.
const least = 5 * time.Second

// Watch looks at the clock until ctx ends.
func Watch(ctx context.Context, cfg Config) {
	if cfg.Every <= 0 {
		cfg.Every = 10 * time.Second
	}
	if cfg.Now == nil {
		began := time.Now()
		cfg.Now = func() (time.Time, time.Duration) { return time.Now().Round(0), time.Since(began) }
	}
	tick := time.NewTicker(cfg.Every)
	defer tick.Stop()
	wall, steady := cfg.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w, s := cfg.Now()
		if back := (s - steady) - w.Sub(wall); back >= least {
			cfg.Back(ctx, back)
		}
		wall, steady = w, s
	}
}
