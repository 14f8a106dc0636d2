package daemon_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// freshGround is a folder like shortDir's, in a part of the disk of its own
// where the file system is ext4: there a new file takes long for minutes after
// thousands beside it were removed, as by an earlier run, which more than
// halves what is measured.
func freshGround(t testing.TB) string {
	t.Helper()
	above := shortDir(t)
	f, err := os.Open(above)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const topDir = 0x20000 // EXT4_TOPDIR_FL: the folders in it are spread over the disk; see chattr(1), T
	if flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS); err == nil {
		_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags|topDir) // of other file systems nothing is wanted
	}
	dir, err := os.MkdirTemp(above, "") // its name decides where it goes
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
