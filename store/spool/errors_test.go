package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

func TestDiskTrouble_saysWhatToDo(t *testing.T) {
	tests := []struct {
		name string
		err  error
		says string // "": the error stays as it is
	}{
		{"full", &os.PathError{Op: "write", Path: "b", Err: syscall.ENOSPC}, "no space left for the audio: free some"},
		{"read-only", &os.PathError{Op: "open", Path: "b", Err: syscall.EROFS}, "is read-only: make it writable again"},
		{"denied", &os.PathError{Op: "open", Path: "b", Err: syscall.EACCES}, "permission denied; see: voxparse doctor"},
		{"broken", &os.PathError{Op: "sync", Path: "b", Err: syscall.EIO}, "cannot be stored: " + syscall.EIO.Error()},
		{"a link", &os.LinkError{Op: "rename", Old: "b", New: "c", Err: syscall.ENOSPC}, "no space left for the audio"},
		{"the sender's", errors.New("connection reset"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := diskTrouble(tt.err)
			if tt.says == "" {
				if got != tt.err {
					t.Errorf("got %v, want it as it is", got)
				}
				return
			}
			var e *api.Error
			if !errors.As(got, &e) || e.Code != api.Unavailable || e.RetryAfter != diskRetry || !strings.Contains(e.Message, tt.says) {
				t.Errorf("got %+v, want Unavailable for a minute that says %q", got, tt.says)
			}
		})
	}
}

func TestOpen_whereAFileIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blobs")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, t.TempDir()); err == nil {
		t.Error("open a file as the folder of blobs: got nil, want an error")
	}
}

// goneDir is blobs whose folder was taken away.
func goneDir(t *testing.T) *Blobs {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blobs")
	b, err := Open(dir, t.TempDir())
	if err == nil {
		err = os.Remove(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPut_folderIsGone(t *testing.T) {
	if _, err := goneDir(t).Put(t.Context(), strings.NewReader("abc"), 0); !errors.Is(err, api.Unavailable) {
		t.Errorf("put: got %v, want Unavailable", err)
	}
}

func TestQuarantine_folderIsGone(t *testing.T) {
	n, err := goneDir(t).Quarantine(t.Context(), func(string) bool { return false }, 0)
	if n != 0 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("set aside: got %d, error %v, want that the folder is not there", n, err)
	}
}

// What is not a file of ours, such as a folder with something in it, is neither
// removed nor read as a blob.
func TestBlobs_aFolderStandsInTheWay(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, t.TempDir())
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "blob", "inner"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Remove("blob"); err == nil {
		t.Error("remove: got nil, want an error")
	}
	n, err := b.Quarantine(t.Context(), func(string) bool { return false }, -time.Hour)
	if n != 0 || err != nil {
		t.Errorf("set aside: got %d, error %v, want that it is left alone", n, err)
	}
	if err := os.Symlink("loop", b.Path("loop")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open("loop"); !errors.Is(err, api.Unavailable) {
		t.Errorf("open what cannot be read: got %v, want Unavailable", err)
	}
}
