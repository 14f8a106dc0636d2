package doctor

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestInotify_countsTheWatchesOfAProcess(t *testing.T) {
	var before, after inotify
	before.count("/proc/self")
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for range 3 {
		if _, err := unix.InotifyAddWatch(fd, t.TempDir(), unix.IN_CREATE); err != nil {
			t.Fatal(err)
		}
	}
	after.count("/proc/self")
	if after.instances-before.instances != 1 || after.watches-before.watches != 3 {
		t.Errorf("got %+v after %+v, want one instance and three watches more", after, before)
	}
	if use, ok := inotifyUse(); !ok || use.maxWatches <= 0 || use.maxInstances <= 0 {
		t.Errorf("got %+v, %v, want what the system grants", use, ok)
	}
}
