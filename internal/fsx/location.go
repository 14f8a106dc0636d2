package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Location is where a folder is: the folder itself and all folders around it,
// known by device and inode and not by path. A folder that is reached through a
// symbolic link or a bind mount is at the location of the folder that it is.
type Location struct {
	self   fs.FileInfo // nil where the folder does not exist
	around []placed    // self and the folders around it, by each path that leads to it
}

type placed struct {
	path string
	info fs.FileInfo
}

// Locate returns where the folder at an absolute path is. One that does not
// exist is located by the nearest folder around it that does.
func Locate(dir string) (Location, error) {
	var l Location
	exists := true
	for p := filepath.Clean(dir); ; p = filepath.Dir(p) {
		real, err := filepath.EvalSymlinks(p)
		if errors.Is(err, fs.ErrNotExist) && p != filepath.Dir(p) {
			exists = false
			continue
		}
		if err != nil {
			return Location{}, fmt.Errorf("locate %s: %w", dir, err)
		}
		info, err := os.Stat(real)
		if err != nil {
			return Location{}, fmt.Errorf("locate %s: %w", dir, err)
		}
		if exists {
			l.self = info
		}
		l.addPath(real)
		for _, other := range otherPaths(real) {
			// What is mounted over it may hide it there.
			if st, err := os.Stat(other); err == nil && os.SameFile(st, info) {
				l.addPath(other)
			}
		}
		return l, nil
	}
}

// addPath adds the folder at path and those around it. One that cannot be
// looked at is left out: another path may lead to it.
func (l *Location) addPath(path string) {
	for p := path; ; p = filepath.Dir(p) {
		if info, err := os.Stat(p); err == nil {
			l.around = append(l.around, placed{p, info})
		}
		if p == filepath.Dir(p) {
			return
		}
	}
}

// Same reports whether both are the same folder, and it exists.
func (l Location) Same(o Location) bool {
	return l.self != nil && o.self != nil && os.SameFile(l.self, o.self)
}

// Within reports whether l is the folder at o or lies below it, at any depth.
func (l Location) Within(o Location) bool {
	if o.self == nil {
		return false
	}
	for _, p := range l.around {
		if os.SameFile(p.info, o.self) {
			return true
		}
	}
	return false
}

// Kernel returns the folder around l, or l itself, that belongs to a file
// system in which the kernel shows its own state, as in /proc and /sys. It is ""
// where there is none.
func (l Location) Kernel() string {
	for _, p := range l.around {
		if isKernel(p.path) {
			return p.path
		}
	}
	return ""
}
