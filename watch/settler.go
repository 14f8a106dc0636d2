package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// How marks are gathered before they are looked at: a moment, so that a burst
// costs one look a file, and longer when looking itself takes long.
const (
	gatherLeast = 10 * time.Millisecond
	gatherMost  = 500 * time.Millisecond
	lookBatch   = 1000 // files looked at between two waits
)

// runSettler looks at what was marked and at what is due.
func (w *Watcher) runSettler(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	gather := gatherLeast
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.settler:
		case <-timer.C:
		case <-w.marks.wake:
			if !pause(ctx, gather) {
				return
			}
		}
		start := time.Now()
		w.lookAtMarked()
		more := w.lookAtDue()
		gather = min(max(4*time.Since(start), gatherLeast), gatherMost)
		timer.Reset(w.untilDue(more))
	}
}

// pause waits for d and reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (w *Watcher) untilDue(more bool) time.Duration {
	if more {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := w.track.next()
	if !ok || w.paused || w.attached == (Stat{}) {
		return time.Hour // somebody will signal
	}
	return max(0, time.Until(at))
}

// lookAtMarked looks at the paths that events marked.
func (w *Watcher) lookAtMarked() {
	paths, overflow := w.marks.take()
	if overflow {
		w.log.Warn("events were lost: looking at every file again")
		w.Rescan()
	}
	if len(paths) == 0 {
		return
	}
	root, err := w.openRoot()
	if err != nil {
		return // the eyes look at everything once it is back
	}
	defer root.Close()
	wakeEyes := false
	for p, op := range paths {
		if w.noteDir(p, op) {
			wakeEyes = true
		}
		if p == "." {
			continue
		}
		for _, about := range subjects(p) {
			wakeEyes = w.lookAt(root, about, op.Has(fsnotify.Create|fsnotify.Chmod)) || wakeEyes
		}
	}
	if wakeEyes {
		signal(w.eyes)
	}
}

// noteDir keeps for the eyes what an event says about a directory, and reports
// whether they are to look.
func (w *Watcher) noteDir(p string, op fsnotify.Op) bool {
	left := op.Has(fsnotify.Remove | fsnotify.Rename)
	if !left && p != "." {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if p == "." {
		w.lost = w.lost || left
		w.fullScan = w.fullScan || op.Has(fsnotify.Chmod)
		return true
	}
	if _, ok := w.watched[p]; !ok {
		return false
	}
	w.goneDirs[p] = struct{}{}
	return true
}

var errorFile = regexp.MustCompile(`(?s)^(.+)\.error(?: \([0-9]+\))?\.json$`)

// subjects returns the paths that an event at p is about: p, and the file that
// p is the partial download or the error file of.
func subjects(p string) []string {
	ext := path.Ext(p)
	if slices.Contains(siblingExtensions, strings.ToLower(ext)) {
		return []string{p, strings.TrimSuffix(p, ext)}
	}
	if m := errorFile.FindStringSubmatch(p); m != nil {
		return []string{p, m[1]}
	}
	return []string{p}
}

// lookAt looks at one path and tracks it if it is a file to be named. It
// reports whether the eyes have a new directory to look into. Names that are no
// candidates are looked at only if they may be directories.
func (w *Watcher) lookAt(root *os.Root, p string, maybeDir bool) bool {
	ignored := w.opt.Rules.IgnoredFile(p)
	if ignored != "" && !(maybeDir && w.opt.Rules.IgnoredDir(p) == "") {
		return false
	}
	fi, err := lstatReal(root, p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.mu.Lock()
		w.track.drop(p)
		w.mu.Unlock()
	case err != nil:
		w.log.Debug("look at a file", "path", Printable(p), "error", err)
	case fi.IsDir():
		if w.opt.Rules.IgnoredDir(p) == "" {
			w.mu.Lock()
			w.newDirs[p] = struct{}{}
			w.mu.Unlock()
			return true
		}
	case ignored == "":
		w.found(root, p, fi)
	}
	return false
}

// found takes a look at a file whose name is not ignored.
func (w *Watcher) found(root *os.Root, p string, fi fs.FileInfo) {
	now, st := time.Now(), StatOf(fi)
	if !fi.Mode().IsRegular() || st.Size == 0 {
		w.mu.Lock()
		w.track.drop(p)
		w.mu.Unlock()
		return
	}
	known, retry := w.accounted(root, p, st)
	w.mu.Lock()
	defer w.mu.Unlock()
	f, tracked := w.track.files[p]
	if known {
		if tracked && (f.phase == settling || f.phase == blocked) {
			w.track.drop(p)
		}
		return
	}
	f = w.track.touch(p, st, now)
	f.retry = retry
	if !tracked || w.isNext(f) {
		signal(w.settler)
	}
}

// isNext reports whether f is the next file to be looked at.
func (w *Watcher) isNext(f *file) bool { return f.index == 0 }

// accounted asks Known, and looks whether the error file of a failed one is
// still there.
func (w *Watcher) accounted(root *os.Root, p string, st Stat) (known, retry bool) {
	seen := w.opt.Known(p, st)
	if !seen.Accounted || seen.ErrorFile == "" {
		return seen.Accounted, false
	}
	look := root.Lstat
	if filepath.IsAbs(seen.ErrorFile) {
		look = os.Lstat
	}
	_, err := look(seen.ErrorFile)
	gone := errors.Is(err, fs.ErrNotExist)
	return !gone, gone
}

// lookAtDue looks at the files whose time has come, and gives those that are
// settled to the hashers. It reports whether there are more.
func (w *Watcher) lookAtDue() (more bool) {
	w.mu.Lock()
	if w.paused {
		w.mu.Unlock()
		return false
	}
	due := w.track.takeDue(time.Now(), lookBatch)
	w.mu.Unlock()
	if len(due) == 0 {
		return false
	}
	root, err := w.openRoot()
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, f := range due {
			if w.track.holds(f) && f.index < 0 {
				w.track.schedule(f, time.Now().Add(w.track.settle))
			}
		}
		return false
	}
	defer root.Close()
	for _, f := range due {
		w.lookAtOne(root, f)
	}
	return len(due) == lookBatch
}

func (w *Watcher) lookAtOne(root *os.Root, f *file) {
	fi, err := lstatReal(root, f.path)
	var sibling string
	if err == nil {
		sibling = siblingOf(root, f.path)
	}
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.track.holds(f) || f.phase != settling && f.phase != blocked {
		return
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && (!fi.Mode().IsRegular() || fi.Size() == 0):
		w.track.drop(f.path)
	case err != nil:
		w.track.block(f, blockReason(err), now)
	case !w.track.look(f, StatOf(fi), now):
	case sibling != "":
		w.track.hold(f, sibling+" is there: a download goes on", now)
	default:
		f.settled = now
		w.toHash = append(w.toHash, f)
		signal(w.hashers)
	}
}

// siblingOf returns the name of the partial download that stands beside p.
func siblingOf(root *os.Root, p string) string {
	for _, ext := range siblingExtensions {
		if _, err := root.Lstat(p + ext); err == nil {
			return Printable(path.Base(p) + ext)
		}
	}
	return ""
}

// blockReason says why a file cannot be read.
func blockReason(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "permission denied"
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return "cannot be read: " + err.Error()
}
