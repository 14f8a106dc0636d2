package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"
)

// List calls each for every file in the folder that the rules take, with its
// path and Stat, as a scan would find it: for a folder that is added with files
// in it. It stops at the first error of each.
func List(ctx context.Context, place Place, rules Rules, each func(path string, st Stat) error) error {
	root, err := place.Open()
	if err != nil {
		return err
	}
	defer root.Close()
	return walk(ctx, root, rules, []string{"."}, walkFuncs{
		file: func(p string, fi fs.FileInfo) error { return each(p, StatOf(fi)) },
		bad:  func(string, error) {},
	})
}

// walkFuncs are what walk does on its way.
type walkFuncs struct {
	enter func(dir string)                        // before dir is listed; may be nil
	file  func(path string, fi fs.FileInfo) error // a file that the rules take, and that is not empty
	any   func(path string, fi fs.FileInfo) error // instead of file: whatever is not a directory
	bad   func(dir string, err error)             // a directory that cannot be read
}

// walk goes through dirs and, as the rules say, all below them. It follows no
// symbolic link. A directory that goes away meanwhile is no error.
func walk(ctx context.Context, root *os.Root, rules Rules, dirs []string, do walkFuncs) error {
	stack := append([]string(nil), dirs...)
	for len(stack) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		dir := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if do.enter != nil {
			do.enter(dir)
		}
		var subs []string
		err := listDir(root, dir, func(p string, fi fs.FileInfo) error {
			switch {
			case fi.IsDir():
				if rules.Recursive && rules.ignoredDirName(p, fi.Name()) == "" {
					subs = append(subs, p)
				}
			case do.any != nil:
				return do.any(p, fi)
			case fi.Mode().IsRegular() && fi.Size() > 0 && rules.ignoredName(p, fi.Name()) == "":
				return do.file(p, fi)
			}
			return nil
		})
		var failed *listError
		switch {
		case errors.As(err, &failed):
			do.bad(dir, failed.err)
		case err != nil:
			return err
		}
		stack = append(stack, subs...)
	}
	return nil
}

// listError is an error of the directory that was listed, not of what was done
// with its entries.
type listError struct{ err error }

func (e *listError) Error() string { return e.err.Error() }

// listDir calls each for the entries of a directory, a thousand at a time.
func listDir(root *os.Root, dir string, each func(p string, fi fs.FileInfo) error) error {
	f, err := openDir(root, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &listError{err}
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(1000)
		for _, e := range entries {
			fi, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return &listError{err}
			}
			p := e.Name()
			if dir != "." {
				p = dir + "/" + p
			}
			if err := each(p, fi); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &listError{err}
		}
	}
}

// openDir opens a directory that no symbolic link leads to.
func openDir(root *os.Root, dir string) (*os.File, error) {
	fi, err := lstatReal(root, dir)
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		return nil, fmt.Errorf("list %s: %w", dir, fs.ErrNotExist)
	}
	return root.OpenFile(dir, os.O_RDONLY|nonBlock, 0)
}

// scan watches dirs and all below them, each before it is listed, and tracks
// the files that are not accounted for. A full scan also ends the watches on
// directories that are no more.
func (w *Watcher) scan(ctx context.Context, n *notifier, dirs []string, full bool) error {
	root, err := w.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	if full {
		w.keepMarker(root)
	}
	start := time.Now()
	looked := look{watcher: w, root: root, began: start}
	var limit error
	entered := map[string]struct{}{}
	bad := map[string]string{}
	count := 0
	err = walk(ctx, root, w.opt.Rules, dirs, walkFuncs{
		enter: func(dir string) {
			entered[dir] = struct{}{}
			if err := w.watchDir(n, dir); err != nil && limit == nil {
				limit = err
			}
		},
		file: func(p string, fi fs.FileInfo) error {
			count++
			looked.add(ctx, p, fi)
			return nil
		},
		bad: func(dir string, err error) { bad[dir] = blockReason(err) },
	})
	if err != nil {
		return err
	}
	looked.ask(ctx)
	w.scanned(entered, bad, full, n, limit)
	if full {
		w.log.Debug("scanned", "files", count, "folders", len(entered), "took", time.Since(start))
	}
	return nil
}

// keepMarker writes the marker again, should somebody have removed it.
func (w *Watcher) keepMarker(root *os.Root) {
	w.mu.Lock()
	place, attached := w.place, w.attached
	w.mu.Unlock()
	if attached == nil {
		return
	}
	if _, err := place.adopt(root, *attached); err != nil {
		w.log.Debug("keep the marker", "error", err)
	}
}

// watchDir watches dir if it is not watched yet.
func (w *Watcher) watchDir(n *notifier, dir string) error {
	if n == nil {
		return nil
	}
	w.mu.Lock()
	_, ok := w.watched[dir]
	w.mu.Unlock()
	if ok {
		return nil
	}
	err := n.watch(dir)
	switch {
	case err == nil:
		w.mu.Lock()
		w.watched[dir] = struct{}{}
		w.mu.Unlock()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, fsnotify.ErrClosed):
		return nil // listing it tells the same
	}
	return err
}

// scanned keeps what a scan learned.
func (w *Watcher) scanned(entered map[string]struct{}, bad map[string]string, full bool, n *notifier, limit error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if full {
		clear(w.badDirs)
		for dir := range w.watched {
			if _, ok := entered[dir]; !ok {
				w.goneDirs[dir] = struct{}{}
				signal(w.monitor)
			}
		}
	}
	for dir := range entered {
		delete(w.badDirs, dir)
	}
	for dir, why := range bad {
		w.badDirs[dir] = why
		if dir != "." {
			w.log.Warn("a subfolder cannot be read", "path", Printable(dir), "reason", why)
		}
	}
	if n != nil && (full || limit != nil) {
		if (w.poll.limit == nil) != (limit == nil) {
			w.poll.limit = limit
			w.choosePolling()
		}
	}
}
