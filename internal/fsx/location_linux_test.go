package fsx_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// bind mounts the folder at from on to, until the test ends.
func bind(t *testing.T, from, to string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount")
	}
	if err := syscall.Mount(from, to, "", syscall.MS_BIND, ""); err != nil {
		t.Fatalf("mount %s on %s: %v", from, to, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(to, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", to, err)
		}
	})
}

func TestLocate_knowsAFolderThroughABindMount(t *testing.T) {
	top := t.TempDir()
	calls, week, day := filepath.Join(top, "calls"), filepath.Join(top, "calls", "week"), filepath.Join(top, "calls", "week", "day")
	same, part := filepath.Join(top, "a mount"), filepath.Join(top, "part")
	makeDirs(t, day, same, part)
	bind(t, calls, same)
	bind(t, week, part)
	for _, c := range []struct {
		name, a, b   string
		same, within bool
	}{
		{"the mount", same, calls, true, true},
		{"the folder", calls, same, true, true},
		{"a mounted subfolder", part, calls, false, true},
		{"in a mounted subfolder", filepath.Join(part, "day"), calls, false, true},
		{"in a mounted subfolder, of the mount", filepath.Join(part, "day"), same, false, true},
		{"a subfolder that is mounted", week, part, true, true},
		{"below it", day, part, false, true},
		{"around it", calls, part, false, false},
	} {
		a, b := locate(t, c.a), locate(t, c.b)
		if a.Same(b) != c.same || a.Within(b) != c.within {
			t.Errorf("%s: got same %v, within %v, want %v, %v", c.name, a.Same(b), a.Within(b), c.same, c.within)
		}
	}
}

func TestLocation_Kernel(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/proc/self", link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/proc", "/proc/self/fd", "/sys", "/sys/class", link} {
		if got := locate(t, dir).Kernel(); got == "" {
			t.Errorf("%s: got no kernel file system, want one", dir)
		}
	}
	for _, dir := range []string{"/", t.TempDir()} {
		if got := locate(t, dir).Kernel(); got != "" {
			t.Errorf("%s: got %s as of the kernel, want none", dir, got)
		}
	}
	mounted := t.TempDir()
	bind(t, "/proc", mounted)
	if got := locate(t, mounted).Kernel(); got == "" {
		t.Errorf("got no kernel file system where /proc is mounted, want one")
	}
}
