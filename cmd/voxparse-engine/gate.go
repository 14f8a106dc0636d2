package main

import (
	"slices"
	"sync"
)

// gate says which recognizers may run: as many as there are cores granted.
// It is how two files share the cores without ever using more of them.
type gate struct {
	mu      sync.Mutex
	cores   []int         // granted; recognizer i runs on cores[i]
	running map[int]bool  // recognizers inside
	changed chan struct{} // closed and replaced at each change of cores or running
}

func newGate() *gate {
	return &gate{running: map[int]bool{}, changed: make(chan struct{})}
}

// signal wakes whoever waits for a change. The caller holds the lock.
func (g *gate) signal() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// enter waits until recognizer i may run and returns its core; ok is false
// once stop is closed. What it returns as moved is closed at the next change:
// then i is to leave and to enter again.
func (g *gate) enter(i int, stop <-chan struct{}) (core int, moved <-chan struct{}, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		if i < len(g.cores) {
			g.running[i] = true
			return g.cores[i], g.changed, true
		}
		wait := g.changed
		g.mu.Unlock()
		select {
		case <-wait:
		case <-stop:
			g.mu.Lock()
			return 0, nil, false
		}
		g.mu.Lock()
	}
}

// leave says that recognizer i stands still.
func (g *gate) leave(i int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.running, i)
	if i >= len(g.cores) {
		g.signal() // set waits for this
	}
}

// set grants cores and returns once no recognizer runs beyond them.
func (g *gate) set(cores []int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cores = slices.Clone(cores)
	g.signal()
	for {
		busy := false
		for i := range g.running {
			busy = busy || i >= len(g.cores)
		}
		if !busy {
			return
		}
		wait := g.changed
		g.mu.Unlock()
		<-wait
		g.mu.Lock()
	}
}
