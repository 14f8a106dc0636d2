package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/store"
)

// QuarantineDir is the name of the quarantine in the data folder. It has a folder
// for each day on which something was set aside.
const QuarantineDir = "quarantine"

// Quarantine sets aside what keep does not want and is older than olderThan:
// audio that no job is known to need. It is moved durably, and never deleted
// here: the store may be an older one that does not know its job. An upload is
// durable before its job is recorded: olderThan has to be longer than that takes.
// It returns how many files it moved.
func (b *Blobs) Quarantine(ctx context.Context, keep func(name string) bool, olderThan time.Duration) (n int, err error) {
	b.holdMu.Lock()
	busy := b.holds > 0
	b.holdMu.Unlock()
	if busy {
		return 0, nil // another time
	}
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return 0, fmt.Errorf("set audio aside: %w", err)
	}
	day := filepath.Join(b.quarantine, time.Now().UTC().Format(time.DateOnly))
	for _, e := range entries {
		if err = ctx.Err(); err != nil {
			break
		}
		st, serr := e.Info()
		if errors.Is(serr, fs.ErrNotExist) {
			continue
		}
		if err = serr; err != nil {
			break
		}
		old := time.Since(st.ModTime()) > olderThan
		if !st.Mode().IsRegular() || !old || keep(e.Name()) {
			continue
		}
		if err = b.setAside(e.Name(), day, n == 0); err != nil {
			break
		}
		n++
	}
	if n > 0 {
		err = errors.Join(err, fsx.SyncDir(day), fsx.SyncDir(b.dir))
	}
	if err != nil {
		return n, fmt.Errorf("set audio aside: %w", err)
	}
	return n, nil
}

// setAside moves a blob to the folder day, which the first makes.
func (b *Blobs) setAside(name, day string, first bool) error {
	if first {
		if err := os.MkdirAll(day, 0o700); err != nil {
			return err
		}
		if err := errors.Join(fsx.SyncDir(b.quarantine), fsx.SyncDir(filepath.Dir(b.quarantine))); err != nil {
			return err
		}
	}
	to := filepath.Join(day, name)
	err := os.Rename(b.Path(name), to)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	// The spool is on a disk of its own.
	f, err := b.Open(name)
	if err != nil {
		return err
	}
	err = fsx.WriteFileFrom(to, 0o600, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return b.Remove(name)
}

// Quarantined says what is set aside.
func (b *Blobs) Quarantined(context.Context) (store.Quarantined, error) {
	return InQuarantine(b.quarantine)
}

// InQuarantine says what is set aside in the folder dir.
func InQuarantine(dir string) (store.Quarantined, error) {
	q := store.Quarantined{Dir: dir}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil // there is no quarantine yet, or somebody removes it meanwhile
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		q.Files++
		q.Bytes += st.Size()
		if at, ok := dayOf(filepath.Base(filepath.Dir(path))); ok && (q.Oldest.IsZero() || at.Before(q.Oldest)) {
			q.Oldest = at
		}
		return nil
	})
	if err != nil {
		return q, fmt.Errorf("look into the quarantine: %w", err)
	}
	return q, nil
}

// dayOf reads the name of a folder of the quarantine.
func dayOf(name string) (time.Time, bool) {
	at, err := time.Parse(time.DateOnly, name)
	return at, err == nil
}

// ExpireQuarantine removes what was set aside on a day that ended before the given time,
// and returns how many files that were.
func (b *Blobs) ExpireQuarantine(ctx context.Context, before time.Time) (n int, err error) {
	entries, err := os.ReadDir(b.quarantine)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look into the quarantine: %w", err)
	}
	for _, e := range entries {
		at, ok := dayOf(e.Name())
		if !ok || !e.IsDir() || at.AddDate(0, 0, 1).After(before) || ctx.Err() != nil {
			continue
		}
		dir := filepath.Join(b.quarantine, e.Name())
		q, err := InQuarantine(dir)
		if err == nil {
			err = os.RemoveAll(dir)
		}
		if err != nil {
			return n, fmt.Errorf("remove audio from the quarantine: %w", err)
		}
		n += q.Files
	}
	return n, ctx.Err()
}
