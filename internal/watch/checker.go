package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/voxparse/voxparse/internal/retry"
)

// How marks are gathered before they are looked at: a moment, so that a burst
// costs one look a file, and longer when looking itself takes long.
const (
	gatherLeast = 10 * time.Millisecond
	gatherMost  = 500 * time.Millisecond
	lookBatch   = 1000 // files looked at between two waits
)

// runChecker looks at what was marked and at what is due.
func (w *Watcher) runChecker(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	gather := gatherLeast
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.checker:
		case <-timer.C:
		case <-w.marks.wake:
			if retry.Sleep(ctx, gather) != nil {
				return
			}
		}
		start := time.Now()
		w.lookAtMarked(ctx)
		more := w.lookAtDue()
		gather = min(max(4*time.Since(start), gatherLeast), gatherMost)
		timer.Reset(w.untilDue(more))
	}
}

func (w *Watcher) untilDue(more bool) time.Duration {
	if more {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := w.track.next()
	if !ok || w.paused || w.attached == nil {
		return time.Hour // somebody will signal
	}
	return max(0, time.Until(at))
}

// lookAtMarked looks at the paths that events marked.
func (w *Watcher) lookAtMarked(ctx context.Context) {
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
		return // the monitor looks at everything once it is back
	}
	defer root.Close()
	looked := look{watcher: w, root: root, began: time.Now()}
	wakeMonitor := false
	for p, op := range paths {
		if w.noteDir(p, op) {
			wakeMonitor = true
		}
		if p == "." {
			continue
		}
		for _, about := range subjects(p) {
			wakeMonitor = w.lookAt(ctx, &looked, about, op.Has(fsnotify.Create|fsnotify.Chmod)) || wakeMonitor
		}
	}
	looked.ask(ctx)
	if wakeMonitor {
		signal(w.monitor)
	}
}

// noteDir keeps for the monitor what an event says about a directory, and reports
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
// reports whether the monitor has a new directory to look into. Names that are no
// candidates are looked at only if they may be directories.
func (w *Watcher) lookAt(ctx context.Context, looked *look, p string, maybeDir bool) bool {
	ignored := w.opt.Rules.IgnoredFile(p)
	if ignored != "" && !(maybeDir && w.opt.Rules.IgnoredDir(p) == "") {
		return false
	}
	fi, err := lstatReal(looked.root, p)
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
		looked.add(ctx, p, fi)
	}
	return false
}

// lookAtDue looks at the files whose time has come, and gives those that are
// complete to the hashers. It reports whether there are more.
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
			if w.track.has(f) && f.index < 0 {
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
	if !w.track.has(f) || f.phase != changing && f.phase != blocked {
		return
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && (!fi.Mode().IsRegular() || fi.Size() == 0):
		w.track.drop(f.path)
	case err != nil:
		w.track.block(f, blockReason(err), now)
	case !w.track.look(f, StatOf(fi), now):
	case sibling != "":
		w.track.postpone(f, sibling+" is there: a download goes on", now)
	default:
		f.complete = now
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
