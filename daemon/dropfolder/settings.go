package dropfolder

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	iofs "io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

// ConfigID is the id of a folder that the config file names. It follows from
// the folder's path, so that one that is taken out of the file and put back is
// known again, with all its files.
func ConfigID(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	var u ulid.ULID // with the time 0, which no other id has
	copy(u[6:], sum[:])
	return api.FolderPrefix + strings.ToLower(u.String())
}

// isFromConfig reports whether a folder is one of the config file's.
func isFromConfig(rec store.FolderRecord) bool {
	return rec.Origin == store.FromConfig || rec.Origin == "" && rec.ID == ConfigID(rec.Dir)
}

func (fs *Folders) inConfig(dir string) bool {
	for _, c := range fs.cfg.Configured {
		if filepath.Clean(c.Dir) == dir {
			return true
		}
	}
	return false
}

// configured returns the record of a folder that the config file names, and
// whether there is one. The error is api.Conflict where a command added it.
func (fs *Folders) configured(ctx context.Context, dir string) (rec store.FolderRecord, ok bool, err error) {
	recs, err := fs.cfg.Store.Folders(ctx)
	for _, rec := range recs {
		switch {
		case rec.Dir != dir:
		case isFromConfig(rec):
			return rec, true, nil
		default:
			return rec, false, api.Errorf(api.Conflict, "a command has added it, as %s; take it out of the config file, or run voxparse watch rm %s and restart the daemon", rec.ID, rec.ID)
		}
	}
	return rec, false, err
}

// configure records a folder of the config file. One that was paused by
// command stays so.
func (fs *Folders) configure(ctx context.Context, c config.Folder) error {
	dir, o := filepath.Clean(c.Dir), c.FolderOptions
	rec, ok, err := fs.configured(ctx, dir)
	if err != nil {
		return err
	}
	if !ok {
		rec := store.FolderRecord{ID: ConfigID(dir), Dir: dir, Options: o, Origin: store.FromConfig}
		_, err := fs.create(ctx, rec, c.Existing == api.ExistingIgnore)
		return err
	}
	if c.Existing != api.ExistingIgnore { // it may have been so at first
		if _, err := fs.cfg.Store.DropIgnored(ctx, rec.ID); err != nil {
			return err
		}
	}
	o.Paused = o.Paused || rec.Options.Paused
	_, err = fs.cfg.Store.UpdateFolder(ctx, rec.ID, func(r *store.FolderRecord) error {
		r.Options, r.Origin = o, store.FromConfig
		return nil
	})
	return err
}

// configureLater tries again, until ctx ends, to record a folder that is away:
// what lies in it cannot be told from what comes later before it is there. It
// reports false where why is another trouble.
func (fs *Folders) configureLater(ctx context.Context, c config.Folder, why error) bool {
	if !errors.Is(why, api.Unavailable) || ctx.Err() != nil {
		return false
	}
	dir := filepath.Clean(c.Dir)
	fs.noteUnwatched(dir, why)
	fs.cfg.Logger.Warn("a folder of the config file has to wait", "dir", dir, "error", why)
	fs.tasks.Go(func() {
		tick := time.NewTicker(fs.cfg.Intervals.Probe)
		defer tick.Stop()
		for errors.Is(why, api.Unavailable) {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			why = fs.configure(ctx, c)
		}
		if rec, ok, err := fs.configured(ctx, dir); why == nil && ok && err == nil {
			fs.startRecorded(rec)
			return
		}
		fs.noteUnwatched(dir, why)
	})
	return true
}

// noteUnwatched notes why a folder that should be watched is not; nil: it is.
func (fs *Folders) noteUnwatched(dir string, why error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if why == nil {
		delete(fs.unwatched, dir)
		return
	}
	fs.unwatched[dir] = why
}

// Unwatched are the folders that should be watched and are not.
func (fs *Folders) Unwatched() []api.Problem {
	var out []api.Problem
	for _, f := range fs.list() {
		if a := f.apart.Load(); a != nil {
			dir := watch.Printable(f.dir())
			out = append(out, api.Problem{Code: "folder_conflict", Message: fmt.Sprintf("the folder %s is not watched: %v", dir, a.err),
				Fix: "voxparse watch rm " + problem.Quote(f.id)})
		}
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, dir := range slices.Sorted(maps.Keys(fs.clashes)) {
		out = append(out, problem.Folder(dir, fs.clashes[dir], "the folder %s is not set up as %s says: %v", watch.Printable(dir), fs.cfg.ConfigFile, fs.clashes[dir]))
	}
	for _, dir := range slices.Sorted(maps.Keys(fs.unwatched)) {
		why, state := fs.unwatched[dir], "not watched"
		if errors.Is(why, iofs.ErrPermission) {
			state = "blocked"
		}
		out = append(out, problem.Folder(dir, why, "the folder %s is %s: %v", watch.Printable(dir), state, why))
	}
	return out
}
