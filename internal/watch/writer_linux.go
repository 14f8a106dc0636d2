package watch

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// nonBlock keeps an open from waiting, should a pipe have taken the file's name.
const nonBlock = unix.O_NONBLOCK

// hasWriter reports whether a process has the file open for writing: the kernel
// refuses a read lease then, also after a rename. known is false where it
// cannot tell (not our file, or a file system without leases).
func hasWriter(f *os.File) (writer, known bool) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, false
	}
	var lease error
	err = conn.Control(func(fd uintptr) {
		_, lease = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK)
		if lease == nil {
			_, lease = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK)
		}
	})
	if err != nil {
		return false, false
	}
	if errors.Is(lease, unix.EAGAIN) {
		return true, true
	}
	return false, lease == nil
}
