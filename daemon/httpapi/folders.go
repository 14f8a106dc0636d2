package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/voxparse/voxparse/api"
)

// folderRoutes are the routes of the drop folders. Setting one up, which can
// move and delete files, is for the socket only.
func (srv *server) folderRoutes() map[string]handler {
	return map[string]handler{
		"GET /v1/watches":              srv.listFolders,
		"GET /v1/watches/{id}":         srv.showFolder,
		"GET /v1/watches/explain":      srv.explainFile,
		"POST /v1/watches":             socketOnly(srv.addFolder),
		"PATCH /v1/watches/{id}":       socketOnly(srv.patchFolder),
		"DELETE /v1/watches/{id}":      socketOnly(srv.removeFolder),
		"POST /v1/watches/{id}/pause":  socketOnly(srv.pauseFolder),
		"POST /v1/watches/{id}/resume": socketOnly(srv.resumeFolder),
		"POST /v1/watches/{id}/rescan": socketOnly(srv.rescanFolder),
	}
}

func (srv *server) listFolders(w http.ResponseWriter, r *http.Request) error {
	views, err := srv.cfg.Folders.Views(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, api.List[api.Folder]{Items: views})
	return nil
}

// answerFolder answers with a folder, unless what was asked of it failed.
func answerFolder(w http.ResponseWriter, status int, f api.Folder, err error) error {
	if err != nil {
		return err
	}
	writeJSON(w, status, f)
	return nil
}

func (srv *server) showFolder(w http.ResponseWriter, r *http.Request) error {
	f, err := srv.cfg.Folders.View(r.Context(), r.PathValue("id"))
	return answerFolder(w, http.StatusOK, f, err)
}

func (srv *server) addFolder(w http.ResponseWriter, r *http.Request) error {
	if err := srv.cfg.Accepting(); err != nil {
		return err
	}
	var req api.FolderRequest
	if err := readJSON(w, r, &req, false); err != nil {
		return err
	}
	f, err := srv.cfg.Folders.Add(r.Context(), req)
	return answerFolder(w, http.StatusCreated, f, err)
}

func (srv *server) patchFolder(w http.ResponseWriter, r *http.Request) error {
	var patch api.FolderPatch
	if err := readJSON(w, r, &patch, false); err != nil {
		return err
	}
	f, err := srv.changeFolder(r.Context(), r.PathValue("id"), patch)
	return answerFolder(w, http.StatusOK, f, err)
}

func (srv *server) changeFolder(ctx context.Context, id string, patch api.FolderPatch) (f api.Folder, err error) {
	switch {
	case patch.Existing != "" && patch.Existing != api.ExistingProcess:
		return f, api.Errorf(api.Invalid, "existing: got %q, want process; only when a folder is added can what lies there be ignored", patch.Existing)
	case patch.Existing == "" && len(patch.Options) == 0:
		return f, api.Errorf(api.Invalid, "nothing to change; give options or existing")
	}
	if len(patch.Options) > 0 {
		f, err = srv.cfg.Folders.Change(ctx, id, func(o api.FolderOptions) (api.FolderOptions, error) { return patched(o, patch.Options) })
	}
	if err == nil && patch.Existing != "" {
		f, err = srv.cfg.Folders.TakeExisting(ctx, id)
	}
	return f, err
}

// patched returns options with those that a patch names changed. Lists and
// metadata are replaced, not merged.
func patched(o api.FolderOptions, patch json.RawMessage) (api.FolderOptions, error) {
	var named map[string]json.RawMessage
	if err := json.Unmarshal(patch, &named); err != nil {
		return o, api.Errorf(api.Invalid, "options: %s", explainJSON(err))
	}
	for _, option := range api.OptionsOn(api.OnFolder) { // what is decoded must not share memory with the record
		if _, ok := named[option.Name]; ok {
			option.Clear(&o)
		}
	}
	err := strictJSON(patch, &o, "options")
	return o, err
}

func (srv *server) removeFolder(w http.ResponseWriter, r *http.Request) error {
	if err := srv.cfg.Folders.Remove(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (srv *server) pauseFolder(w http.ResponseWriter, r *http.Request) error {
	f, err := srv.cfg.Folders.SetPaused(r.Context(), r.PathValue("id"), true)
	return answerFolder(w, http.StatusOK, f, err)
}

func (srv *server) resumeFolder(w http.ResponseWriter, r *http.Request) error {
	f, err := srv.cfg.Folders.SetPaused(r.Context(), r.PathValue("id"), false)
	return answerFolder(w, http.StatusOK, f, err)
}

func (srv *server) rescanFolder(w http.ResponseWriter, r *http.Request) error {
	f, err := srv.cfg.Folders.Rescan(r.Context(), r.PathValue("id"))
	return answerFolder(w, http.StatusAccepted, f, err)
}

func (srv *server) explainFile(w http.ResponseWriter, r *http.Request) error {
	q := query{values: r.URL.Query()}
	path := q.text("path")
	if err := q.done(); err != nil {
		return err
	}
	v, err := srv.cfg.Folders.Explain(r.Context(), path)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, v)
	return nil
}
