package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/retry"
)

// wantGone checks that process pid has ended and been reaped.
func wantGone(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d: got %v, want it gone", pid, err)
	}
}

// fault returns err as an *engine.Error.
func fault(t *testing.T, err error) *engine.Error {
	t.Helper()
	var e *engine.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want an *engine.Error", err)
	}
	return e
}

func wantTransient(t *testing.T, err error, code string) {
	t.Helper()
	if e := fault(t, err); e.Code != code || !e.Transient || e.Retry {
		t.Errorf("got %+v, want code %s, transient", e, code)
	}
}

func wantRetry(t *testing.T, err error, code string) {
	t.Helper()
	if e := fault(t, err); e.Code != code || e.Transient || !e.Retry {
		t.Errorf("got %+v, want code %s, to be tried again", e, code)
	}
}

func wantFinal(t *testing.T, err error) {
	t.Helper()
	if e := fault(t, err); e.Transient || e.Retry {
		t.Errorf("got %+v, want it final", e)
	}
}

func TestAKilledWorkerOnlyDelaysItsFile(t *testing.T) {
	p := pool(t, func(c *engine.Config) { c.Workers = 1 })
	r := engine.Request{JobID: "job_kill", Path: recording(t, "0870"), Name: "a.wav"}
	var pid int
	_, err := p.Transcribe(t.Context(), r, tiny(t), func(pr api.Progress) {
		if pr.Stage == "transcribe" && pid == 0 {
			pid = p.Workers()[0].PID
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Errorf("kill the worker: %v", err)
			}
		}
	})
	wantRetry(t, err, api.JobEngineCrashed)
	wantGone(t, pid)
	if w := p.Workers()[0]; w.Restarts != 1 {
		t.Errorf("got %d restarts, want 1", w.Restarts)
	}
	res, err := p.Transcribe(t.Context(), r, tiny(t), nil)
	if err != nil {
		t.Fatalf("the next attempt: %v", err)
	}
	if !strings.Contains(res.Text, "leisure") {
		t.Errorf("got %q, want the whole text", res.Text)
	}
}

func TestADecoderThatDiedBetweenTwoFilesIsReplaced(t *testing.T) {
	p := pool(t, func(c *engine.Config) { c.Workers = 1 })
	r := engine.Request{JobID: "job_decoder", Path: recording(t, "0870"), Name: "a.wav"}
	if _, err := p.Transcribe(t.Context(), r, tiny(t), nil); err != nil { // starts the decoder
		t.Fatal(err)
	}
	worker := p.Workers()[0].PID
	if w := p.Workers()[0]; w.RSSBytes < residentOf(t, worker)+30<<20 {
		t.Errorf("got %d MB of memory, want that of the worker and its decoder", w.RSSBytes>>20)
	}
	for _, child := range children(t, worker) {
		if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Transcribe(t.Context(), r, tiny(t), nil); err != nil {
		t.Errorf("the next file: got %v, want a transcript: nothing is wrong with it", err)
	}
	if got := p.Workers()[0].PID; got != worker {
		t.Errorf("got worker %d, want still %d: only its decoder died", got, worker)
	}
}

// children lists the children of a process.
func children(t *testing.T, pid int) []int {
	t.Helper()
	var out []int
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range tasks {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range strings.Fields(string(b)) {
			var n int
			if _, err := fmt.Sscan(f, &n); err != nil {
				t.Fatal(err)
			}
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		t.Fatalf("process %d has no children, want a decoder", pid)
	}
	return out
}

// residentOf is the resident memory of process pid without its children, bytes.
func residentOf(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}

// fake returns a pool whose worker is this test program, misbehaving.
func fake(t *testing.T, how string, change func(*engine.Config)) *engine.Pool {
	t.Helper()
	t.Setenv(fakeEnv, how)
	return pool(t, func(c *engine.Config) {
		c.Command, c.CacheDir, c.Workers = []string{os.Args[0]}, "", 1
		if change != nil {
			change(c)
		}
	})
}

func TestAWorkerThatMisbehavesIsEnded(t *testing.T) {
	tests := []struct {
		how    string
		change func(*engine.Config)
		code   string
		reason string
	}{
		{"dies", nil, api.JobEngineCrashed, "exit status 7"},
		{"silent", func(c *engine.Config) { c.Heartbeat = time.Second }, api.JobEngineCrashed, "no heartbeat"},
		{"stuck", func(c *engine.Config) { c.Stall = time.Second }, api.JobEngineCrashed, "stood still"},
		{"slow", func(c *engine.Config) { c.AttemptTimeout = time.Second }, api.JobTimeout, "time limit"},
		{"greedy", func(c *engine.Config) { c.MaxRSS = 100 << 20 }, api.JobEngineCrashed, "memory"},
		{"babbles", nil, api.JobEngineCrashed, "protocol"},
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			p := fake(t, tt.how, tt.change)
			var pid int
			r := engine.Request{JobID: "job_" + tt.how, Path: "/a", Name: "a"}
			_, err := p.Transcribe(t.Context(), r, engine.Model{Name: "m"}, func(api.Progress) { pid = p.Workers()[0].PID })
			wantRetry(t, err, tt.code)
			if e := fault(t, err); !strings.Contains(e.Message, tt.reason) {
				t.Errorf("got %q, want it to say %q", e.Message, tt.reason)
			}
			if pid != 0 { // it may have died before it was asked for
				wantGone(t, pid)
			}
		})
	}
}

