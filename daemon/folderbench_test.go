package daemon_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/benchtest"
	"github.com/voxparse/voxparse/store"
)

// benchSettle is the settle time of the folders that are measured.
const benchSettle = 200 * time.Millisecond

// blocked starts a daemon whose jobs never end, with one folder.
func blocked(b *testing.B) (f *fixture, folder api.Folder, dir string) {
	b.Helper()
	dir = b.TempDir()
	f = start(b, nil)
	f.fake.block = true
	return f, f.addFolder(dir, quick(func(o *api.FolderOptions) { o.Settle = benchSettle.String() })), dir
}

// recorded waits until n files of a folder are in the store.
func (f *fixture) recorded(folder string, n int) {
	f.t.Helper()
	for got := -1; got < n; time.Sleep(200 * time.Microsecond) {
		counts, err := f.Store().CountFiles(context.Background(), folder)
		if err != nil {
			f.t.Fatal(err)
		}
		got = counts[store.FileQueued] + counts[store.FileSkipped]
	}
}

// BenchmarkFromFinishedCopyToAcceptedJob reports the time from the end of a
// copy until its job is durable, beyond the settle time.
func BenchmarkFromFinishedCopyToAcceptedJob(b *testing.B) {
	f, folder, dir := blocked(b)
	var took []time.Duration
	for b.Loop() {
		path := filepath.Join(dir, fmt.Sprintf("%d.mp3", len(took)))
		if err := os.WriteFile(path, audio(path), 0o644); err != nil {
			b.Fatal(err)
		}
		end := time.Now()
		f.recorded(folder.ID, len(took)+1)
		took = append(took, time.Since(end)-benchSettle)
	}
	benchtest.Quantiles(b, took)
}

// BenchmarkAcceptADropOf10000 reports how fast files are accepted that are
// dropped at once, without the settle time.
func BenchmarkAcceptADropOf10000(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		f, folder, dir := blocked(b)
		begun := time.Now()
		for i := range n {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.mp3", i)), audio(strconv.Itoa(i)), 0o644); err != nil {
				b.Fatal(err)
			}
		}
		f.recorded(folder.ID, n)
		b.ReportMetric(n/(time.Since(begun)-benchSettle).Seconds(), "files/s")
		if err := f.shutdown(); err != nil {
			b.Fatal(err)
		}
	}
}

// known100000 makes a home whose daemon knows 100,000 files of a folder.
func known100000(b *testing.B) (home, folder string) {
	b.Helper()
	home, dir := shortDir(b), b.TempDir()
	for i := range 100_000 {
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
	p := startProcess(b, home)
	v, err := p.AddWatch(b.Context(), api.FolderRequest{Dir: dir, Options: quick(nil), Existing: "ignore"})
	if err != nil {
		b.Fatal(err)
	}
	if n := v.Counts[string(store.FileIgnored)]; n != 100_000 {
		b.Fatalf("got %d files known, want 100,000", n)
	}
	if err := p.terminate(); err != nil {
		b.Fatal(err)
	}
	return home, v.ID
}

// startScanned starts a daemon and waits until it has scanned the folder.
func startScanned(b *testing.B, home, folder string) *daemonProcess {
	b.Helper()
	p := startProcess(b, home)
	until(b, "the first scan", func() bool {
		v, err := p.Watch(b.Context(), folder)
		return err == nil && !v.LastScan.IsZero()
	})
	return p
}

// BenchmarkStartWith100000KnownFiles reports the time from the start of a
// daemon to the end of its first scan.
func BenchmarkStartWith100000KnownFiles(b *testing.B) {
	home, folder := known100000(b)
	for b.Loop() {
		p := startScanned(b, home, folder)
		b.StopTimer()
		if err := p.terminate(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkIdleWith100000Files reports what a daemon costs that watches 100,000
// known files in which nothing happens, over ten seconds.
func BenchmarkIdleWith100000Files(b *testing.B) {
	home, folder := known100000(b)
	p := startScanned(b, home, folder)
	for b.Loop() {
		cpu, at := spent(b, p.cmd.Process.Pid), time.Now()
		time.Sleep(10 * time.Second)
		b.ReportMetric(100*(spent(b, p.cmd.Process.Pid)-cpu).Seconds()/time.Since(at).Seconds(), "%cpu")
	}
	b.ReportMetric(float64(resident(b, p.cmd.Process.Pid))/(1<<20), "MB")
	b.ReportMetric(0, "ns/op")
}

// spent is the processor time that a process has used.
func spent(b *testing.B, pid int) time.Duration {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("no /proc here")
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')'):]))
	ticks := 0
	for _, field := range fields[12:14] { // user and system time
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// resident is the memory that a process has in use, in bytes.
func resident(b *testing.B, pid int) int64 {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Skip("no /proc here")
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
