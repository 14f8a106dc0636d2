package dropfolder_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dropfolder"
	"github.com/voxparse/voxparse/internal/config"
)

// asNobody runs the test as a user that permissions hold for, where it is root
// that runs it. It reports whether it did.
func asNobody(t *testing.T) bool {
	t.Helper()
	if os.Getuid() != 0 {
		return false
	}
	const nobody = 65534
	home, err := os.MkdirTemp("/tmp", "nobody")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	if err := os.Chown(home, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir, cmd.Env = home, append(os.Environ(), "TMPDIR="+home, "HOME="+home)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	return true
}

// TestFolders_aFolderThatCannotBeReadIsBlocked has two folders out of reach when
// the daemon starts: one that it knows, and one that it has yet to look into.
func TestFolders_aFolderThatCannotBeReadIsBlocked(t *testing.T) {
	if asNobody(t) {
		return
	}
	home, top := t.TempDir(), t.TempDir()
	outer := filepath.Join(top, "outer")
	dir, fresh := filepath.Join(outer, "calls"), filepath.Join(outer, "fresh")
	for _, d := range []string{dir, fresh} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f := start(t, home, nil)
	id := f.add(dir, nil)
	f.stop()
	if err := os.Chmod(outer, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(outer, 0o755) })
	f = start(t, home, func(c *dropfolder.Config) {
		c.Configured = []config.Folder{{Dir: fresh, Existing: api.ExistingIgnore, FolderOptions: quick(nil)}}
	})
	fix := "chmod u+rwx \"" + outer + "\""
	if p := f.trouble("folder_blocked", f.Troubles); !strings.Contains(p.Message, dir+" is blocked") || p.Fix != fix {
		t.Errorf("got %+v, want the folder blocked and %s", p, fix)
	}
	if p := f.trouble("no_permission", f.Unwatched); !strings.Contains(p.Message, fresh+" is blocked") || !strings.Contains(p.Message, fix) {
		t.Errorf("got %+v, want the folder blocked and %s", p, fix)
	}
	if v := f.explained(filepath.Join(dir, "call.mp3"), "permission denied"); v.Status != "blocked" {
		t.Errorf("got a file of it %s, want blocked", v.Status)
	}
	if err := os.Chmod(outer, 0o755); err != nil {
		t.Fatal(err)
	}
	f.work()
	drop(t, dir, "call.mp3", "the words")
	f.count(id, "done", 1)
	until(t, "the watch of the other", func() bool { return len(f.Unwatched()) == 0 })
}
