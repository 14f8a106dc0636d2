package retry

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Spread is how far a wait may be from its target: it lies between 1-Spread and
// 1+Spread times that.
const Spread = 0.2

// Backoff says how waits grow with each try that failed.
type Backoff struct {
	First  time.Duration // the target of the first wait
	Most   time.Duration // the largest target
	Factor float64       // from one target to the next; 0 is 2
}

// Waits are the waits between the tries of one thing. They are not for
// concurrent use.
type Waits struct{ exponential backoff.ExponentialBackOff }

// Start returns the waits for something that is about to be tried.
func (b Backoff) Start() *Waits {
	w := &Waits{backoff.ExponentialBackOff{
		InitialInterval: b.First, MaxInterval: b.Most, Multiplier: b.Factor, RandomizationFactor: Spread,
	}}
	if b.Factor == 0 {
		w.exponential.Multiplier = 2
	}
	w.Reset()
	return w
}

// After returns the wait after try number n, from 1, for a caller that keeps
// nothing but that number.
func (b Backoff) After(n int) time.Duration {
	factor := b.Factor
	if factor == 0 {
		factor = 2
	}
	target := float64(b.First)
	for ; n > 1 && target < float64(b.Most); n-- {
		target *= factor
	}
	return Jitter(time.Duration(min(target, float64(b.Most))))
}

// Next returns how long to wait now.
func (w *Waits) Next() time.Duration { return w.exponential.NextBackOff() }

// Reset begins with the first wait again: something succeeded.
func (w *Waits) Reset() { w.exponential.Reset() }

// Jitter returns a wait around the target d.
func Jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	b := backoff.ExponentialBackOff{InitialInterval: d, MaxInterval: d, Multiplier: 1, RandomizationFactor: Spread}
	b.Reset()
	return b.NextBackOff()
}

// NotBefore returns a wait of d, which somebody asked for, or a little more.
func NotBefore(d time.Duration) time.Duration {
	wait := Jitter(d)
	if wait < d {
		wait = 2*d - wait
	}
	return wait
}

// Sleep waits for d. It returns the cause of the end of ctx if that comes first.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// Closed reports whether c, on which nothing is ever sent, is closed: whether what
// is tried again and again may end.
func Closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
