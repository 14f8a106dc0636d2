package dropfolder

import (
	"context"
	"errors"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

// Views returns every watched folder as the API shows it.
func (fs *Folders) Views(ctx context.Context) ([]api.Folder, error) {
	views := []api.Folder{}
	for _, f := range fs.list() {
		v, err := f.view(ctx)
		if isGone(err) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

// view lays what the watcher knows over what is recorded.
func (f *folder) view(ctx context.Context) (api.Folder, error) {
	rec, state := f.record(), f.watcher.State()
	counts, err := f.fs.cfg.Store.CountFiles(ctx, f.id)
	if err != nil {
		return api.Folder{}, err
	}
	v := api.Folder{ID: rec.ID, Dir: watch.Printable(rec.Dir), Options: rec.Options, Status: state.State, Reason: state.Reason,
		Counts: map[string]int{}, Waiting: state.Waiting, LastScan: state.LastScan}
	if a := f.apart.Load(); a != nil {
		v.Status, v.Reason = "blocked", a.err.Error()
	}
	for s, n := range counts {
		v.Counts[string(s)] += n
	}
	for s, n := range state.Counts {
		v.Counts[s] += n
	}
	return v, nil
}

// Watched returns the folders that are watched, with their options.
func (fs *Folders) Watched() []config.Folder {
	var out []config.Folder
	for _, f := range fs.list() {
		if f.apart.Load() != nil {
			continue
		}
		out = append(out, config.Folder{Dir: f.dir(), FolderOptions: f.record().Options})
	}
	return out
}

// find returns a watched folder. The error is api.NotFound.
func (fs *Folders) find(id string) (*folder, error) {
	if f := fs.get(id); f != nil {
		return f, nil
	}
	return nil, api.Errorf(api.NotFound, "there is no watched folder %s; list them with: voxparse watch list", id)
}

// View returns a watched folder as the API shows it.
func (fs *Folders) View(ctx context.Context, id string) (api.Folder, error) {
	f, err := fs.find(id)
	if err != nil {
		return api.Folder{}, err
	}
	return f.view(ctx)
}

// Add checks what a request asks for, records the folder and watches it.
func (fs *Folders) Add(ctx context.Context, req api.FolderRequest) (api.Folder, error) {
	if err := fs.cfg.Accepting(); err != nil {
		return api.Folder{}, err
	}
	if err := fs.check(ctx, &req); err != nil {
		return api.Folder{}, err
	}
	rec := store.FolderRecord{ID: store.NewID(api.FolderPrefix), Dir: req.Dir, Options: req.Options, Origin: store.FromCommand}
	rec, err := fs.create(ctx, rec, req.Existing == api.ExistingIgnore)
	if err != nil {
		return api.Folder{}, err
	}
	if err := fs.start(rec); err != nil {
		return api.Folder{}, err
	}
	fs.cfg.Logger.Info("folder added", "folder", rec.ID)
	return fs.View(ctx, rec.ID)
}

// Change gives a folder the options that change makes of those that it has. The
// error is api.Conflict for a folder of the config file.
func (fs *Folders) Change(ctx context.Context, id string, change func(api.FolderOptions) (api.FolderOptions, error)) (api.Folder, error) {
	f, err := fs.find(id)
	if err != nil {
		return api.Folder{}, err
	}
	if isFromConfig(f.record()) {
		return api.Folder{}, api.Errorf(api.Conflict, "%s is set up in %s; change it there and restart the daemon", id, fs.cfg.ConfigFile)
	}
	next, err := change(f.record().Options)
	if err != nil {
		return api.Folder{}, err
	}
	if _, err := fs.checkOptions(ctx, &next); err != nil {
		return api.Folder{}, err
	}
	if err := fs.checkOwn(id, f.dir(), next); err != nil {
		return api.Folder{}, err
	}
	rec, err := fs.cfg.Store.UpdateFolder(ctx, id, func(rec *store.FolderRecord) error {
		rec.Options = next
		return nil
	})
	if err != nil {
		return api.Folder{}, err
	}
	if err := fs.restart(rec); err != nil {
		return api.Folder{}, err
	}
	return fs.View(ctx, id)
}

// Remove ends the watch of a folder and cancels its jobs. Its files stay. What was
// transcribed stays known for as long as jobs are kept, in case the folder is added
// again. The error is api.Conflict for a folder of the config file.
func (fs *Folders) Remove(ctx context.Context, id string) error {
	f, err := fs.find(id)
	if err != nil {
		return err
	}
	if isFromConfig(f.record()) {
		return api.Errorf(api.Conflict, "%s is set up in %s; take it out there and restart the daemon", id, fs.cfg.ConfigFile)
	}
	fs.stop(id)
	err = fs.cfg.Store.DeleteFolder(ctx, id)
	fs.cfg.Recheck(ctx)
	if err != nil {
		return errors.Join(err, fs.start(f.record()))
	}
	if err := f.finisher().Place.RemoveMarker(); err != nil {
		fs.cfg.Logger.Info("the marker of a removed folder stays", "folder", id, "error", err)
	}
	fs.cfg.Logger.Info("folder removed", "folder", id)
	return nil
}

// SetPaused pauses or resumes a folder without losing what the watcher has seen.
func (fs *Folders) SetPaused(ctx context.Context, id string, paused bool) (api.Folder, error) {
	f, err := fs.find(id)
	if err != nil {
		return api.Folder{}, err
	}
	rec, err := fs.cfg.Store.UpdateFolder(ctx, id, func(rec *store.FolderRecord) error {
		rec.Options.Paused = paused
		return nil
	})
	if err != nil {
		return api.Folder{}, err
	}
	f.rec.Store(&rec)
	if paused {
		f.watcher.Pause()
	} else {
		f.watcher.Resume()
	}
	return f.view(ctx)
}

// Rescan looks through a folder now.
func (fs *Folders) Rescan(ctx context.Context, id string) (api.Folder, error) {
	f, err := fs.find(id)
	if err != nil {
		return api.Folder{}, err
	}
	f.retryMoved(ctx)
	f.watcher.Rescan()
	return f.view(ctx)
}

// TakeExisting takes the files that were left alone when the folder was added.
func (fs *Folders) TakeExisting(ctx context.Context, id string) (api.Folder, error) {
	f, err := fs.find(id)
	if err != nil {
		return api.Folder{}, err
	}
	n, err := fs.cfg.Store.DropIgnored(ctx, id)
	if n > 0 {
		fs.cfg.Logger.Info("files that were ignored are taken", "folder", id, "files", n)
		f.watcher.Rescan()
	}
	if err != nil {
		return api.Folder{}, err
	}
	return f.view(ctx)
}

// isGone reports whether what was asked for does not exist.
func isGone(err error) bool { return errors.Is(err, api.NotFound) }
