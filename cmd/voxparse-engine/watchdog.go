package main

import (
	"sync"
	"time"
)

// leastBusy is the share of the time that a process computes which is stuck in
// its input: it may be one of many on a busy machine.
const leastBusy = 0.1

// watchdog ends a process that gives nothing for too long, and knows whether it
// was at work meanwhile: one that computes all the time is stuck in its input,
// one that gets no processor time or no answer from a disk is not.
type watchdog struct {
	used func() (float64, bool) // processor seconds of the process so far; false: not known
	kill func()

	mu     sync.Mutex
	timer  *time.Timer
	wait   time.Duration // half the time that it may take
	half   bool          // the first half has passed
	before float64       // used at that time
	bit    bool          // it was killed
	busy   bool          // and was at work
}

// start gives the process so much time from now on.
func (d *watchdog) start(most time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wait, d.half = most/2, false
	if d.timer == nil {
		d.timer = time.AfterFunc(d.wait, d.expire)
		return
	}
	d.timer.Reset(d.wait)
}

// stop ends the wait and reports whether it was not too long.
func (d *watchdog) stop() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	d.wait = 0
	return !d.bit
}

// expire is called after each half of the time.
func (d *watchdog) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wait == 0 {
		return // stopped meanwhile
	}
	used, known := d.used()
	if !d.half {
		d.half, d.before = true, used
		d.timer.Reset(d.wait)
		return
	}
	d.bit, d.busy = true, !known || used-d.before > d.wait.Seconds()*leastBusy
	d.kill()
}

// wasBusy reports whether a process that was killed was at work.
func (d *watchdog) wasBusy() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.busy
}
