package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/models"
	"github.com/voxparse/voxparse/internal/models/modelstest"
)

// hangEnv makes the test program a decoder that never gives anything.
const hangEnv = "VOXPARSE_HANGING_DECODER"

// TestMain lets the test program be the decoder that a worker starts, and a
// process of a layout.
func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(hangEnv) != "":
		err = writeFrame(bufio.NewWriter(os.Stdout), frameReady, nil)
		for os.Getenv(hangEnv) == "busy" {
		}
		if err == nil {
			_, err = io.Copy(io.Discard, os.Stdin)
		}
	case slices.Contains(os.Args, "decode"):
		err = serveDecoder(os.Args[2])
	case slices.Contains(os.Args, "recognize"):
		err = recognizeAlone(os.Args[2])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// tiny is the default model.
func tiny(tb testing.TB) engine.Model {
	tb.Helper()
	return engine.Model{Name: models.Default, Family: "moonshine", Language: "en", Files: modelstest.Files(tb)}
}

// bench is a worker in this process, with what it reported.
type bench struct {
	*worker
	mu      sync.Mutex
	reports []engine.Report
}

// newBench returns a worker with n cores and a decoder that is warm.
func newBench(tb testing.TB, n int) *bench {
	tb.Helper()
	r, pipe, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	b := &bench{worker: &worker{cache: modelstest.Cache(tb), gate: newGate(), pipe: pipe}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := engine.Lines(r); lines.Scan(); {
			rep, err := engine.ParseReport(lines.Bytes())
			if err != nil {
				tb.Errorf("read a report: %v", err)
				return
			}
			b.mu.Lock()
			b.reports = append(b.reports, rep)
			b.mu.Unlock()
		}
	}()
	tb.Cleanup(func() {
		b.unload()
		if b.child != nil {
			b.child.stop()
		}
		pipe.Close()
		<-read
		r.Close()
	})
	cores := make([]int, n)
	for i := range cores {
		cores[i] = i
	}
	b.gate.set(cores)
	return b
}

// last waits for the report that ends the latest task.
func (b *bench) last(tb testing.TB) engine.Report {
	tb.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		b.mu.Lock()
		n := len(b.reports)
		var r engine.Report
		if n > 0 {
			r = b.reports[n-1]
		}
		b.mu.Unlock()
		if r.Type == engine.ReportDone || r.Type == engine.ReportFailed {
			return r
		}
	}
	tb.Fatal("got no end of the task, want one")
	return engine.Report{}
}

// audio returns the path of a file of testdata.
func audio(tb testing.TB, name string) string {
	tb.Helper()
	p, err := filepath.Abs(filepath.Join("..", "..", "testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// recordingPaths are the files of testdata/audio.
func recordingPaths(tb testing.TB) []string {
	tb.Helper()
	paths, err := filepath.Glob(audio(tb, "audio/*.wav"))
	if err != nil {
		tb.Fatal(err)
	}
	if len(paths) != 5 {
		tb.Fatalf("got %d recordings, want 5", len(paths))
	}
	return paths
}

// samplesOf reads a mono WAV file.
func samplesOf(path string) ([]float32, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []float32
	for b = b[44:]; len(b) >= 2; b = b[2:] {
		out = append(out, float32(int16(binary.LittleEndian.Uint16(b)))/32768)
	}
	return out, nil
}

// recordings are all of testdata/audio one after the other, with a second of
// pause before each.
func recordings(tb testing.TB) []float32 { return spaced(tb, sampleRate) }

// spaced are all of testdata/audio one after the other, with so many samples of
// pause before each.
func spaced(tb testing.TB, pause int) []float32 {
	tb.Helper()
	var out []float32
	for _, path := range recordingPaths(tb) {
		samples, err := samplesOf(path)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(append(out, make([]float32, pause)...), samples...)
	}
	return out
}
