package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/internal/engine"
)

// layout is a way to put recognizers on the cores: in one process or several,
// bound to a core each or left to the scheduler.
type layout struct {
	processes, threads int // threads of each process
	pin                bool
}

// layoutOrder is what a process of a layout is told, in its last argument.
type layoutOrder struct {
	Model  engine.Model
	Audio  []string
	Cores  []int // one thread for each
	Pin    bool
	Passes int // over Audio
}

// recognizeAlone is a process of a layout: it gets ready, says so, waits for a
// line, recognizes and ends.
func recognizeAlone(arg string) error {
	var o layoutOrder
	if err := json.Unmarshal([]byte(arg), &o); err != nil {
		return err
	}
	var feeds [][]float32
	for _, path := range o.Audio {
		samples, err := samplesOf(path)
		if err != nil {
			return err
		}
		feed := make([]float32, padBefore+len(samples)+padAfter)
		copy(feed[padBefore:], samples)
		feeds = append(feeds, feed)
	}
	recs := make([]recognizer, len(o.Cores))
	for i := range recs {
		rec, err := (&loader{model: o.Model, language: "en", steps: func() {}}).open()
		if err != nil {
			return err
		}
		if _, err := rec.recognize(feeds[:1]); err != nil {
			return err
		}
		recs[i] = rec
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for i, rec := range recs {
		wg.Go(func() {
			runtime.LockOSThread()
			if o.Pin {
				if err := pinThread(o.Cores[i]); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}
			for range o.Passes {
				if _, err := rec.recognize(feeds); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// run has the layout recognize o.Audio so many times in each thread, and
// returns how long that took.
func (l layout) run(b *testing.B, o layoutOrder) time.Duration {
	b.Helper()
	var cmds []*exec.Cmd
	var gos []func() error
	for p := range l.processes {
		o.Pin, o.Cores = l.pin, nil
		for t := range l.threads {
			o.Cores = append(o.Cores, p*l.threads+t)
		}
		arg, err := json.Marshal(o)
		if err != nil {
			b.Fatal(err)
		}
		cmd := exec.CommandContext(b.Context(), os.Args[0], "recognize", string(arg))
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		cmds = append(cmds, cmd)
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			b.Fatalf("a process of the layout did not get ready: %v", err)
		}
		gos = append(gos, func() error { _, err := fmt.Fprintln(in); return err })
	}
	began := time.Now()
	for _, g := range gos {
		if err := g(); err != nil {
			b.Fatal(err)
		}
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

// BenchmarkLayout compares the ways to put recognizers on the cores, without
// decoding and detection.
func BenchmarkLayout(b *testing.B) {
	n := runtime.NumCPU()
	tests := []struct {
		name string
		layout
	}{
		{"one recognizer", layout{1, 1, false}},
		{"threads", layout{1, n, false}},
		{"pinned threads", layout{1, n, true}},
		{"processes", layout{n, 1, false}},
		{"pinned processes", layout{n, 1, true}},
	}
	length := float64(0)
	for _, path := range recordingPaths(b) {
		samples, err := samplesOf(path)
		if err != nil {
			b.Fatal(err)
		}
		length += seconds(int64(len(samples)))
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			o := layoutOrder{Model: tiny(b), Audio: recordingPaths(b), Passes: 3}
			var took time.Duration
			for b.Loop() {
				took += tt.run(b, o)
			}
			all := length * float64(b.N*o.Passes*tt.processes*tt.threads)
			b.ReportMetric(all/took.Seconds(), "audio_s/s")
		})
	}
}
