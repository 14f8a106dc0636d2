package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Found is a file as it looked when it was seen.
type Found struct {
	Path string
	Stat Stat
}

// look gathers the files that one look at a folder finds, to ask about many of
// them at once. It belongs to one goroutine.
type look struct {
	watcher *Watcher
	root    *os.Root
	files   []Found
	began   time.Time // before the first of files was seen
}

// add takes a file whose name is not ignored. A look ends with ask.
func (l *look) add(ctx context.Context, p string, fi fs.FileInfo) {
	st := StatOf(fi)
	if !fi.Mode().IsRegular() || st.Size == 0 {
		l.watcher.mu.Lock()
		l.watcher.track.drop(p)
		l.watcher.mu.Unlock()
		return
	}
	l.files = append(l.files, Found{p, st})
	if len(l.files) == lookBatch {
		l.ask(ctx)
	}
}

// ask asks Known about the files that were added, and tracks those that are not
// accounted for.
func (l *look) ask(ctx context.Context) {
	for files := l.files; len(files) > 0; {
		tracked := l.tracked(files)
		var unsure []Found
		for i, seen := range l.watcher.opt.Known(ctx, files) {
			known, retry := seen.accounted(l.root)
			if !l.take(files[i], tracked[i], known, retry) {
				unsure = append(unsure, files[i])
			}
		}
		files = unsure // untracked from now on: asked about once more at most
	}
	l.files, l.began = l.files[:0], time.Now()
}

// tracked reports which of the files are on their way.
func (l *look) tracked(files []Found) []bool {
	l.watcher.mu.Lock()
	defer l.watcher.mu.Unlock()
	out := make([]bool, len(files))
	for i, f := range files {
		_, out[i] = l.watcher.track.files[f.Path]
	}
	return out
}

// take tracks a file, or drops it where it is known. It reports false for one
// that was on its way before Known was asked and is not now: it may have been
// accepted in between.
func (l *look) take(found Found, wasTracked, known, retry bool) bool {
	w := l.watcher
	w.mu.Lock()
	defer w.mu.Unlock()
	f, tracked := w.track.files[found.Path]
	switch {
	case tracked && f.since.After(l.began) && f.stat != found.Stat:
		return true // somebody saw it later
	case known:
		if tracked && (f.phase == changing || f.phase == blocked) {
			w.track.drop(found.Path)
		}
		return true
	case wasTracked && !tracked:
		return false
	}
	f = w.track.touch(found.Path, found.Stat, time.Now())
	f.retry = retry
	if !tracked || f.index == 0 { // it is the next to be looked at
		signal(w.checker)
	}
	return true
}

// accounted looks whether the error file of a failed file is still there.
func (s Seen) accounted(root *os.Root) (known, retry bool) {
	if !s.Accounted || s.ErrorFile == "" {
		return s.Accounted, false
	}
	stat := root.Lstat
	if filepath.IsAbs(s.ErrorFile) {
		stat = os.Lstat
	}
	_, err := stat(s.ErrorFile)
	gone := errors.Is(err, fs.ErrNotExist)
	return !gone, gone
}
