package feed

import "sync"

// Broadcast wakes any number of waiters at once. The zero value is ready.
type Broadcast struct {
	mu sync.Mutex
	c  chan struct{} // nil while nobody waits
}

// Wait returns a channel that the next Notify closes.
func (b *Broadcast) Wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		b.c = make(chan struct{})
	}
	return b.c
}

// Notify wakes everybody who waits now.
func (b *Broadcast) Notify() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c != nil {
		close(b.c)
		b.c = nil
	}
}
