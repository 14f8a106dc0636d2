package boltstore

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// inOwnProcess runs the rest of a test in a process of its own, and reports
// whether this is that process: what it changes there meets no other test, nor
// what the testing package itself writes.
func inOwnProcess(t *testing.T) bool {
	t.Helper()
	const env = "VOXPARSE_STORE_ALONE"
	if os.Getenv(env) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), env+"="+t.Name())
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a process of its own: %v", err)
	}
	return false
}

// limitFiles makes writes past size bytes fail, in the whole process, until
// the returned function is called.
func limitFiles(t *testing.T, size uint64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFullDiskOnlyDelays(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	db := openTest(t, store.Options{})
	ctx := t.Context()
	if _, _, err := db.Submit(ctx, store.Job{ID: store.NewID(api.JobPrefix)}); err != nil {
		t.Fatal(err)
	}
	size, err := size(db.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		limit uint64
		job   store.Job
	}{
		{"a page that cannot be written", 8 << 10, store.Job{}},
		{"a file that cannot grow", uint64(size), store.Job{Metadata: make([]byte, 40<<20)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := jobs(t, db)
			tt.job.ID = store.NewID(api.JobPrefix)
			lift := limitFiles(t, tt.limit)
			_, _, err := db.Submit(ctx, tt.job)
			lift()
			if !errors.Is(err, api.Unavailable) || errors.Is(err, api.Unknown) {
				t.Fatalf("submit: got %v, want Unavailable", err)
			}
			if _, err := db.Job(ctx, tt.job.ID); !errors.Is(err, api.NotFound) || jobs(t, db) != before {
				t.Errorf("after it: got %d jobs and error %v, want nothing changed", jobs(t, db), err)
			}
			if _, created, err := db.Submit(ctx, tt.job); err != nil || !created {
				t.Errorf("submit with space again: got created %v, error %v", created, err)
			}
		})
	}
}

func TestAWriteThatIsRefusedChangesNothing(t *testing.T) {
	for _, tt := range []struct {
		op      string
		errno   syscall.Errno
		unknown bool
	}{
		{"write", syscall.ENOSPC, false},
		{"write", syscall.EDQUOT, false},
		{"write", syscall.EROFS, false},
		{"write", syscall.EIO, true},
		{"sync", syscall.ENOSPC, true},
		{"sync", syscall.EROFS, true},
	} {
		db := openTest(t, store.Options{})
		err := db.commitFailed(db.lastCommitted()+1, &os.PathError{Op: tt.op, Path: db.path, Err: tt.errno})
		if errors.Is(err, api.Unknown) != tt.unknown || errors.Is(err, api.Unavailable) == tt.unknown || db.stopped() != tt.unknown {
			t.Errorf("%s: %v: got %v and stopped %v, want an unknown outcome: %v", tt.op, tt.errno, err, db.stopped(), tt.unknown)
		}
	}
}

// breakFile makes every write to the database's file fail: its descriptor
// becomes one that can only be read.
func breakFile(t *testing.T, path string) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { readOnly.Close() })
	for _, e := range fds {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && to == path && fd != int(readOnly.Fd()) {
			if err := syscall.Dup3(int(readOnly.Fd()), fd, syscall.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAnUnknownCommitStopsTheStore(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	id := store.NewID(api.JobPrefix)
	if _, _, err := db.Submit(t.Context(), store.Job{ID: id}); err != nil {
		t.Fatal(err)
	}
	breakFile(t, db.path)
	if _, err := db.Cancel(t.Context(), id, 0); !errors.Is(err, api.Unknown) {
		t.Fatalf("cancel: got %v, want Unknown", err)
	}
	select {
	case <-db.Failed():
	default:
		t.Error("Failed is not closed")
	}
	if _, _, err := db.Submit(t.Context(), store.Job{ID: store.NewID(api.JobPrefix)}); !errors.Is(err, api.Unavailable) {
		t.Errorf("submit afterwards: got %v, want Unavailable", err)
	}
	if _, err := db.Job(t.Context(), id); !errors.Is(err, api.Unavailable) {
		t.Errorf("read afterwards: got %v, want Unavailable", err)
	}
	if _, err := db.CountJobs(t.Context()); !errors.Is(err, api.Unavailable) {
		t.Errorf("count afterwards: got %v, want Unavailable", err)
	}
	_ = db.Close() // the broken file may not even close
	if _, err := os.Stat(openMarker(db.path)); err != nil {
		t.Errorf("marker of an unclean end: %v", err)
	}
	if db, err = Open(t.Context(), dir, Config{}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if j, err := db.Job(t.Context(), id); err != nil || j.Status != api.Queued {
		t.Errorf("job after a restart: got %s, error %v, want it queued", j.Status, err)
	}
}
