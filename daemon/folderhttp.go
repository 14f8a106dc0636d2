package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/watch"
)

// folderRoutes adds the routes of the drop folders. Setting one up, which can
// move and delete files, is for the socket only.
func (d *Daemon) folderRoutes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /v1/watches":              d.listFolders,
		"GET /v1/watches/{id}":         d.showFolder,
		"GET /v1/watches/explain":      d.explainFile,
		"POST /v1/watches":             socketOnly(d.addFolder),
		"PATCH /v1/watches/{id}":       socketOnly(d.patchFolder),
		"DELETE /v1/watches/{id}":      socketOnly(d.removeFolder),
		"POST /v1/watches/{id}/pause":  socketOnly(d.pauseFolder),
		"POST /v1/watches/{id}/resume": socketOnly(d.resumeFolder),
		"POST /v1/watches/{id}/rescan": socketOnly(d.rescanFolder),
	} {
		mux.Handle(pattern, d.serve(pattern, h))
	}
}

func (d *Daemon) listFolders(w http.ResponseWriter, r *http.Request) error {
	views, err := d.folders.views(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, api.List[api.Folder]{Items: views})
	return nil
}

// views returns every watched folder as the API shows it.
func (fs *folders) views(ctx context.Context) ([]api.Folder, error) {
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
	counts, err := f.d.db.CountFiles(ctx, f.id)
	if err != nil {
		return api.Folder{}, err
	}
	v := api.Folder{ID: rec.ID, Dir: watch.Printable(rec.Dir), Options: rec.Options, State: state.State, Reason: state.Reason,
		Counts: map[string]int{}, Waiting: state.Waiting, LastScan: state.LastScan}
	for s, n := range counts {
		v.Counts[string(s)] += n
	}
	for s, n := range state.Counts {
		v.Counts[s] += n
	}
	return v, nil
}

// folderOf returns the folder that a request names.
func (d *Daemon) folderOf(r *http.Request) (*folder, error) {
	id := r.PathValue("id")
	if f := d.folders.get(id); f != nil {
		return f, nil
	}
	return nil, api.Errorf(api.NotFound, "there is no watched folder %s; list them with: voxparse watch list", id)
}

func (d *Daemon) answerFolder(w http.ResponseWriter, r *http.Request, status int, f *folder) error {
	v, err := f.view(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, status, v)
	return nil
}

func (d *Daemon) showFolder(w http.ResponseWriter, r *http.Request) error {
	f, err := d.folderOf(r)
	if err != nil {
		return err
	}
	return d.answerFolder(w, r, http.StatusOK, f)
}

func (d *Daemon) addFolder(w http.ResponseWriter, r *http.Request) error {
	if err := d.accepting(); err != nil {
		return err
	}
	var req api.FolderRequest
	if err := readJSON(w, r, &req, false); err != nil {
		return err
	}
	if err := d.checkFolder(r.Context(), &req); err != nil {
		return err
	}
	rec := store.FolderRecord{ID: store.NewID(api.FolderPrefix), Dir: req.Dir, Options: req.Options}
	if err := d.folders.create(r.Context(), rec, req.Existing == "ignore"); err != nil {
		return err
	}
	rec, err := d.db.Folder(r.Context(), rec.ID)
	if err != nil {
		return err
	}
	if err := d.folders.start(rec); err != nil {
		return err
	}
	d.log.Info("folder added", "folder", rec.ID)
	return d.answerFolder(w, r, http.StatusCreated, d.folders.get(rec.ID))
}

func (d *Daemon) patchFolder(w http.ResponseWriter, r *http.Request) error {
	f, err := d.folderOf(r)
	if err != nil {
		return err
	}
	if isFromConfig(f.record()) {
		return api.Errorf(api.Conflict, "%s is set up in %s; change it there and restart the daemon", f.id, d.cfg.ConfigFile)
	}
	var patch api.FolderPatch
	if err := readJSON(w, r, &patch, false); err != nil {
		return err
	}
	next, err := patched(f.record().Options, patch.Options)
	if err != nil {
		return err
	}
	if _, err := d.checkFolderOptions(r.Context(), next); err != nil {
		return err
	}
	rec, err := d.db.UpdateFolder(r.Context(), f.id, func(rec *store.FolderRecord) error {
		rec.Options = next
		return nil
	})
	if err != nil {
		return err
	}
	if err := d.folders.restart(rec); err != nil {
		return err
	}
	return d.answerFolder(w, r, http.StatusOK, d.folders.get(f.id))
}

// patched returns options with those that a patch names changed. Lists and
// metadata are replaced, not merged.
func patched(o api.FolderOptions, patch json.RawMessage) (api.FolderOptions, error) {
	var named map[string]json.RawMessage
	if err := json.Unmarshal(patch, &named); err != nil {
		return o, api.Errorf(api.Invalid, "options: %s", jsonFault(err))
	}
	for name := range named { // what is decoded must not share memory with the record
		switch name {
		case "include":
			o.Include = nil
		case "exclude":
			o.Exclude = nil
		case "formats":
			o.Formats = nil
		case "webhooks":
			o.Webhooks = nil
		case "metadata":
			o.Metadata = nil
		}
	}
	err := strictJSON(patch, &o, "options")
	return o, err
}

func (d *Daemon) removeFolder(w http.ResponseWriter, r *http.Request) error {
	f, err := d.folderOf(r)
	if err != nil {
		return err
	}
	if isFromConfig(f.record()) {
		return api.Errorf(api.Conflict, "%s is set up in %s; take it out there and restart the daemon", f.id, d.cfg.ConfigFile)
	}
	d.folders.stop(f.id)
	if err := d.db.DeleteFolder(r.Context(), f.id); err != nil {
		return errors.Join(err, d.folders.start(f.record()))
	}
	if err := f.finisher().Place.Forget(); err != nil {
		d.log.Info("the marker of a removed folder stays", "folder", f.id, "error", err)
	}
	d.log.Info("folder removed", "folder", f.id)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *Daemon) pauseFolder(w http.ResponseWriter, r *http.Request) error {
	return d.setPaused(w, r, true)
}

func (d *Daemon) resumeFolder(w http.ResponseWriter, r *http.Request) error {
	return d.setPaused(w, r, false)
}

// setPaused pauses or resumes without losing what the watcher has seen.
func (d *Daemon) setPaused(w http.ResponseWriter, r *http.Request, paused bool) error {
	f, err := d.folderOf(r)
	if err != nil {
		return err
	}
	rec, err := d.db.UpdateFolder(r.Context(), f.id, func(rec *store.FolderRecord) error {
		rec.Options.Paused = paused
		return nil
	})
	if err != nil {
		return err
	}
	f.rec.Store(&rec)
	if paused {
		f.watcher.Pause()
	} else {
		f.watcher.Resume()
	}
	return d.answerFolder(w, r, http.StatusOK, f)
}

func (d *Daemon) rescanFolder(w http.ResponseWriter, r *http.Request) error {
	f, err := d.folderOf(r)
	if err != nil {
		return err
	}
	f.retryMoved(r.Context())
	f.watcher.Rescan()
	return d.answerFolder(w, r, http.StatusAccepted, f)
}
