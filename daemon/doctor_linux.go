package daemon

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// fsKind is what a file system means for us.
type fsKind struct {
	name     string
	remote   bool
	volatile bool
}

// fsKinds are the file systems that matter, by statfs magic number.
var fsKinds = map[uint32]fsKind{
	0x6969: {name: "NFS", remote: true}, 0x517b: {name: "SMB", remote: true}, 0xff534d42: {name: "CIFS", remote: true},
	0xfe534d42: {name: "SMB", remote: true}, 0x01021997: {name: "9p", remote: true}, 0x00c36400: {name: "Ceph", remote: true},
	0x5346414f: {name: "AFS", remote: true}, 0x6b414653: {name: "AFS", remote: true}, 0x0bd00bd0: {name: "Lustre", remote: true},
	0x47504653: {name: "GPFS", remote: true}, 0x786f4256: {name: "VirtualBox shared folders", remote: true},
	0x65735546: {name: "FUSE"}, unix.TMPFS_MAGIC: {name: "tmpfs", volatile: true}, unix.RAMFS_MAGIC: {name: "ramfs", volatile: true},
}

// kindOf returns what the file system of dir means for us; the zero value for a
// usual one.
func kindOf(dir string) fsKind {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fsKind{}
	}
	return fsKinds[uint32(st.Type)]
}

// steadyTime is the time since boot, with that spent asleep.
func steadyTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// unsynchronised reports whether the kernel says that nobody keeps the clock
// right.
func unsynchronised() bool {
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
		if owner, known := ownerOf(st); known && owner == uid {
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
