package heartbeat

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Heartbeat shows that a loop still makes turns. The loop calls Tick in every
// turn, and waits with Wait or selects on Wake.
type Heartbeat struct {
	name string
	wake chan struct{} // capacity 1

	mu   sync.Mutex
	turn chan struct{} // closed by the next Tick
}

// New returns a heartbeat of the loop that name describes.
func New(name string) *Heartbeat {
	return &Heartbeat{name: name, wake: make(chan struct{}, 1), turn: make(chan struct{})}
}

// Tick notes a turn of the loop.
func (h *Heartbeat) Tick() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.turn)
	h.turn = make(chan struct{})
}

// next returns a channel that is closed by the next turn.
func (h *Heartbeat) next() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.turn
}

// Wake returns a channel that yields a value when the loop is to make a turn
// although there is nothing to do.
func (h *Heartbeat) Wake() <-chan struct{} { return h.wake }

// Wait lets the loop wait until there may be something to do: a value on one of
// the channels, or its end, a call of Check, or the end of d or of ctx. Any
// channel may be nil.
func (h *Heartbeat) Wait(ctx context.Context, d time.Duration, ready, freed, done <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-ready:
	case <-freed:
	case <-done:
	case <-h.wake:
	case <-timer.C:
	}
}

// Check wakes the loop. It returns an error when the loop makes no turn before
// ctx ends.
func (h *Heartbeat) Check(ctx context.Context) error {
	turn := h.next()
	select {
	case h.wake <- struct{}{}:
	default: // it has yet to take the last one
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the loop %q does not go on", h.name)
	}
}
