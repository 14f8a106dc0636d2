package problem_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
)

func TestFolder_namesTheCodeAndTheFix(t *testing.T) {
	for _, tt := range []struct {
		err       error
		code, fix string
	}{
		{syscall.ENOSPC, "no_space", "df -h /in"},
		{syscall.EDQUOT, "no_space", "df -h /in"},
		{syscall.EROFS, "read_only", "findmnt -T /in"},
		{&fs.PathError{Op: "open", Path: "/in", Err: syscall.EACCES}, "no_permission", "chmod u+rwx /in"},
		{fmt.Errorf("watch: %w", api.Conflict), "folder_conflict", "voxparse watch list"},
		{fs.ErrNotExist, "missing", "mkdir -p /in"},
		{errors.New("odd"), "unavailable", "ls -ld /in"},
	} {
		got := problem.Folder("/in", tt.err, "%s is away: %v", "/in", "it was")
		if got.Code != tt.code || !strings.Contains(got.Fix, tt.fix) || got.Message != "/in is away: it was" {
			t.Errorf("%v: got %+v, want the code %s and %q in the fix", tt.err, got, tt.code, tt.fix)
		}
	}
}

func TestCause_isTheSystemsOwnWord(t *testing.T) {
	if got := problem.Cause(&fs.PathError{Op: "open", Path: "/in", Err: syscall.ENOSPC}); got != syscall.ENOSPC {
		t.Errorf("got %v, want %v", got, syscall.ENOSPC)
	}
	own := errors.New("odd")
	if got := problem.Cause(own); got != own {
		t.Errorf("got %v for an error of ours, want it as it is", got)
	}
}

func TestData_looksAtTheDataFolderThenAtTheSpool(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ broken, says string }{
		{dir, "uploads and results wait"},
		{filepath.Join(dir, "spool"), "uploads are refused"},
	} {
		got := problem.Data(dir, func(p string) error {
			if p == tt.broken {
				return syscall.EROFS
			}
			return nil
		})
		if len(got) != 1 || got[0].Code != "read_only" || !strings.Contains(got[0].Message, tt.says) {
			t.Errorf("%s broken: got %+v, want one problem that says %q", tt.broken, got, tt.says)
		}
	}
	for _, p := range problem.Data(dir, func(string) error { return nil }) {
		if p.Code != "no_space" { // of the machine that runs the test
			t.Errorf("got %+v for folders that can be written to, want none", p)
		}
	}
}

func TestQuote_isReadBackByTheShell(t *testing.T) {
	for _, path := range []string{"/plain/path-1_2.txt", "/with space", "/it's", "/$HOME", "/a;b", "", "/über"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+problem.Quote(path)).Output()
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if string(out) != path {
			t.Errorf("%q: got %q from the shell", path, out)
		}
	}
	if got := problem.Quote("/plain/path"); got != "/plain/path" {
		t.Errorf("got %s for a plain path, want it as it is", got)
	}
}
