package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"
)

// hashResult is what a hasher found.
type hashResult uint8

const (
	complete  hashResult = iota
	changed              // it is not what was looked at
	beingMade            // a writer has it open
	gone
	unreadable
	interrupted
)

// runHashers hashes complete files, a few at once, until ctx ends.
func (w *Watcher) runHashers(ctx context.Context) {
	var wg sync.WaitGroup
	for range w.opt.Hashers {
		wg.Go(func() {
			buf := make([]byte, 256<<10)
			for {
				f := w.nextToHash(ctx)
				if f == nil {
					return
				}
				w.hashOne(ctx, f, buf)
			}
		})
	}
	wg.Wait()
}

// nextToHash waits for a complete file; nil when ctx ends.
func (w *Watcher) nextToHash(ctx context.Context) *file {
	for {
		w.mu.Lock()
		if len(w.toHash) > 0 && !w.paused {
			f := w.toHash[0]
			w.toHash[0] = nil
			if w.toHash = w.toHash[1:]; len(w.toHash) > 0 {
				signal(w.hashers)
			} else {
				w.toHash = nil
			}
			w.mu.Unlock()
			return f
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-w.hashers:
		}
	}
}

// hashOne hashes f and moves it on, or back.
func (w *Watcher) hashOne(ctx context.Context, f *file, buf []byte) {
	w.mu.Lock()
	p, st, tracked := f.path, f.stat, w.track.has(f)
	w.mu.Unlock()
	if !tracked {
		return
	}
	reading := func() {
		w.mu.Lock()
		f.phase = hashing
		w.mu.Unlock()
	}
	result, sum, now, err := w.examine(ctx, p, st, reading, buf)
	at := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.track.has(f) {
		return
	}
	switch result {
	case complete:
		f.phase, f.sum = handing, sum
		w.toHand = append(w.toHand, f)
		signal(w.deliver)
		return
	case changed:
		w.track.restart(f, now, at)
	case beingMade:
		w.track.postpone(f, "a writer has it open", at)
	case unreadable:
		w.track.block(f, blockReason(err), at)
	case gone:
		w.track.drop(p)
	case interrupted: // the volume went away, or we stop: look anew
		f.phase = changing
		w.track.schedule(f, at.Add(w.track.settle))
	}
	signal(w.checker)
}

// examine makes sure that the file at p is the one that was complete as st, that
// nobody writes it, and that it is still the same after it was read. It returns
// the SHA-256 of a complete file, and the new Stat of one that changed.
func (w *Watcher) examine(ctx context.Context, p string, st Stat, reading func(), buf []byte) (hashResult, string, Stat, error) {
	root, err := w.openRoot()
	if err != nil {
		return interrupted, "", Stat{}, err
	}
	defer root.Close()
	f, now, err := openSame(root, p, st)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return gone, "", Stat{}, nil
	case errors.Is(err, errChanged):
		return changed, "", now, nil
	case err != nil:
		return unreadable, "", Stat{}, err
	}
	defer f.Close()
	w.mu.Lock()
	local := w.poll.remote == "" // elsewhere a lease is not to be trusted
	w.mu.Unlock()
	if writer, _ := hasWriter(f); writer && local {
		return beingMade, "", Stat{}, nil
	}
	reading()
	sum, err := hashAll(ctx, f, buf)
	if err != nil {
		if ctx.Err() != nil {
			return interrupted, "", Stat{}, err
		}
		return unreadable, "", Stat{}, err
	}
	again, now, err := openSame(root, p, st)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return gone, "", Stat{}, nil
	case errors.Is(err, errChanged):
		return changed, "", now, nil
	case err != nil:
		return unreadable, "", Stat{}, err
	}
	return complete, sum, Stat{}, again.Close()
}

// errChanged says that a file is not what it was when it was hashed.
var errChanged = errors.New("the file has changed")

// lstatReal looks at p. What no real directory leads to is not there:
// the error is fs.ErrNotExist.
func lstatReal(root *os.Root, p string) (fs.FileInfo, error) {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		fi, err := root.Lstat(dir)
		if err != nil {
			return nil, err
		}
		if !fi.IsDir() {
			return nil, fmt.Errorf("look at %s: %w", p, fs.ErrNotExist)
		}
	}
	return root.Lstat(p)
}

// openSame opens the regular file at p if it still is as st says, and reaches
// it through no symbolic link. With errChanged it returns what is there now.
func openSame(root *os.Root, p string, st Stat) (*os.File, Stat, error) {
	fi, err := lstatReal(root, p)
	if err != nil {
		return nil, Stat{}, err
	}
	if !fi.Mode().IsRegular() {
		return nil, Stat{}, fmt.Errorf("open %s: %w", p, fs.ErrNotExist)
	}
	if now := StatOf(fi); now != st {
		return nil, now, errChanged
	}
	f, err := root.OpenFile(p, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return nil, Stat{}, err
	}
	fi, err = f.Stat()
	if err != nil {
		return nil, Stat{}, errors.Join(err, f.Close())
	}
	if now := StatOf(fi); now != st {
		return nil, now, errors.Join(errChanged, f.Close())
	}
	return f, st, nil
}

// hashAll returns the SHA-256 of what is left to read of r, in hex.
func hashAll(ctx context.Context, r io.Reader, buf []byte) (string, error) {
	h := sha256.New()
	for {
		n, err := r.Read(buf)
		h.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
	}
}
