package dispatch

import (
	"sync"
	"time"
)

// workers are goroutines that outlive one attempt: a fresh one would grow its
// stack anew each time.
type workers struct{ work chan func() }

// workerIdle is how long a worker waits for more to do.
const workerIdle = 10 * time.Second

// do runs fn in a worker that is idle, or in a new one.
func (w *workers) do(tasks *sync.WaitGroup, fn func()) {
	select {
	case w.work <- fn:
		return
	default:
	}
	tasks.Go(func() {
		idle := time.NewTimer(workerIdle)
		defer idle.Stop()
		for {
			fn()
			idle.Reset(workerIdle)
			select {
			case next, ok := <-w.work:
				if !ok {
					return
				}
				fn = next
			case <-idle.C:
				return
			}
		}
	})
}

// close lets the idle workers end. Nothing is given to do any more.
func (w *workers) close() { close(w.work) }
