package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/internal/sender"
	"github.com/voxparse/voxparse/store"
)

func (srv *server) createWebhook(w http.ResponseWriter, r *http.Request) error {
	var patch api.WebhookPatch
	if err := readJSON(w, r, &patch, false); err != nil {
		return err
	}
	if patch.URL == nil {
		return api.Errorf(api.Invalid, "url: missing")
	}
	rec := store.Webhook{ID: store.NewID(api.WebhookPrefix), Active: true, Timeout: sender.DefaultTimeout, AllowPrivate: srv.mayBePrivate(r), Temporary: patch.Temporary}
	if err := srv.applyPatch(r, &rec, patch); err != nil {
		return err
	}
	secret, err := srv.newSecret(&rec)
	if err != nil {
		return err
	}
	limit := srv.cfg.Settings.WebhookCap
	rec, err = srv.cfg.Webhooks.CreateWebhook(r.Context(), rec, limit)
	if errors.Is(err, api.Conflict) {
		return api.Errorf(api.Conflict, "the plan %q allows %d webhooks; remove one, or lift the limit with plan = \"unlimited\" in the config file", srv.cfg.Settings.Plan, limit)
	}
	if err != nil {
		return err
	}
	srv.cfg.Dispatcher.Drop(rec.ID)
	srv.cfg.Logger.Info("webhook added", "webhook", rec.ID)
	if rec.Temporary {
		srv.cfg.Leases.Made()
	}
	view := viewWebhook(rec)
	view.Secret = secret
	w.Header().Set("Location", "/v1/webhooks/"+rec.ID)
	writeJSON(w, http.StatusCreated, view)
	return nil
}

// mayBePrivate is whether a webhook that this request makes may reach private
// addresses: whoever may use the socket can reach them anyway.
func (srv *server) mayBePrivate(r *http.Request) bool {
	return overSocket(r) || srv.cfg.Settings.AllowPrivate
}

func (srv *server) listWebhooks(w http.ResponseWriter, r *http.Request) error {
	recs, err := srv.cfg.Webhooks.Webhooks(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, api.List[api.Webhook]{Items: viewAll(recs, viewWebhook)})
	return nil
}

func (srv *server) showWebhook(w http.ResponseWriter, r *http.Request) error {
	rec, err := srv.cfg.Webhooks.Webhook(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, viewWebhook(rec))
	return nil
}

func (srv *server) patchWebhook(w http.ResponseWriter, r *http.Request) error {
	var patch api.WebhookPatch
	if err := readJSON(w, r, &patch, false); err != nil {
		return err
	}
	rec, err := srv.cfg.Webhooks.UpdateWebhook(r.Context(), r.PathValue("id"), func(rec *store.Webhook) error {
		if patch.Active != nil && *patch.Active {
			if err := mayEnable(rec); err != nil {
				return err
			}
		}
		return srv.applyPatch(r, rec, patch)
	})
	if err != nil {
		return err
	}
	srv.cfg.Dispatcher.Drop(rec.ID)
	writeJSON(w, http.StatusOK, viewWebhook(rec))
	return nil
}

func (srv *server) deleteWebhook(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	force, err := readForce(r)
	if err != nil {
		return err
	}
	if err := srv.cfg.Webhooks.DeleteWebhook(r.Context(), id, force); err != nil {
		return err
	}
	srv.cfg.Dispatcher.Drop(id)
	srv.cfg.Logger.Info("webhook removed", "webhook", id)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func viewWebhook(w store.Webhook) api.Webhook {
	v := api.Webhook{
		ID: w.ID, URL: w.URL, Events: w.Events, Description: w.Description, Active: w.Active, SecretLast4: w.SecretLast4,
		CreatedAt: w.CreatedAt, DisabledAt: w.DisabledAt, DisabledReason: w.DisabledReason, ConsecutiveFailures: w.ConsecutiveFailures,
		TimeoutSeconds: int(dispatch.Timeout(w) / time.Second), Ordered: w.Ordered, RateLimit: w.RateLimit, AllowPrivate: w.AllowPrivate, Temporary: w.Temporary,
	}
	if v.Events == nil {
		v.Events = []string{}
	}
	now := time.Now()
	v.SecretSince = w.SecretInUseSince(now)
	if w.Rotating(now) {
		v.PreviousUntil, v.SecretInUse = w.PreviousUntil, api.SecretOld
		if w.NewSecretInUse {
			v.SecretInUse = api.SecretNew
		}
	}
	return v
}
