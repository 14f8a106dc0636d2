package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/internal/engine"
)

// beatEvery is the time between two heartbeats.
const beatEvery = time.Second

// worker is this process at work: what lives longer than one task.
type worker struct {
	cache string
	gate  *gate
	steps atomic.Uint64 // grows while something gets on

	out         sync.Mutex // one report at a time
	pipe        *os.File
	recognizers *recognizerPool
	detectors   []*detector // of the model of recognizers, one per channel
	child       *decoder    // ready for the next file; nil: to be started
}

// work takes orders until stdin ends, which ends the process.
func work(cache string) error {
	pipe, err := takeStdout()
	if err != nil {
		return err
	}
	dropModule()
	w := &worker{cache: cache, gate: newGate(), pipe: pipe}
	w.report(engine.Report{Type: engine.ReportHello, Protocol: engine.ProtocolVersion, PID: os.Getpid()})
	go w.beat()
	w.child, err = startDecoder(cache) // it warms up while the model loads
	if err != nil {
		return err
	}
	tasks := make(chan engine.Order) // unbuffered: one at a time
	go w.serve(tasks)
	lines := engine.Lines(os.Stdin)
	for lines.Scan() {
		order, err := engine.ParseOrder(lines.Bytes())
		if err != nil {
			return err
		}
		if order.Type == engine.OrderCores {
			w.setCores(order.Cores)
			continue
		}
		select {
		case tasks <- order:
		case <-time.After(beatEvery): // it is just done with the last one
			return errors.New("a second task before the first was done")
		}
	}
	return lines.Err() // the pool is gone, or wants us gone: end with all threads
}

// setCores moves the recognizers to cores, then says so.
func (w *worker) setCores(cores []int) {
	if n := runtime.NumCPU(); len(cores) > n {
		cores = cores[:n]
	}
	w.gate.set(cores)
	w.report(engine.Report{Type: engine.ReportCores, Cores: cores})
}

// beat reports that the process lives, and how far it got.
func (w *worker) beat() {
	for range time.Tick(beatEvery) {
		w.report(engine.Report{Type: engine.ReportBeat, Steps: w.steps.Load()})
	}
}

// report sends r. A pool that does not listen any more is the end of us.
func (w *worker) report(r engine.Report) {
	w.out.Lock()
	defer w.out.Unlock()
	if err := engine.WriteLine(w.pipe, r); err != nil {
		fmt.Fprintln(os.Stderr, "voxparse-engine:", err)
		os.Exit(1)
	}
}

// serve does one task after another.
func (w *worker) serve(tasks <-chan engine.Order) {
	do := map[string]func(*engine.Task) error{
		engine.OrderTranscribe: w.transcribe, engine.OrderSilence: w.silence, engine.OrderTurns: w.turns,
	}
	for o := range tasks {
		if err := do[o.Type](o.Job); err != nil {
			var fault *engine.Error
			if !errors.As(err, &fault) {
				fault = ourFault(err)
			}
			w.report(engine.Report{Type: engine.ReportFailed, Job: o.Job.ID, Code: fault.Code, Message: fault.Message, Transient: fault.Transient})
		}
	}
}
