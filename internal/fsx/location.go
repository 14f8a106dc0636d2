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
	self    fs.FileInfo // nil where the folder does not exist
	missing string      // the end of its path, of folders that do not exist
	around  []placed    // self and the folders around it, by each path that leads to it
}

type placed struct {
	path  string
	below string // the way from there to the folder, or to the nearest around it that exists
	info  fs.FileInfo
}

// Locate returns where the folder at an absolute path is. One that does not
// exist is located by the nearest folder around it that does.
func Locate(dir string) (Location, error) {
	var l Location
	for p := filepath.Clean(dir); ; p = filepath.Dir(p) {
		real, err := filepath.EvalSymlinks(p)
		if errors.Is(err, fs.ErrNotExist) && p != filepath.Dir(p) {
			l.missing = filepath.Join(filepath.Base(p), l.missing)
			continue
		}
		if err != nil {
			return Location{}, fmt.Errorf("locate %s: %w", dir, err)
		}
		info, err := os.Stat(real)
		if err != nil {
			return Location{}, fmt.Errorf("locate %s: %w", dir, err)
		}
		if l.missing == "" {
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
	below := ""
	for p := path; ; p = filepath.Dir(p) {
		if info, err := os.Stat(p); err == nil {
			l.around = append(l.around, placed{p, below, info})
		}
		if p == filepath.Dir(p) {
			return
		}
		below = filepath.Join(filepath.Base(p), below)
	}
}

// Same reports whether both are the same folder, and it exists.
func (l Location) Same(o Location) bool {
	return l.self != nil && o.self != nil && os.SameFile(l.self, o.self)
}

// Within reports whether l is the folder at o or lies below it, at any depth.
func (l Location) Within(o Location) bool {
	_, ok := l.Below(o)
	return ok
}

// Below returns the path of l relative to the folder at o, "." for that itself.
// It reports false where l is elsewhere.
func (l Location) Below(o Location) (rel string, ok bool) {
	if o.self == nil {
		return "", false
	}
	for _, p := range l.around {
		if os.SameFile(p.info, o.self) {
			return filepath.Join(".", p.below, l.missing), true
		}
	}
	return "", false
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
