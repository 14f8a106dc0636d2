package watch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// maxMisses is how many free names in a row end the search for a file that was
// moved: names before its own may have become free since.
const maxMisses = 8

// coarseTime is how far a copy's time may be from its source's: some file
// systems keep even seconds only.
const coarseTime = 2 * time.Second

const reasonChanged = "it has changed since it was transcribed, so it was left"

// relocate moves the source to in.To, or finds out where it was moved.
func (f *Finisher) relocate(ctx context.Context, root *os.Root, in Intent) (Outcome, error) {
	if _, err := f.takeUpRemoval(root, in); err != nil {
		return Outcome{}, err
	}
	same, err := unchanged(root, in.Path, in.Stat)
	if err != nil {
		return Outcome{}, err
	}
	dst, err := f.findMoved(ctx, root, in, same)
	if err != nil {
		return Outcome{}, err
	}
	if dst != "" {
		if err := removeIfThere(root, tempName(dst, ".tmp")); err != nil {
			return Outcome{}, trouble("delete", dst, err)
		}
		if same { // a second name of it, or a copy on another device
			err = f.removeSource(root, in)
		}
		if errors.Is(err, errChanged) || errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return Outcome{Gone: true, MovedTo: dst}, err
	}
	if !same {
		return left(root, in)
	}
	if err := f.at("make " + path.Dir(in.To)); err != nil {
		return Outcome{}, err
	}
	if err := f.folders(root, path.Dir(in.To)); err != nil {
		return Outcome{}, err
	}
	for n := 1; n < maxTaken; n++ {
		dst := numbered(in.To, n)
		moved, err := f.moveTo(ctx, root, in, dst)
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, errChanged), err == nil && !moved:
			if same, unread := unchanged(root, in.Path, in.Stat); unread == nil && same {
				return Outcome{}, trouble("move", in.Path, err) // the folder that it goes to went away
			}
			return left(root, in)
		case err != nil:
			return Outcome{}, trouble("move", in.Path, err)
		}
		return Outcome{Gone: true, MovedTo: dst}, nil
	}
	return Outcome{}, api.Errorf(api.Unavailable, "move %s to %s: every name is taken", Printable(in.Path), Printable(in.To))
}

// left says why a source is not where or what it was.
func left(root *os.Root, in Intent) (Outcome, error) {
	_, err := root.Lstat(in.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Outcome{Gone: true, Reason: "it was moved or deleted by somebody else"}, nil
	case err != nil:
		return Outcome{}, trouble("look at", in.Path, err)
	}
	return Outcome{Reason: reasonChanged}, nil
}

// findMoved returns where an earlier call put the source, or "".
func (f *Finisher) findMoved(ctx context.Context, root *os.Root, in Intent, sourceThere bool) (string, error) {
	misses := 0
	for n := 1; n < maxTaken && misses < maxMisses; n++ {
		dst := numbered(in.To, n)
		fi, err := root.Lstat(dst)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			misses++
			continue
		case err != nil:
			return "", trouble("look at", dst, err)
		}
		st := StatOf(fi)
		if st == in.Stat && st.Inode != 0 {
			return dst, nil
		}
		twin := fi.Mode().IsRegular() && st.Size == in.Stat.Size && st.Modified().Sub(in.Stat.Modified()).Abs() <= coarseTime
		if !twin || sourceThere && st.Dev == in.Stat.Dev && !f.far {
			continue // another file; or the same content dropped twice
		}
		sum, err := sumOf(root, dst)
		if err != nil {
			return "", trouble("read", dst, err)
		}
		if sum == in.SHA256 && ctx.Err() == nil {
			return dst, nil
		}
	}
	return "", ctx.Err()
}

// moveTo moves the source to dst if that is free, else the error is
// fs.ErrExist. It reports false where the source turned out to be another file.
func (f *Finisher) moveTo(ctx context.Context, root *os.Root, in Intent, dst string) (bool, error) {
	if err := f.at("move"); err != nil {
		return false, err
	}
	err := f.moveExclusive(root, in.Path, dst)
	if f.far && err == nil {
		err = errors.Join(f.moveExclusive(root, dst, in.Path), syscall.EXDEV)
	}
	if errors.Is(err, syscall.EXDEV) {
		return f.copyAcross(ctx, root, in, dst)
	}
	if err != nil {
		return false, err
	}
	if err := f.at("moved"); err != nil {
		return false, err
	}
	if same, err := unchanged(root, dst, in.Stat); err != nil || !same {
		// Somebody put another file there at the last moment: it goes back.
		return false, errors.Join(err, f.moveExclusive(root, dst, in.Path))
	}
	return true, errors.Join(syncDir(root, dst), syncDir(root, in.Path))
}

// moveExclusive renames a to b, or returns fs.ErrExist if b is there.
func (f *Finisher) moveExclusive(root *os.Root, a, b string) error {
	if !f.plain {
		err := renameExclusive(root, a, b)
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	err := root.Link(a, b)
	switch {
	case err == nil:
		if err := f.at("linked"); err != nil {
			return err
		}
		return root.Remove(a)
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.EXDEV):
		return err
	}
	// A file system without links: the best is to look first.
	if _, err := root.Lstat(b); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fs.ErrExist)
	}
	return root.Rename(a, b)
}

// copyAcross moves the source to another device: a copy that is durable and has
// been compared takes the name before the source goes.
func (f *Finisher) copyAcross(ctx context.Context, root *os.Root, in Intent, dst string) (bool, error) {
	if _, err := root.Lstat(dst); err == nil {
		return false, fs.ErrExist
	}
	temp := tempName(dst, ".tmp")
	if err := f.at("copy"); err != nil {
		return false, err
	}
	if err := f.copyTo(ctx, root, in, temp); err != nil {
		return false, errors.Join(err, removeIfThere(root, temp))
	}
	if err := f.at("copied"); err != nil {
		return false, err
	}
	if err := f.moveExclusive(root, temp, dst); err != nil {
		return false, errors.Join(err, removeIfThere(root, temp))
	}
	if err := syncDir(root, dst); err != nil {
		return false, err
	}
	return true, f.removeSource(root, in)
}

