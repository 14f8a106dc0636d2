//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/benchtest"
	"github.com/voxparse/voxparse/internal/models/modelstest"
)

// BenchmarkStartup measures a whole run of `voxparse version`.
func BenchmarkStartup(b *testing.B) {
	program := filepath.Join(binDir, "voxparse")
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if out, err := exec.CommandContext(b.Context(), program, "version").CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		took = append(took, time.Since(began))
	}
	benchtest.Quantiles(b, took)
}

// BenchmarkDaemonMemory measures the resident memory of a real daemon: once it
// is ready, after uploads, transcripts and searches, and once that is over for
// a while. Its workers are processes of their own, and are told apart.
func BenchmarkDaemonMemory(b *testing.B) {
	home := benchHome(b)
	for b.Loop() {
		daemon, cl := benchDaemon(b, home)
		pid := daemon.Process.Pid
		b.ReportMetric(residentMB(b, pid), "ready-MB")
		for _, path := range recordings(b)[:4] {
			if _, err := cl.Transcribe(b.Context(), fileUpload(b, path)); err != nil {
				b.Fatal(err)
			}
		}
		for { // until the index has been read in
			_, err := cl.Search(b.Context(), api.SearchRequest{Words: "marriage"})
			if err == nil {
				break
			}
			if !errors.Is(err, api.Unavailable) {
				b.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		b.ReportMetric(residentMB(b, pid), "worked-MB")
		b.ReportMetric(workersMB(b, pid), "workers-MB")
		time.Sleep(idleAfter)
		b.ReportMetric(residentMB(b, pid), "idle-MB")
		if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
			b.Fatal(err)
		}
		if err := daemon.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

// idleAfter is how long a daemon has had nothing to do when it counts as idle.
const idleAfter = 10 * time.Second

// benchHome returns the variables of a short home with model and decoder.
func benchHome(b *testing.B) []string {
	b.Helper()
	home, err := os.MkdirTemp("/tmp", "vpb")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(home) })
	if err := linkTree(warmDecoder(b), filepath.Join(home, "k", "voxparse", "decoder")); err != nil {
		b.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(home, "r"), 0o700); err != nil {
		b.Fatal(err)
	}
	return []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + home + "/r", "XDG_DATA_HOME=" + home + "/d", "XDG_CONFIG_HOME=" + home + "/c",
		"XDG_CACHE_HOME=" + home + "/k", "VOXPARSE_MODELS_DIR=" + modelstest.Dir(b), "VOXPARSE_NO_KEYRING=1", "PATH=" + os.Getenv("PATH")}
}

// benchDaemon starts a daemon and waits until it answers.
func benchDaemon(b *testing.B, env []string) (*exec.Cmd, *client.Client) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), filepath.Join(binDir, "voxparse"), "daemon", "run")
	var said lockedBuffer
	cmd.Env, cmd.Stderr = env, &said
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	cl := client.New(filepath.Join(strings.TrimPrefix(env[1], "XDG_RUNTIME_DIR="), "voxparse", "voxparse.sock"))
	b.Cleanup(cl.Close)
	for end := time.Now().Add(stuck); ; time.Sleep(5 * time.Millisecond) {
		if h, err := cl.Health(b.Context()); err == nil && h.Status == "ok" {
			return cmd, cl
		}
		if time.Now().After(end) {
			b.Fatalf("the daemon does not answer\n%s", said.String())
		}
	}
}

func recordings(b *testing.B) []string {
	b.Helper()
	files, err := filepath.Glob("../../testdata/audio/*.wav")
	if err != nil || len(files) < 4 {
		b.Fatalf("got %d recordings, %v", len(files), err)
	}
	return files
}

func fileUpload(b *testing.B, path string) client.Upload {
	b.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	return client.Upload{Name: filepath.Base(path), Size: int64(len(data)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// residentMB is what a process holds in memory.
func residentMB(b *testing.B, pid int) float64 {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

// workersMB is what the children of a process hold, together.
func workersMB(b *testing.B, parent int) float64 {
	b.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err != nil {
		b.Fatal(err)
	}
	sum := 0.0
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, f := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(f); err == nil {
				sum += residentMB(b, pid)
			}
		}
	}
	return sum
}
