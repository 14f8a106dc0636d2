package main

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/voxparse/voxparse/engine"
)

// crew is the recognisers of one model: one thread each, as many at work as
// the gate lets in. Pieces are recognised in parallel; whoever hands one in
// waits for its own answer, so that order is the caller's affair.
type crew struct {
	model    engine.Model
	language string
	pin      bool
	gate     *gate
	work     chan *assignment
	stop     chan struct{} // closed when the recognisers are to end
	steps    *atomic.Uint64
	done     sync.WaitGroup

	mu     sync.Mutex
	fault  error         // why a recogniser could not be loaded
	bad    chan struct{} // closed once fault is set
	loaded chan struct{} // closed once the first recogniser is there
	once   sync.Once
}

// assignment is one piece on its way through the crew.
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
}

// newCrew starts n recognisers, which load their model when the gate first
// lets them in.
func newCrew(m engine.Model, language string, pin bool, n int, g *gate, steps *atomic.Uint64) *crew {
	c := &crew{model: m, language: language, pin: pin, gate: g, steps: steps,
		work: make(chan *assignment), stop: make(chan struct{}), bad: make(chan struct{}), loaded: make(chan struct{})}
	for i := range n {
		c.done.Go(func() { c.recogniser(i) })
	}
	return c
}

// fits reports whether the crew can do t.
func (c *crew) fits(t *engine.Task, language string) bool {
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

// fail records why the crew cannot work.
func (c *crew) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault == nil {
		c.fault = err
		close(c.bad)
	}
}

// err is why the crew cannot work, once bad is closed.
func (c *crew) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault
}

// wait returns once the first recogniser is loaded. The others load the same
// files: they will not fail.
func (c *crew) wait() error {
	select {
	case <-c.loaded:
		return nil
	case <-c.bad:
		return c.err()
	}
}

// close ends the recognisers and waits for them. Nothing may be handed in.
func (c *crew) close() {
	close(c.stop)
	c.done.Wait()
}

// recogniser is the life of one thread.
func (c *crew) recogniser(i int) {
	// Never unlocked: a thread that was bound to a core ends with its goroutine.
	runtime.LockOSThread()
	all := allCores()
	var rec *recogniser
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
			r, err := newRecogniser(c.model, c.language)
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
		more := c.serve(rec, moved)
		c.gate.leave(i)
		if !more {
			return
		}
	}
}

// place binds this thread to its core where that is asked for.
func (c *crew) place(core int, all coreSet) error {
	if !c.pin {
		return nil
	}
	if err := pinThread(core); err != nil {
		// The core may have gone: any other will do.
		return unpinThread(all)
	}
	return nil
}

// serve recognises pieces until the gate moves; false once there is no more.
func (c *crew) serve(rec *recogniser, moved <-chan struct{}) bool {
	for {
		select {
		case <-moved:
			return true
		default:
		}
		select {
		case <-moved:
			return true
		case <-c.stop:
			return false
		case a := <-c.work:
			began := threadSeconds()
			a.parts, a.mended = mend(a.piece, func(feed []float32) heard {
				defer c.steps.Add(1)
				return rec.recognise(feed)
			}, 0)
			a.seconds = threadSeconds() - began
			close(a.answer)
		}
	}
}

// mend recognises p. If what comes out loops, the piece is cut in two at its
// quietest point and each half is tried by itself; a half that still loops
// says its repeated words once.
func mend(p piece, recognise func([]float32) heard, depth int) ([]part, bool) {
	const maxDepth, minHalf = 2, sampleRate
	h := recognise(p.feed)
	feedStart := p.start - int64(p.lead)
	whole := part{start: p.start, end: p.end, feedStart: feedStart, heard: h}
	if !looping(h, float64(p.end-p.start)/sampleRate) {
		return []part{whole}, depth > 0
	}
	if depth == maxDepth || p.end-p.start < 2*minHalf {
		whole.heard.text = dropLoop(h.text)
		whole.heard.words = whole.heard.words[:min(len(whole.heard.words), len(plainWords(whole.heard.text)))]
		return []part{whole}, true
	}
	speech := p.feed[p.lead : p.lead+int(p.end-p.start)]
	at := quietest(speech, minHalf, len(speech)-minHalf)
	first, _ := mend(cutPiece(p, 0, at), recognise, depth+1)
	second, _ := mend(cutPiece(p, at, len(speech)), recognise, depth+1)
	return append(first, second...), true
}

// cutPiece is the part of p's speech between from and to, padded with silence.
func cutPiece(p piece, from, to int) piece {
	feed := make([]float32, padBefore+to-from+padAfter)
	copy(feed[padBefore:], p.feed[p.lead+from:p.lead+to])
	return piece{channel: p.channel, start: p.start + int64(from), end: p.start + int64(to), feed: feed, lead: padBefore}
}
