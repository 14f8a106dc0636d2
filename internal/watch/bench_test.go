package watch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

// manyFiles makes n small files in folders of a thousand.
func manyFiles(b *testing.B, n int) string {
	b.Helper()
	dir := b.TempDir()
	for i := range n {
		sub := filepath.Join(dir, fmt.Sprintf("d%03d", i/1000))
		if i%1000 == 0 {
			if err := os.Mkdir(sub, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("call-%06d.mp3", i)), []byte("x"), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// knowAll makes a Watcher whose every file is accounted for.
func knowAll(w *Watcher) {
	w.opt.Known = func(_ context.Context, files []Found) []Seen {
		return slices.Repeat([]Seen{{Accounted: true}}, len(files))
	}
}

func BenchmarkScanOf100000KnownFiles(b *testing.B) {
	dir := manyFiles(b, 100_000)
	r := start(b, dir, api.FolderOptions{Recursive: true}, knowAll)
	r.watching()
	for b.Loop() {
		r.scanned()
	}
}

// BenchmarkIdleWatching100000Files reports what a folder costs in which nothing
// happens, over a few seconds.
func BenchmarkIdleWatching100000Files(b *testing.B) {
	dir := manyFiles(b, 100_000)
	r := start(b, dir, api.FolderOptions{Recursive: true}, func(w *Watcher) {
		knowAll(w)
		w.intervals.presence = 5 * time.Second // as it is in use
	})
	r.watching()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	for b.Loop() {
		cpu, at := cpuTime(b), time.Now()
		time.Sleep(11 * time.Second)
		b.ReportMetric(100*(cpuTime(b)-cpu).Seconds()/time.Since(at).Seconds(), "%cpu")
	}
	b.ReportMetric(float64(m.HeapInuse)/(1<<20), "MiB-heap")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkFromFinishedToReady reports the time from the end of a write to
// Ready, beyond the settle time.
func BenchmarkFromFinishedToReady(b *testing.B) {
	at := make(chan time.Time, 1)
	r := start(b, "", api.FolderOptions{}, func(w *Watcher) {
		accept := w.opt.Ready
		w.opt.Ready = func(ctx context.Context, files []Candidate) error {
			at <- time.Now()
			return accept(ctx, files)
		}
	})
	r.watching()
	total, n := time.Duration(0), 0
	for b.Loop() {
		writeFile(b, filepath.Join(r.dir, fmt.Sprintf("%d.mp3", n)), "audio")
		end := time.Now()
		total += (<-at).Sub(end) - testSettle
		n++
	}
	b.ReportMetric(float64(total.Microseconds())/float64(n)/1000, "ms-beyond-settle")
}

func BenchmarkDropOf10000Files(b *testing.B) {
	for b.Loop() {
		r := start(b, "", api.FolderOptions{}, nil)
		r.watching()
		begin := time.Now()
		for i := range 10_000 {
			writeFile(b, filepath.Join(r.dir, fmt.Sprintf("%d.mp3", i)), fmt.Sprint(i))
		}
		r.wait(10_000)
		b.ReportMetric(10_000/(time.Since(begin)-testSettle).Seconds(), "files/s")
		r.stop()
	}
}
