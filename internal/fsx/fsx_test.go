package fsx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/voxparse/voxparse/internal/fsx"
)

// names lists what is in dir.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func put(t *testing.T, path, data string, perm fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), perm); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t *testing.T, path, data string, perm fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != data {
		t.Errorf("%s: got %q %v, want %q", filepath.Base(path), got, err, data)
	}
	if fi, err := os.Stat(path); err == nil && fi.Mode().Perm() != perm {
		t.Errorf("%s: got mode %v, want %v", filepath.Base(path), fi.Mode().Perm(), perm)
	}
}

func TestWriteFile_makesAndReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, c := range []struct {
		data string
		perm fs.FileMode
	}{{"one", 0o600}, {"two, longer", 0o644}, {"", 0o666}} {
		if err := fsx.WriteFile(path, []byte(c.data), c.perm); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, c.data, c.perm)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("got %v, want the file alone", got)
	}
}

func TestWriteFileFrom_failureChangesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	put(t, path, "old", 0o600)
	broken := errors.New("broken")
	err := fsx.WriteFileFrom(path, 0o600, func(w io.Writer) error {
		if _, err := w.Write([]byte("half")); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	wantFile(t, path, "old", 0o600)
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("got %v, want the old file alone", got)
	}
	blocked := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(blocked, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := fsx.WriteFile(blocked, nil, 0o600); err == nil {
		t.Error("over a folder: got no error")
	}
	if got := names(t, dir); len(got) != 2 {
		t.Errorf("got %v, want nothing half made", got)
	}
	if err := fsx.WriteFile(filepath.Join(dir, "none", "a"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no folder: got %v, want fs.ErrNotExist", err)
	}
}

func TestCreateFile_keepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := fsx.CreateFile(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := fsx.CreateFile(path, []byte("second"), 0o644); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	wantFile(t, path, "first", 0o600)
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("got %v, want the file alone", got)
	}
}

func TestRename_replaces(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	put(t, from, "new", 0o600)
	put(t, to, "old", 0o600)
	if err := errors.Join(fsx.SyncFile(from), fsx.Rename(from, to)); err != nil {
		t.Fatal(err)
	}
	wantFile(t, to, "new", 0o600)
	for verb, err := range map[string]error{
		"rename": fsx.Rename(from, to), "sync file": fsx.SyncFile(from), "sync folder": fsx.SyncDir(from),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s what is not there: got %v, want fs.ErrNotExist", verb, err)
		}
	}
}

func TestSyncDirIn_staysBelowTheRoot(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := errors.Join(root.Mkdir("in", 0o700), fsx.SyncDirIn(root, "."), fsx.SyncDirIn(root, "in")); err != nil {
		t.Error(err)
	}
	if err := fsx.SyncDirIn(root, ".."); err == nil {
		t.Error("above the root: got no error")
	}
}

func TestRemoveIfExists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	put(t, path, "", 0o600)
	for _, when := range []string{"there", "gone"} {
		if err := fsx.RemoveIfExists(path); err != nil {
			t.Errorf("%s: got %v, want no error", when, err)
		}
	}
	if err := fsx.RemoveIfExists(filepath.Join(path, "\x00")); err == nil {
		t.Error("no name: got no error")
	}
}

func TestIsFull_and_IsReadOnly(t *testing.T) {
	for _, c := range []struct {
		err            error
		full, readOnly bool
	}{
		{&fs.PathError{Err: syscall.ENOSPC}, true, false},
		{fmt.Errorf("store: %w", syscall.EDQUOT), true, false},
		{syscall.EFBIG, true, false},
		{&os.LinkError{Err: syscall.EROFS}, false, true},
		{fs.ErrPermission, false, false},
		{nil, false, false},
	} {
		if got := fsx.IsFull(c.err); got != c.full {
			t.Errorf("IsFull(%v): got %v, want %v", c.err, got, c.full)
		}
		if got := fsx.IsReadOnly(c.err); got != c.readOnly {
			t.Errorf("IsReadOnly(%v): got %v, want %v", c.err, got, c.readOnly)
		}
	}
}

func TestLock_oneHolderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := fsx.Lock(t.Context(), path, func() { t.Error("waiting was called for a lock that nobody held") })
	if err != nil {
		t.Fatal(err)
	}
	calls, waiting := 0, make(chan struct{})
	second := make(chan error, 1)
	go func() {
		f, err := fsx.Lock(t.Context(), path, func() {
			calls++
			close(waiting)
		})
		if err == nil {
			err = f.Close()
		}
		second <- err
	}()
	<-waiting
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil || calls != 1 {
		t.Errorf("got %v and %d calls of waiting, want the lock and one", err, calls)
	}
}

func TestLock_endsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := fsx.Lock(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err = fsx.Lock(ctx, path, func() { cancel(enough) })
	if !errors.Is(err, enough) {
		t.Errorf("got %v, want %v", err, enough)
	}
	if _, err := fsx.Lock(t.Context(), filepath.Join(path, "below a file"), nil); err == nil {
		t.Error("a path that cannot be: got no error")
	}
}
