package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/internal/engine"
)

// What the benchmarks read from the environment: a file to use in place of the
// recordings, and the length in seconds to repeat the recordings to.
const (
	benchAudio   = "VOXPARSE_BENCH_AUDIO"
	benchSeconds = "VOXPARSE_BENCH_SECONDS"
)

// benchLength is the length to use where the environment names none.
func benchLength(tb testing.TB, otherwise int) int {
	tb.Helper()
	s := os.Getenv(benchSeconds)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n <= 0 {
		tb.Fatalf("%s=%q: want a number of seconds", benchSeconds, s)
	}
	return n
}

// long makes a WAV file of about so many seconds: the recordings, over and
// over.
func long(tb testing.TB, length int) string {
	tb.Helper()
	var once bytes.Buffer
	for _, v := range recordings(tb) {
		binary.Write(&once, binary.LittleEndian, int16(v*32768)) // a Buffer takes everything
	}
	times := max(1, 2*sampleRate*length/once.Len())
	path := filepath.Join(tb.TempDir(), "long.wav")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	out := bufio.NewWriter(f)
	size := uint32(times * once.Len())
	fmt.Fprint(out, "RIFF")
	binary.Write(out, binary.LittleEndian, size+36)
	fmt.Fprint(out, "WAVEfmt ")
	binary.Write(out, binary.LittleEndian, []uint32{16, 1 | 1<<16, sampleRate, 2 * sampleRate, 2 | 16<<16})
	fmt.Fprint(out, "data")
	binary.Write(out, binary.LittleEndian, size)
	for range times {
		out.Write(once.Bytes())
	}
	if err := out.Flush(); err != nil { // it keeps the first error
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// processorSeconds is the processor time so far of this process, and of the
// worker's decoder.
func (b *bench) processorSeconds(tb testing.TB) (own, decoder float64) {
	tb.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		tb.Fatal(err)
	}
	own = float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
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
		decoder += n / ticks
	}
	return own, decoder
}

// pieces returns what the pipeline would feed the recognizers with for path.
func (b *bench) pieces(tb testing.TB, path string) (out []piece, length float64) {
	tb.Helper()
	j := &job{w: b.worker, task: &engine.Task{ID: "job_pieces"}, channels: 1, began: time.Now(), failed: make(chan struct{})}
	s := newSink(j)
	s.channels[0].detector.reset()
	s.channels[0].segmenter.emit = func(p piece) { out = append(out, p) }
	end, _, err := b.child.decode(context.Background(), decodeRequest{Path: path, Name: path}, func(header) error { return nil }, s.pcm)
	if err != nil {
		tb.Fatal(err)
	}
	s.finish()
	return out, seconds(end.Samples)
}

// alone has the recognizers recognize pieces and nothing else, on every core.
func (b *bench) alone(pieces []piece) time.Duration {
	began := time.Now()
	j := &job{w: b.worker, order: make(chan *assignment, len(pieces)), failed: make(chan struct{})}
	for _, p := range pieces {
		j.hand(p)
	}
	j.flush()
	close(j.order)
	for a := range j.order {
		<-a.answer
	}
	return time.Since(began)
}

// BenchmarkPipeline compares the whole way of a file, decoding and detection
// included, with what the recognizers reach alone on the same pieces: by the
// clock, and by the share of the processor time that went to recognition, which
// a busy machine does not blur. The two take turns, over half an hour of audio
// or more, since the speed of a shared machine drifts.
func BenchmarkPipeline(b *testing.B) {
	const leastAudio = 1800 // seconds
	path := os.Getenv(benchAudio)
	if path == "" {
		path = long(b, benchLength(b, 120))
	}
	w := newBench(b, runtime.NumCPU())
	task := &engine.Task{ID: "job_bench", Path: audio(b, "formats/pcm_s16.wav"), Name: "a.wav", Model: tiny(b)}
	if err := w.transcribe(task); err != nil { // warms everything
		b.Fatal(err)
	}
	pieces, length := w.pieces(b, path)
	task.Path, task.Name = path, filepath.Base(path)
	var sum spending
	var alone, heard float64
	for b.Loop() {
		for began := heard; heard == began || heard < began+leastAudio; heard += length {
			alone += w.alone(pieces).Seconds()
			sum.add(w.spend(b, task))
		}
	}
	b.ReportMetric(heard/sum.wall, "audio_s/s")
	b.ReportMetric(heard/alone, "alone_s/s")
	b.ReportMetric(alone/sum.wall, "of_alone")
	b.ReportMetric(heard/sum.cpu, "audio_s/core_s")
	b.ReportMetric(sum.recognize/sum.cpu, "cpu_recognize")
	b.ReportMetric(sum.detect/sum.cpu, "cpu_detect")
	b.ReportMetric(sum.decode/sum.cpu, "cpu_decode")
}

// spending is what a file takes, in seconds: by the clock, and of processor
// time in all and for what.
type spending struct{ wall, cpu, decode, detect, recognize float64 }

func (s *spending) add(o spending) {
	s.wall += o.wall
	s.cpu += o.cpu
	s.decode += o.decode
	s.detect += o.detect
	s.recognize += o.recognize
}

// spend transcribes t and returns what that took.
func (b *bench) spend(tb testing.TB, t *engine.Task) spending {
	tb.Helper()
	own, child := b.processorSeconds(tb)
	began := time.Now()
	if err := b.transcribe(t); err != nil {
		tb.Fatal(err)
	}
	wall := time.Since(began).Seconds()
	ownAfter, childAfter := b.processorSeconds(tb)
	st := b.last(tb).Stats
	return spending{wall, ownAfter - own + childAfter - child, childAfter - child, st.Detect, st.Recognize}
}

// BenchmarkMemory reports the most memory that the worker and its decoder had
// for files of two lengths, or of the one that the environment names.
func BenchmarkMemory(b *testing.B) {
	lengths := []int{60, 600}
	if n := benchLength(b, 0); n > 0 {
		lengths = []int{n}
	}
	for _, length := range lengths {
		b.Run(fmt.Sprintf("%ds", length), func(b *testing.B) {
			w := newBench(b, runtime.NumCPU())
			path := long(b, length)
			runtime.GC()
			if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // begin the peak anew
				b.Fatal(err)
			}
			task := &engine.Task{ID: "job_memory", Path: path, Name: "long.wav", Model: tiny(b)}
			for b.Loop() {
				if err := w.transcribe(task); err != nil {
					b.Fatal(err)
				}
			}
			own, decoder := peakOf(b, os.Getpid()), peakOf(b, w.child.cmd.Process.Pid)
			b.ReportMetric(own+decoder, "peak_MB")
			b.ReportMetric(decoder, "decoder_MB")
			b.ReportMetric(w.last(b).Duration, "audio_s")
		})
	}
}

// peakOf is the most resident memory that process pid has had, in MB.
func peakOf(tb testing.TB, pid int) float64 {
	tb.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	tb.Fatalf("got no peak of process %d", pid)
	return 0
}
