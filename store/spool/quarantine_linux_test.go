package spool_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/voxparse/voxparse/store/spool"
)

// otherDisk is a fresh folder on another file system than dir is.
func otherDisk(t *testing.T, dir string) string {
	t.Helper()
	here := device(t, dir)
	for _, root := range []string{"/dev/shm", "/run", "/tmp"} {
		other, err := os.MkdirTemp(root, "vxq")
		if err != nil {
			continue
		}
		t.Cleanup(func() { os.RemoveAll(other) })
		if device(t, other) != here {
			return other
		}
	}
	t.Fatal("none of /dev/shm, /run and /tmp is on another file system than " + dir + ": mount a tmpfs on /dev/shm")
	return ""
}

func device(t *testing.T, dir string) uint64 {
	t.Helper()
	st, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	return st.Sys().(*syscall.Stat_t).Dev
}

func TestQuarantine_onAnotherDiskHoldsWhatTheSpoolHeld(t *testing.T) {
	dir := t.TempDir()
	quarantine := filepath.Join(otherDisk(t, dir), "quarantine")
	b, err := spool.Open(dir, quarantine)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"wanted": "a", "unknown": "precious", "strange": "too"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n, err := b.Quarantine(t.Context(), func(name string) bool { return name == "wanted" }, -1)
	if err != nil || n != 2 {
		t.Fatalf("got %d set aside, %v, want 2", n, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != "wanted" {
		t.Errorf("got %v, %v left in the spool, want what a job needs", left, err)
	}
	found, err := filepath.Glob(filepath.Join(quarantine, "*", "*"))
	if err != nil || len(found) != 2 {
		t.Fatalf("got %v, %v in the quarantine, want two files and nothing half written", found, err)
	}
	for _, path := range found {
		want := map[string]string{"unknown": "precious", "strange": "too"}[filepath.Base(path)]
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
		}
	}
	if q, err := b.Quarantined(t.Context()); err != nil || q.Files != 2 || q.Bytes != 11 {
		t.Errorf("got %+v, %v, want 2 files of 11 bytes", q, err)
	}
}

func TestQuarantine_thatCannotBeWrittenLeavesTheSpoolAlone(t *testing.T) {
	dir := t.TempDir()
	quarantine := filepath.Join(otherDisk(t, dir), "quarantine")
	b, err := spool.Open(dir, quarantine)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "unknown"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(quarantine, nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	if n, err := b.Quarantine(t.Context(), func(string) bool { return false }, -1); err == nil || n != 0 {
		t.Errorf("got %d set aside, %v, want an error", n, err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "unknown")); err != nil || string(got) != "precious" {
		t.Errorf("got %q, %v, want the audio where it was", got, err)
	}
}
