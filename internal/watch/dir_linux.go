package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// createNameless makes a new file at p that holds data and is durable: it has
// no name until it is whole, so that nothing half made is ever seen. before is
// called just before it gets its name. The error is fs.ErrExist where p is
// taken, and errors.ErrUnsupported where the file system has no such files.
func createNameless(root *os.Root, p string, data []byte, mode fs.FileMode, before func() error) error {
	dir, err := root.Open(path.Dir(p))
	if err != nil {
		return err
	}
	defer dir.Close()
	fd, err := unix.Openat(int(dir.Fd()), ".", unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, uint32(mode.Perm()))
	if err != nil {
		return unsupported(err)
	}
	f := os.NewFile(uintptr(fd), p)
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := before(); err != nil {
		return err
	}
	err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), int(dir.Fd()), path.Base(p), unix.AT_SYMLINK_FOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return errors.ErrUnsupported // no /proc here
	}
	return unsupported(err)
}

// setModified gives the file at p a modification time of any year: Chtimes counts
// in nanoseconds, which wrap beyond 2262.
func setModified(root *os.Root, p string, at time.Time) error {
	dir, err := root.Open(path.Dir(p))
	if err != nil {
		return err
	}
	defer dir.Close()
	ts, err := unix.TimeToTimespec(at)
	if err != nil {
		return fmt.Errorf("set the time of %s: %w", p, err)
	}
	return unix.UtimesNanoAt(int(dir.Fd()), path.Base(p), []unix.Timespec{{Nsec: unix.UTIME_OMIT}, ts}, unix.AT_SYMLINK_NOFOLLOW)
}

// renameExclusive renames a to b unless b is there, in one step.
func renameExclusive(root *os.Root, a, b string) error {
	from, err := root.Open(path.Dir(a))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := root.Open(path.Dir(b))
	if err != nil {
		return err
	}
	defer to.Close()
	return unsupported(unix.Renameat2(int(from.Fd()), path.Base(a), int(to.Fd()), path.Base(b), unix.RENAME_NOREPLACE))
}

// unsupported makes the errors by which a file system declines a call
// errors.ErrUnsupported.
func unsupported(err error) error {
	for _, e := range []error{unix.EOPNOTSUPP, unix.EINVAL, unix.ENOSYS, unix.EISDIR} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		}
	}
	return err
}
