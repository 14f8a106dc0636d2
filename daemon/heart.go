package daemon

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// heart shows that a loop still goes round. The loop beats with every turn and
// wakes up when it is nudged, so that one with nothing to do can be told from
// one that hangs.
type heart struct {
	name  string
	beats atomic.Uint64
	nudge chan struct{} // capacity 1
}

func newHeart(name string) *heart { return &heart{name: name, nudge: make(chan struct{}, 1)} }

func (h *heart) beat() { h.beats.Add(1) }

// check returns an error when the loop makes no turn before ctx ends.
func (h *heart) check(ctx context.Context) error {
	was := h.beats.Load()
	select {
	case h.nudge <- struct{}{}:
	default: // it has yet to take the last one
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for h.beats.Load() == was {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the loop %q does not go on", h.name)
		case <-tick.C:
		}
	}
	return nil
}

// lively returns an error unless the store answers and, while they are meant
// to run, the loops go round.
func (d *Daemon) lively(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		_, err := d.db.LastEvent(ctx)
		answered <- err
	}()
	select {
	case err := <-answered:
		if err != nil {
			return fmt.Errorf("read the store: %w", err)
		}
	case <-ctx.Done():
		return fmt.Errorf("the store did not answer within %s", within)
	}
	if *d.state.Load() != stateOK {
		return nil // the loops end with the work
	}
	for _, h := range []*heart{d.work.heart, d.deliver.claims, d.deliver.sends} {
		if err := h.check(ctx); err != nil && *d.state.Load() == stateOK {
			return err
		}
	}
	return nil
}
