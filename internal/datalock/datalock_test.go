package datalock_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/voxparse/voxparse/internal/datalock"
)

func TestFind_namesTheOwner(t *testing.T) {
	dir := t.TempDir()
	if o, held, err := datalock.Find(t.Context(), dir); held || err != nil {
		t.Fatalf("got %+v, %v, %v in a new folder, want that nobody has it", o, held, err)
	}
	lock, err := datalock.Take(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	want := datalock.Owner{PID: os.Getpid(), Socket: "/run/s", Version: "v1", StartedAt: time.Now().UTC()}
	if err := lock.Name(want); err != nil {
		t.Fatal(err)
	}
	if o, held, err := datalock.Find(t.Context(), dir); o != want || !held || err != nil {
		t.Errorf("got %+v, %v, %v, want %+v", o, held, err, want)
	}
	if _, err := datalock.Take(t.Context(), dir); !errors.Is(err, datalock.ErrHeld) {
		t.Errorf("got %v from a second one, want ErrHeld", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if o, held, err := datalock.Find(t.Context(), dir); held || err != nil {
		t.Errorf("got %+v, %v, %v after the end, want that nobody has it", o, held, err)
	}
}

func TestFind_reusedNumber(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what a process has open")
	}
	dir := t.TempDir()
	lock, err := datalock.Take(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	left := fmt.Sprintf(`{"pid":%d,"socket":"/run/s"}`, os.Getppid()) // it runs, and has nothing to do with the lock
	if err := os.WriteFile(filepath.Join(dir, datalock.FileName), []byte(left), 0o600); err != nil {
		t.Fatal(err)
	}
	if o, held, err := datalock.Find(t.Context(), dir); !held || o.PID != 0 || err != nil {
		t.Errorf("got %+v, %v, %v, want a lock that is held by nobody known", o, held, err)
	}
}