func TestAFileThatEndsWorkersIsSetAside(t *testing.T) {
	p := fake(t, "dies", func(c *engine.Config) { c.MaxKills = 2 })
	bad := engine.Request{JobID: "job_bad", Path: "/bad", Name: "bad"}
	_, err := p.Transcribe(t.Context(), bad, engine.Model{Name: "m"}, nil)
	wantRetry(t, err, api.JobEngineCrashed)
	_, err = p.Transcribe(t.Context(), bad, engine.Model{Name: "m"}, nil)
	wantFinal(t, err)
	if e := fault(t, err); e.Code != api.JobEngineCrashed {
		t.Errorf("got code %s, want %s", e.Code, api.JobEngineCrashed)
	}
	// A daemon that was restarted knows of earlier attempts by their number.
	_, err = p.Transcribe(t.Context(), engine.Request{JobID: "job_old", Path: "/old", Name: "old", Attempt: 2}, engine.Model{Name: "m"}, nil)
	wantFinal(t, err)
}

func TestWorkersThatEndAreStartedAgainWithMorePauseEachTime(t *testing.T) {
	p := fake(t, "dies", func(c *engine.Config) { c.MaxKills = 10 })
	began := time.Now()
	for i := range 3 {
		r := engine.Request{JobID: fmt.Sprintf("job_%d", i), Path: "/a", Name: "a"}
		_, err := p.Transcribe(t.Context(), r, engine.Model{Name: "m"}, nil)
		wantRetry(t, err, api.JobEngineCrashed)
	}
	targets := 250*time.Millisecond + 500*time.Millisecond
	if took, least := time.Since(began), time.Duration(float64(targets)*(1-retry.Spread)); took < least {
		t.Errorf("got three workers in %s, want pauses of %s or more in all between them", took, least)
	}
	if w := p.Workers()[0]; w.Restarts != 3 {
		t.Errorf("got %d restarts, want 3", w.Restarts)
	}
}

func TestTheDecoderIsCompiledInTheBackground(t *testing.T) {
	dir := t.TempDir()
	if ok, err := engine.Warmed(dir); ok || err != nil {
		t.Fatalf("empty folder: got %v, %v, want false, nil", ok, err)
	}
	fake(t, "dies", func(c *engine.Config) { c.CacheDir = dir })
	eventually(t, "the decoder is compiled", func() bool {
		ok, err := engine.Warmed(dir)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	})
}

// eventually waits for what another process does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func TestAWorkerThatDoesNotStartIsNobodysFault(t *testing.T) {
	tests := []struct {
		name   string
		change func(*engine.Config)
		how    string
		says   string
	}{
		{"no program", func(c *engine.Config) { c.Command = []string{"/nonexistent/voxparse-engine"} }, "dies", "no such file"},
		{"another protocol", nil, "stranger", "same version"},
		{"ends at once", nil, "absent", "ended at once"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := fake(t, tt.how, tt.change)
			_, err := p.Transcribe(t.Context(), engine.Request{JobID: "job_1", Path: "/a", Name: "a"}, engine.Model{Name: "m"}, nil)
			wantTransient(t, err, api.JobInternal)
			if e := fault(t, err); !strings.Contains(e.Message, tt.says) {
				t.Errorf("got %q, want it to say %q", e.Message, tt.says)
			}
		})
	}
}

func TestAModelThatEndsTheWorkerIsNotTheFilesFault(t *testing.T) {
	p := pool(t, func(c *engine.Config) { c.Workers = 1 })
	model := tiny(t)
	b, err := os.ReadFile(model.Files["encoder"])
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "encoder.onnx")
	if err := os.WriteFile(cut, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	bad := model
	bad.Files = map[string]string{}
	for role, path := range model.Files {
		bad.Files[role] = path
	}
	bad.Files["encoder"] = cut
	r := engine.Request{JobID: "job_model", Path: recording(t, "0930"), Name: "a.wav"}
	_, err = p.Transcribe(t.Context(), r, bad, nil)
	wantTransient(t, err, api.JobModelMissing)
	bad.Files["encoder"] = filepath.Join(t.TempDir(), "nothing.onnx")
	_, err = p.Transcribe(t.Context(), r, bad, nil)
	wantTransient(t, err, api.JobModelMissing)
	if _, err := p.Transcribe(t.Context(), r, model, nil); err != nil {
		t.Errorf("with the whole model: %v", err)
	}
}

func TestAnIdleWorkerEnds(t *testing.T) {
	p := pool(t, func(c *engine.Config) { c.Workers, c.IdleAfter = 1, time.Millisecond })
	var pid int
	r := engine.Request{JobID: "job_idle", Path: recording(t, "0930"), Name: "a.wav"}
	if _, err := p.Transcribe(t.Context(), r, tiny(t), func(api.Progress) { pid = p.Workers()[0].PID }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the idle worker ends", func() bool { return syscall.Kill(pid, 0) != nil })
	if w := p.Workers()[0]; w.PID != 0 || w.Status != "idle" || w.Restarts != 0 {
		t.Errorf("got %+v, want an empty idle place", w)
	}
}

func TestTheEndOfThePoolEndsItsWorkers(t *testing.T) {
	cfg := engine.Config{Command: []string{worker(t)}, CacheDir: cache(t), Dir: t.TempDir()}
	p := engine.NewPool(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	var pid int
	r := engine.Request{JobID: "job_end", Path: recording(t, "0870"), Name: "a.wav"}
	_, err := p.Transcribe(t.Context(), r, tiny(t), func(pr api.Progress) {
		if pr.Stage == "decode" {
			pid = p.Workers()[0].PID
			cancel()
		}
	})
	wantTransient(t, err, api.JobInternal)
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
	wantGone(t, pid)
	_, err = p.Transcribe(t.Context(), r, tiny(t), nil)
	wantTransient(t, err, api.JobInternal)
}
