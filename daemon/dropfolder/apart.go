package dropfolder

import (
	"errors"
	"fmt"
	"os"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

// A folder is known by device and inode, not by its path: two paths that lead
// to one folder are one folder, or each of its files would be taken twice.

// checkApart refuses a folder that may not be watched with these options, for
// the watch id: one of our own data or of the kernel, and one that is inside a
// watched folder or around one: the error is api.Conflict. Any other says that
// this cannot be told.
func (fs *Folders) checkApart(id, dir string, o api.FolderOptions) error {
	at, err := fsx.Locate(dir)
	if err != nil {
		return fmt.Errorf("dir: %w", err)
	}
	data, err := fsx.Locate(fs.cfg.DataDir)
	if err != nil {
		return err
	}
	if at.Within(data) || data.Within(at) {
		return api.Errorf(api.Conflict, "dir: %s and voxparse's own data folder %s lie in one another; choose another folder", dir, fs.cfg.DataDir)
	}
	if kernel := at.Kernel(); kernel != "" {
		return api.Errorf(api.Conflict, "dir: %s is in %s, which the system keeps for itself; choose another folder", dir, kernel)
	}
	for _, f := range fs.list() {
		if f.id == id || f.apart.Load() != nil {
			continue
		}
		other, err := fsx.Locate(f.dir())
		if err != nil {
			continue // it cannot be read, and so nothing is taken from it
		}
		if err := overlap(dir, at, o, f, other); err != nil {
			return err
		}
	}
	return checkOut(o.Out, data)
}

// checkOwn is checkApart for a folder that somebody names: one of which nothing
// can be told is api.Invalid.
func (fs *Folders) checkOwn(id, dir string, o api.FolderOptions) error {
	err := fs.checkApart(id, dir, o)
	if err == nil || errors.Is(err, api.Conflict) {
		return err
	}
	return api.Errorf(api.Invalid, "%v", err)
}

// overlap refuses dir where it and the watched folder f have files in common.
func overlap(dir string, at fsx.Location, o api.FolderOptions, f *folder, other fsx.Location) error {
	switch {
	case dir == f.dir():
		return api.Errorf(api.Conflict, "dir: %s is watched already, as %s", dir, f.id)
	case at.Same(other):
		return api.Errorf(api.Conflict, "dir: %s is the same folder as %s, which is watched already, as %s", dir, f.dir(), f.id)
	case at.Within(other) && f.record().Options.Recursive:
		return api.Errorf(api.Conflict, "dir: %s lies in %s, and a file there would be taken twice; remove %s first or choose another folder", dir, f.dir(), f.id)
	case other.Within(at) && o.Recursive:
		return api.Errorf(api.Conflict, "dir: %s lies in %s, and a file there would be taken twice; remove %s first or choose another folder", f.dir(), dir, f.id)
	}
	return nil
}

// checkOut refuses a folder for outputs that is our own data or the kernel's.
func checkOut(out string, data fsx.Location) error {
	if out == "" {
		return nil
	}
	at, err := fsx.Locate(out)
	if err != nil {
		return fmt.Errorf("out: %w", err)
	}
	if at.Within(data) {
		return api.Errorf(api.Conflict, "out: %s lies in voxparse's own data folder; choose another folder", out)
	}
	if kernel := at.Kernel(); kernel != "" {
		return api.Errorf(api.Conflict, "out: %s is in %s, which the system keeps for itself; choose another folder", out, kernel)
	}
	return nil
}

// sameFolder reports whether two paths lead to one folder.
func sameFolder(a, b string) bool {
	if a == b {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// mayWatch looks whether the folder may be watched where it is now, and notes
// why not. Of two that turn out to be one, the one that asks first is watched.
func (f *folder) mayWatch() error {
	f.fs.asking.Lock()
	defer f.fs.asking.Unlock()
	rec := f.record()
	err := f.fs.checkApart(f.id, rec.Dir, rec.Options)
	if err != nil && !errors.Is(err, api.Conflict) {
		return err // what keeps us from looking keeps the watcher from reading, and it says so
	}
	if err == nil {
		if f.apart.Swap(nil) != nil {
			f.fs.cfg.Logger.Info("a folder can be watched now", "folder", f.id)
		}
		return nil
	}
	if was := f.apart.Swap(&setback{err, 1}); was == nil {
		f.fs.cfg.Logger.Error("watch a folder", "folder", f.id, "dir", watch.Printable(rec.Dir), "error", err)
	}
	return err
}

// absent returns why nothing can be done with the files of the folder now: it
// is not there, or may not be watched. The error is api.Unavailable.
func (f *folder) absent() error {
	if a := f.apart.Load(); a != nil {
		return api.Errorf(api.Unavailable, "the folder %s is not watched: %v", watch.Printable(f.dir()), a.err)
	}
	return f.watcher.Absent()
}

// placeOf is where the folder of a record lies, and what it is known by.
func placeOf(rec store.FolderRecord) watch.Place {
	return watch.Place{Dir: rec.Dir, Identity: watch.Identity{Marker: rec.Marker, Dev: rec.Device}, Name: rec.ID}
}
