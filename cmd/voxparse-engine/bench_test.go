package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/engine"
)

// processorSeconds is the processor time so far of this process and of the
// worker's decoder.
func (b *bench) processorSeconds(tb testing.TB) float64 {
	tb.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		tb.Fatal(err)
	}
	total := float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.child.cmd.Process.Pid))
	if err != nil {
		tb.Fatal(err)
	}
	const ticks = 100 // per second, on every Linux
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, f := range fields[11:13] {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			tb.Fatal(err)
		}
		total += n / ticks
	}
	return total
}

// pieces returns what the pipeline would feed the recognisers with for path.
func (b *bench) pieces(tb testing.TB, path string) (out []piece, length float64) {
	tb.Helper()
	j := &job{w: b.worker, task: &engine.Task{ID: "job_pieces"}, channels: 1, began: time.Now(), failed: make(chan struct{})}
	s := newSink(j)
	s.channels[0].detector.reset()
	s.channels[0].segmenter.emit = func(p piece) { out = append(out, p) }
	if b.child == nil {
		child, err := startDecoder(b.cache)
		if err != nil {
			tb.Fatal(err)
		}
		b.child = child
	}
	end, err := b.child.decode(context.Background(), decodeOrder{Path: path, Name: path, Channels: 1}, func(header) {}, s.pcm)
	if err != nil {
		tb.Fatal(err)
	}
	s.finish()
	return out, seconds(end.Samples)
}

// alone has the crew recognise pieces and nothing else, on every core.
func (b *bench) alone(pieces []piece) time.Duration {
	began := time.Now()
	var wg sync.WaitGroup
	for _, p := range pieces {
		a := &assignment{piece: p, answer: make(chan struct{})}
		b.crew.work <- a
		wg.Go(func() { <-a.answer })
	}
	wg.Wait()
	return time.Since(began)
}

// BenchmarkPipeline compares the whole way of a file, decoding and detection
// included, with what the recognisers reach alone on the same pieces.
func BenchmarkPipeline(b *testing.B) {
	path := os.Getenv("VOXPARSE_BENCH_AUDIO")
	if path == "" {
		path = audio(b, "audio/sense_and_sensibility_01_austen_64kb-0870.wav")
	}
	w := newBench(b, runtime.NumCPU())
	task := &engine.Task{ID: "job_bench", Path: path, Name: path, Model: tiny(b)}
	if err := w.transcribe(task); err != nil { // warms everything
		b.Fatal(err)
	}
	pieces, length := w.pieces(b, path)
	var whole, alone, cpu, recognise, detect float64
	for b.Loop() {
		c := w.processorSeconds(b)
		began := time.Now()
		if err := w.transcribe(task); err != nil {
			b.Fatal(err)
		}
		whole += time.Since(began).Seconds()
		cpu += w.processorSeconds(b) - c
		st := w.last(b).Stats
		recognise += st.Recognise
		detect += st.Detect
		alone += w.alone(pieces).Seconds()
	}
	n := float64(b.N)
	b.ReportMetric(n*length/whole, "audio_s/s")
	b.ReportMetric(n*length/alone, "alone_s/s")
	b.ReportMetric(alone/whole, "of_alone")
	b.ReportMetric(n*length/cpu, "audio_s/core_s")
	b.ReportMetric(recognise/cpu, "cpu_recognising")
	b.ReportMetric(detect/cpu, "cpu_detecting")
	b.ReportMetric(float64(len(pieces)), "pieces")
}