func removeIfThere(root *os.Root, p string) error {
	if err := root.Remove(p); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// openTemp makes temp anew. What a crash left of it goes first, for it may be a
// second name of a file that is in its place.
func openTemp(root *os.Root, temp string, mode fs.FileMode) (*os.File, error) {
	if err := removeIfThere(root, temp); err != nil {
		return nil, err
	}
	return root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

// copyTo copies the source to temp, with its mode and times, and compares what
// arrived with the hash.
func (f *Finisher) copyTo(ctx context.Context, root *os.Root, in Intent, temp string) error {
	src, _, err := openSame(root, in.Path, in.Stat)
	if err != nil {
		return err
	}
	defer src.Close()
	fi, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := openTemp(root, temp, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, fsx.Reader(ctx, src))
	if err == nil {
		err = dst.Chmod(fi.Mode().Perm())
	}
	if err == nil {
		err = dst.Sync()
	}
	if err = errors.Join(err, dst.Close()); err != nil {
		return err
	}
	if err := setModified(root, temp, fi.ModTime()); err != nil {
		return err
	}
	sum, err := sumOf(root, temp)
	if err != nil {
		return err
	}
	if sum != in.SHA256 {
		return errChanged
	}
	return nil
}

// remove deletes the source if it is, to the byte, what was hashed.
func (f *Finisher) remove(ctx context.Context, root *os.Root, in Intent) (Outcome, error) {
	back, err := f.takeUpRemoval(root, in)
	if err != nil {
		return Outcome{}, err
	}
	same, err := unchanged(root, in.Path, in.Stat)
	switch {
	case err != nil:
		return Outcome{}, err
	case !same && back:
		return Outcome{Gone: true}, nil
	case !same:
		out, err := left(root, in)
		out.Reason = map[bool]string{true: "", false: out.Reason}[out.Gone]
		return out, err
	}
	src, _, err := openSame(root, in.Path, in.Stat)
	if errors.Is(err, errChanged) || errors.Is(err, fs.ErrNotExist) {
		return left(root, in)
	}
	if err != nil {
		return Outcome{}, trouble("read", in.Path, err)
	}
	sum, err := hashAll(ctx, src, make([]byte, 256<<10))
	if err = errors.Join(err, src.Close()); err != nil {
		return Outcome{}, trouble("read", in.Path, err)
	}
	if sum != in.SHA256 {
		return Outcome{Reason: reasonChanged}, nil
	}
	if err := f.removeSource(root, in); err != nil {
		if errors.Is(err, errChanged) || errors.Is(err, fs.ErrNotExist) {
			return left(root, in)
		}
		return Outcome{}, err
	}
	return Outcome{Gone: true}, nil
}

// removeSource deletes the source at its path. It is first set aside under a
// hidden name, so that what is deleted is what was looked at, even if another
// file takes the name meanwhile. The error is errChanged where it is not the one.
func (f *Finisher) removeSource(root *os.Root, in Intent) error {
	if err := f.at("set aside"); err != nil {
		return err
	}
	aside := tempName(in.Path, ".del")
	if err := f.moveExclusive(root, in.Path, aside); err != nil {
		return ioNotExist("delete", in.Path, err)
	}
	if err := f.at("delete"); err != nil {
		return err
	}
	if err := f.removable(root, aside, in.Stat); err != nil {
		return errors.Join(err, f.putBack(root, aside, in.Path))
	}
	if err := root.Remove(aside); err != nil {
		return trouble("delete", in.Path, err)
	}
	if err := f.at("deleted"); err != nil {
		return err
	}
	return syncDir(root, in.Path)
}

func ioNotExist(verb, p string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return trouble(verb, p, err)
}

// removable returns nil if the file at p is as st says and nobody writes it. A
// writer is waited for: it may be about to change the file.
func (f *Finisher) removable(root *os.Root, p string, st Stat) error {
	file, _, err := openSame(root, p, st)
	if err != nil {
		return err
	}
	defer file.Close()
	if writer, _ := hasWriter(file); writer && fsx.RemoteKind(f.Place.Dir) == "" {
		return trouble("delete", p, errBusy)
	}
	return nil
}

var errBusy = errors.New("a program has it open for writing")

// putBack gives a file that was set aside its name again, or one close to it.
func (f *Finisher) putBack(root *os.Root, aside, p string) error {
	for n := 1; n < maxTaken; n++ {
		err := f.moveExclusive(root, aside, numbered(p, n))
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return fs.ErrExist
}

// takeUpRemoval ends a removal that a crash cut off. It reports whether the
// source was deleted.
func (f *Finisher) takeUpRemoval(root *os.Root, in Intent) (bool, error) {
	aside := tempName(in.Path, ".del")
	fi, err := root.Lstat(aside)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, trouble("look at", in.Path, err)
	}
	if at, err := root.Lstat(in.Path); err == nil && os.SameFile(at, fi) {
		return false, root.Remove(aside) // one file under two names
	}
	err = f.removable(root, aside, in.Stat)
	if err == nil {
		if err := root.Remove(aside); err != nil {
			return false, trouble("delete", in.Path, err)
		}
		return true, syncDir(root, in.Path)
	}
	if errors.Is(err, errChanged) || errors.Is(err, errBusy) {
		return false, f.putBack(root, aside, in.Path)
	}
	return false, trouble("delete", in.Path, err)
}
