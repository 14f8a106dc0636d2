package watch

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// folders makes dir and those above it, where they are not there, and makes
// their names durable: a file that is synced in a folder whose own name is not
// goes with it. A crash may have come between the two, so one that is there is
// synced too, once.
func (f *Finisher) folders(root *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	if err := f.folders(root, path.Dir(dir)); err != nil {
		return err
	}
	key := filepath.Join(root.Name(), dir)
	err := root.Mkdir(dir, 0o777)
	if errors.Is(err, fs.ErrExist) {
		if _, ok := f.durable.Load(key); ok {
			return nil
		}
		err = isFolder(root, dir)
	}
	if err != nil {
		return trouble("make the folder", key, err)
	}
	if err := syncDir(root, dir); err != nil {
		return err
	}
	f.durable.Store(key, true)
	return nil
}

func isFolder(root *os.Root, dir string) error {
	fi, err := root.Stat(dir)
	if err == nil && !fi.IsDir() {
		err = syscall.ENOTDIR
	}
	return err
}

// outRoot makes the folder for outputs, durably, and opens it.
func (f *Finisher) outRoot() (*os.Root, error) {
	err := os.Mkdir(f.Out, 0o777)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, trouble("make the folder", f.Out, err)
	}
	if _, ok := f.durable.Load(f.Out); err == nil || !ok {
		if err := syncPath(f.Out); err != nil {
			return nil, err
		}
		f.durable.Store(f.Out, true)
	}
	dir, err := os.OpenRoot(f.Out)
	if err != nil {
		return nil, trouble("open the folder", f.Out, err)
	}
	return dir, nil
}

// syncPath makes the name of the folder at p durable, where the folder that it
// lies in may be read.
func syncPath(p string) error {
	above, err := os.OpenRoot(filepath.Dir(p))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return trouble("open the folder", filepath.Dir(p), err)
	}
	return errors.Join(syncDir(above, filepath.Base(p)), above.Close())
}

// syncFile makes the file at p durable, which an earlier call wrote or somebody
// else: neither may have come to an end.
func syncFile(dir *os.Root, p string) error {
	file, err := dir.OpenFile(p, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return trouble("read", p, err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return trouble("write", p, err)
	}
	return syncDir(dir, p)
}
