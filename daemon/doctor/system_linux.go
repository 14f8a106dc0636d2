package doctor

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/voxparse/voxparse/internal/fsx"
)

// volatile returns the name of the file system of dir where nothing outlasts a
// boot, or "".
func volatile(dir string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return ""
	}
	switch uint32(st.Type) {
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.RAMFS_MAGIC:
		return "ramfs"
	}
	return ""
}

// steadyTime is the time since boot, with that spent asleep.
func steadyTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// unsynchronized reports whether the kernel says that nobody keeps the clock
// right.
func unsynchronized() bool {
	const timeError = 5 // TIME_ERROR of adjtimex(2)
	state, err := unix.Adjtimex(&unix.Timex{})
	return err == nil && state == timeError
}

// inotify is what of the kernel's watches is in use and granted to this user.
type inotify struct{ watches, instances, maxWatches, maxInstances int }

// inotifyUse counts the watches of this user's other processes.
func inotifyUse() (inotify, bool) {
	var u inotify
	var ok1, ok2 bool
	u.maxWatches, ok1 = limitOf("max_user_watches")
	u.maxInstances, ok2 = limitOf("max_user_instances")
	if !ok1 || !ok2 {
		return u, false
	}
	self, uid := strconv.Itoa(os.Getpid()), os.Getuid()
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return u, true
	}
	for _, proc := range procs {
		st, err := os.Stat(proc)
		if err != nil || filepath.Base(proc) == self {
			continue
		}
		if owner, known := fsx.Owner(st); known && owner == uid {
			u.count(proc)
		}
	}
	return u, true
}

func (u *inotify) count(proc string) {
	fds, err := os.ReadDir(proc + "/fd")
	if err != nil {
		return // it has ended, or is not ours to look at
	}
	for _, fd := range fds {
		if to, err := os.Readlink(proc + "/fd/" + fd.Name()); err != nil || to != "anon_inode:inotify" {
			continue
		}
		u.instances++
		if text, err := os.ReadFile(proc + "/fdinfo/" + fd.Name()); err == nil {
			u.watches += strings.Count(string(text), "inotify wd:")
		}
	}
}

func limitOf(name string) (int, bool) {
	text, err := os.ReadFile("/proc/sys/fs/inotify/" + name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil
}
