package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/transcript"
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

// checkFolder refuses a folder that cannot be watched as asked.
func (d *Daemon) checkFolder(ctx context.Context, req *api.FolderRequest) error {
	if !filepath.IsAbs(req.Dir) {
		return api.Errorf(api.Invalid, "dir: %q is not an absolute path", req.Dir)
	}
	req.Dir = filepath.Clean(req.Dir)
	fi, err := os.Stat(req.Dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return api.Errorf(api.Invalid, "dir: %s does not exist; make it first", req.Dir)
	case err != nil:
		return api.Errorf(api.Invalid, "dir: %v", err)
	case !fi.IsDir():
		return api.Errorf(api.Invalid, "dir: %s is not a folder", req.Dir)
	}
	if err := d.checkApart(req.Dir); err != nil {
		return err
	}
	rules, err := d.checkFolderOptions(ctx, req.Options)
	if err != nil {
		return err
	}
	switch req.Existing {
	case "process", "ignore":
		return nil
	case "":
	default:
		return api.Errorf(api.Invalid, "existing: got %q, want process or ignore", req.Existing)
	}
	errFound := errors.New("found")
	err = watch.List(ctx, watch.Place{Dir: req.Dir}, rules, func(string, watch.Stat) error { return errFound })
	if errors.Is(err, errFound) {
		return api.Errorf(api.Invalid, "existing: there is audio in %s already; say whether to take it with --existing process or --existing ignore", req.Dir)
	}
	return err
}

// checkApart refuses a folder inside another one, around it, or around our own
// data: a file would be taken twice.
func (d *Daemon) checkApart(dir string) error {
	if within(d.cfg.DataDir, dir) || within(dir, d.cfg.DataDir) {
		return api.Errorf(api.Conflict, "dir: %s and voxparse's own data folder %s lie in one another; choose another folder", dir, d.cfg.DataDir)
	}
	for _, f := range d.folders.list() {
		other := f.dir()
		if other == dir {
			return api.Errorf(api.Conflict, "dir: %s is watched already, as %s", dir, f.id)
		}
		inner, outer := other, dir
		if within(dir, other) {
			inner, outer = dir, other
		} else if !within(other, dir) {
			continue
		}
		if outer == dir || f.record().Options.Recursive {
			return api.Errorf(api.Conflict, "dir: %s lies in %s, and a file there would be taken twice; remove %s first or choose another folder", inner, outer, f.id)
		}
	}
	return nil
}

// within reports whether path is dir or lies below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

// checkFolderOptions refuses options that can never work.
func (d *Daemon) checkFolderOptions(ctx context.Context, o api.FolderOptions) (watch.Rules, error) {
	rules, err := watch.ParseRules(o)
	if err != nil {
		return rules, err
	}
	for _, format := range o.Formats {
		if !slices.Contains(transcript.Formats, format) {
			return rules, api.Errorf(api.Invalid, "formats: there is no format %q; there are: %s", format, strings.Join(transcript.Formats, ", "))
		}
	}
	if o.Out != "" && !filepath.IsAbs(o.Out) {
		return rules, api.Errorf(api.Invalid, "out: %q is not an absolute path", o.Out)
	}
	if o.Channels != "" && o.Channels != "mix" && o.Channels != "split" {
		return rules, api.Errorf(api.Invalid, "channels: got %q, want mix or split", o.Channels)
	}
	if err := d.checkModel(api.Options{Model: o.Model, Language: o.Language}); err != nil {
		return rules, err
	}
	for _, id := range o.Webhooks {
		if _, err := d.db.Webhook(ctx, id); err != nil {
			return rules, api.Errorf(api.Invalid, "webhooks: %v", err)
		}
	}
	return rules, nil
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
		return o, api.Errorf(api.Invalid, "options: %v", err)
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
	dec := json.NewDecoder(bytes.NewReader(patch))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		return o, api.Errorf(api.Invalid, "options: %v", err)
	}
	return o, nil
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
	f.watcher.Rescan()
	return d.answerFolder(w, r, http.StatusAccepted, f)
}

func (d *Daemon) explainFile(w http.ResponseWriter, r *http.Request) error {
	q := query{values: r.URL.Query()}
	path := q.text("path")
	if err := q.done(); err != nil {
		return err
	}
	if !filepath.IsAbs(path) {
		return api.Errorf(api.Invalid, "path: %q is not an absolute path", path)
	}
	path = filepath.Clean(path)
	for _, f := range d.folders.list() {
		if path != f.dir() && within(path, f.dir()) {
			v, err := f.explain(r.Context(), path)
			if err != nil {
				return err
			}
			writeJSON(w, http.StatusOK, v)
			return nil
		}
	}
	return api.Errorf(api.NotFound, "%s is in no watched folder; watch its folder with: voxparse watch add %s", watch.Printable(path), watch.Printable(filepath.Dir(path)))
}

// explain says in one line what we think of a file. What the watcher has given
// away is explained by its record.
func (f *folder) explain(ctx context.Context, path string) (api.FolderFile, error) {
	v, err := f.watcher.Explain(ctx, path)
	if err != nil {
		return v, err
	}
	rel, err := filepath.Rel(f.dir(), path)
	if err != nil {
		return v, err
	}
	rec, err := f.d.db.File(ctx, f.id, filepath.ToSlash(rel))
	if isGone(err) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	if v.State != "done" && v.State != "missing" {
		return v, nil
	}
	v.State, v.JobID, v.Reason = string(rec.State), rec.JobID, rec.Reason
	switch {
	case rec.State == store.FileQueued:
		v.Reason = f.explainJob(ctx, rec.JobID)
	case rec.MovedTo != "":
		v.Reason = "transcribed, and moved to " + watch.Printable(rec.MovedTo)
	case rec.Gone:
		v.Reason = "transcribed, and deleted as the folder's options say"
	case rec.State == store.FileDone:
		v.Reason = fmt.Sprintf("transcribed at %s", rec.ChangedAt.Local().Format("2006-01-02 15:04:05"))
	}
	v.Reason = v.State + ": " + v.Reason
	return v, nil
}

func (f *folder) explainJob(ctx context.Context, id string) string {
	job, err := f.d.db.Job(ctx, id)
	if err != nil {
		return "its job is " + id
	}
	switch v := f.d.viewJob(job); {
	case v.Waiting != "":
		return "accepted, but waiting: " + v.Waiting
	case v.Status == api.Processing:
		return "being transcribed"
	}
	return "accepted, waiting for its turn"
}
