package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// mountTmpfs mounts a small file system on dir until the test ends.
func mountTmpfs(t *testing.T, dir string) (unmount func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount")
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatalf("mount: %v", err)
	}
	mounted := true
	unmount = func() {
		if mounted {
			mounted = false
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Errorf("unmount %s: %v", dir, err)
				_ = syscall.Unmount(dir, syscall.MNT_DETACH)
			}
		}
	}
	t.Cleanup(unmount)
	return unmount
}

func TestMove_toAnotherDevice(t *testing.T) {
	d := newDesk(t)
	done := filepath.Join(d.dir, "done")
	if err := os.Mkdir(done, 0o755); err != nil {
		t.Fatal(err)
	}
	mountTmpfs(t, done)
	writeFile(t, filepath.Join(done, "calls/talk.mp3"), "another")
	in := d.intent(Move, "done/calls/talk.mp3")
	if err := os.Chmod(filepath.Join(d.dir, "calls/talk.mp3"), 0o640); err != nil {
		t.Fatal(err)
	}
	if got := d.finish(in); got.MovedTo != "done/calls/talk (2).mp3" {
		t.Errorf("got %+v, want done/calls/talk (2).mp3", got)
	}
	wantTree(t, "folder", d.tree(), map[string]string{
		"drop/done/calls/talk.mp3": "another", "drop/done/calls/talk (2).mp3": "audio",
	})
	fi, err := os.Stat(filepath.Join(done, "calls/talk (2).mp3"))
	if err != nil || fi.Mode().Perm() != 0o640 || !fi.ModTime().Equal(in.Stat.Modified()) {
		t.Errorf("got mode and time %v (%v), want those of the source", fi, err)
	}
	if got := fmt.Sprint(d.finish(in).MovedTo); got != "done/calls/talk (2).mp3" {
		t.Errorf("got %q on repeat, want done/calls/talk (2).mp3", got)
	}
}
