package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/voxparse/voxparse/internal/engine"
)

// recognizerPool has the recognizers of one model: one thread each, as many at work as
// the gate lets in. Pieces are recognized in parallel; whoever hands one in
// waits for its own answer, so that order is the caller's affair.
type recognizerPool struct {
	model    engine.Model
	language string
	pin      bool
	loader   *loader
	gate     *gate
	work     chan []*assignment // pieces to be recognized together
	stop     chan struct{}      // closed when the recognizers are to end
	steps    *atomic.Uint64
	done     sync.WaitGroup

	mu     sync.Mutex
	fault  error         // why a recognizer could not be loaded
	bad    chan struct{} // closed once fault is set
	loaded chan struct{} // closed once the first recognizer is there
	once   sync.Once
}

// assignment is one piece on its way through the recognizers.
type assignment struct {
	piece   piece
	answer  chan struct{} // closed once what follows is there
	parts   []part
	seconds float64 // of processor time it took
	mended  bool    // its text looped
}

// part is what was heard in a piece, or in a part of one that had to be split.
type part struct {
	start, end int64 // samples from the start of the file
	feedStart  int64 // of the first sample that was fed
	heard      heard
	pauses     []pause // in it
}

// newRecognizerPool starts n recognizers, which load their model when the gate first
// lets them in.
func newRecognizerPool(m engine.Model, language string, pin bool, n int, g *gate, steps *atomic.Uint64) *recognizerPool {
	c := &recognizerPool{model: m, language: language, pin: pin, gate: g, steps: steps, work: make(chan []*assignment),
		loader: &loader{model: m, language: language, steps: func() { steps.Add(1) }},
		stop:   make(chan struct{}), bad: make(chan struct{}), loaded: make(chan struct{})}
	for i := range n {
		c.done.Go(func() { c.recognizer(i) })
	}
	return c
}

// fits reports whether the recognizers can do t.
func (c *recognizerPool) fits(t *engine.Task, language string) bool {
	if c.model.Name != t.Model.Name || c.model.Family != t.Model.Family || c.language != language || c.pin != t.Pin {
		return false
	}
	for role, path := range t.Model.Files {
		if c.model.Files[role] != path {
			return false
		}
	}
	return len(c.model.Files) == len(t.Model.Files)
}

// fail records why the recognizers cannot work.
func (c *recognizerPool) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault == nil {
		c.fault = err
		close(c.bad)
	}
}

// err is why the recognizers cannot work, once bad is closed.
func (c *recognizerPool) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault
}

// wait returns once the first recognizer is loaded. The others load the same
// files: they will not fail.
func (c *recognizerPool) wait() error {
	select {
	case <-c.loaded:
		return nil
	case <-c.bad:
		return c.err()
	}
}

// close ends the recognizers and waits for them. Nothing may be handed in.
func (c *recognizerPool) close() {
	close(c.stop)
	c.done.Wait()
	if err := c.loader.close(); err != nil {
		fmt.Fprintln(os.Stderr, "voxparse-engine:", err)
	}
}

// recognizer is the life of one thread.
func (c *recognizerPool) recognizer(i int) {
	// Never unlocked: a thread that was bound to a core ends with its goroutine.
	runtime.LockOSThread()
	all := allCores()
	var rec recognizer
	defer func() {
		if rec != nil {
			rec.close()
		}
	}()
	for {
		core, moved, ok := c.gate.enter(i, c.stop)
		if !ok {
			return
		}
		if rec == nil {
			r, err := c.loader.open()
			if err != nil {
				c.gate.leave(i)
				c.fail(err)
				return
			}
			rec = r
			c.steps.Add(1)
			c.once.Do(func() { close(c.loaded) })
		}
		if err := c.place(core, all); err != nil {
			c.gate.leave(i)
			c.fail(err)
			return
		}
		more, err := c.serve(rec, moved)
		c.gate.leave(i)
		if err != nil {
			c.fail(err)
		}
		if !more {
			return
		}
	}
}

// place binds this thread to its core where that is asked for.
func (c *recognizerPool) place(core int, all coreSet) error {
	if !c.pin {
		return nil
	}
	if err := pinThread(core); err != nil {
		// The core may have gone: any other will do.
		return unpinThread(all)
	}
	return nil
}

// serve recognizes pieces until the gate moves; more is false once there is
// nothing more to do.
func (c *recognizerPool) serve(rec recognizer, moved <-chan struct{}) (more bool, err error) {
	for {
		select {
		case <-moved:
			return true, nil
		default:
		}
		select {
		case <-moved:
			return true, nil
		case <-c.stop:
			return false, nil
		case group := <-c.work:
			if err := answer(rec, group); err != nil {
				return false, err
			}
		}
	}
}

// answer recognizes a group of pieces.
func answer(rec recognizer, group []*assignment) error {
	began := threadSeconds()
	feeds := make([][]float32, len(group))
	for i, a := range group {
		feeds[i] = a.piece.feed
	}
	first, err := rec.recognize(feeds)
	if err != nil {
		return fmt.Errorf("recognize: %w", err)
	}
	for i, a := range group {
		if a.parts, a.mended, err = choose(a.piece, first[i], rec); err != nil {
			return fmt.Errorf("recognize: %w", err)
		}
	}
	spent := (threadSeconds() - began) / float64(len(group))
	for _, a := range group {
		a.seconds = spent
		a.piece.feed = nil
		close(a.answer)
	}
	return nil
}
