package httpapi

import (
	"net/http"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/store"
)

func (srv *server) enableWebhook(w http.ResponseWriter, r *http.Request) error {
	var ask api.ReplayRequest
	if err := readJSON(w, r, &ask, true); err != nil {
		return err
	}
	id := r.PathValue("id")
	again, err := dispatch.NewReplay(id, ask)
	if err != nil {
		return err
	}
	rec, err := srv.cfg.Webhooks.UpdateWebhook(r.Context(), id, func(rec *store.Webhook) error {
		rec.Active = true
		return mayEnable(rec)
	})
	if err != nil {
		return err
	}
	srv.cfg.Dispatcher.Drop(id)
	srv.cfg.Logger.Info("webhook enabled", "webhook", id)
	if !ask.Since.IsZero() {
		if _, err := srv.cfg.Replays.Start(r.Context(), again); err != nil {
			return err
		}
	}
	writeJSON(w, http.StatusOK, viewWebhook(rec))
	return nil
}

func (srv *server) replayWebhook(w http.ResponseWriter, r *http.Request) error {
	var ask api.ReplayRequest
	if err := readJSON(w, r, &ask, false); err != nil {
		return err
	}
	if ask.Since.IsZero() {
		return api.Errorf(api.Invalid, "since: missing; a time such as 2026-05-03T12:00:00Z")
	}
	p, err := dispatch.NewReplay(r.PathValue("id"), ask)
	if err != nil {
		return err
	}
	answer, err := srv.cfg.Replays.Start(r.Context(), p)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusAccepted, answer)
	return nil
}
