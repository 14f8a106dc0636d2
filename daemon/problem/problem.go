package problem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// LeastFree is how much space the data folder should have, in bytes.
const LeastFree = 512 << 20

// Data looks at the data folder, where all that is durable goes. try tells
// whether a folder can be written to.
func Data(dataDir string, try func(dir string) error) []api.Problem {
	var out []api.Problem
	for _, p := range []struct{ dir, effect string }{{dataDir, "uploads and results wait"}, {filepath.Join(dataDir, "spool"), "uploads are refused"}} {
		if err := try(p.dir); err != nil {
			return append(out, Folder(p.dir, err, "%s cannot be written to: %v; %s", p.dir, Cause(err), p.effect))
		}
	}
	if free, ok := fsx.FreeSpace(dataDir); ok && free < LeastFree {
		out = append(out, api.Problem{Code: "no_space", Message: fmt.Sprintf("%d MB are left on the disk of %s", free>>20, dataDir), Fix: "free some space there"})
	}
	return out
}

// Folder gives an error about the folder dir its code, and the command that
// mends it or shows more. The format and its args are the sentence.
func Folder(dir string, err error, format string, args ...any) api.Problem {
	p := api.Problem{Code: "unavailable", Message: fmt.Sprintf(format, args...), Fix: "ls -ld " + Quote(dir)}
	switch {
	case fsx.IsFull(err):
		p.Code, p.Fix = "no_space", "free some space: df -h "+Quote(dir)
	case fsx.IsReadOnly(err):
		p.Code, p.Fix = "read_only", "make its disk writable: findmnt -T "+Quote(dir)
	case errors.Is(err, fs.ErrPermission):
		p.Code, p.Fix = "no_permission", "chmod u+rwx "+Quote(dir)
	case errors.Is(err, api.Conflict):
		p.Code, p.Fix = "folder_conflict", "voxparse watch list"
	case errors.Is(err, fs.ErrNotExist):
		p.Code, p.Fix = "missing", "mkdir -p "+Quote(dir)
	}
	return p
}

// Cause is the system's own word in an error, without the path that it is about.
func Cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// TryWrite writes a file to dir durably, and removes it.
func TryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// Quote is a path as a shell reads it.
func Quote(path string) string {
	if path != "" && strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
