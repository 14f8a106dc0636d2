package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/webhook"
)

// For how long the secret before signs beside a new one.
const (
	defaultOverlap = 24 * time.Hour
	maxOverlap     = 7 * 24 * time.Hour
)

// newSecret puts a fresh secret, sealed, into rec and returns it in the clear.
func (srv *server) newSecret(rec *store.Webhook) (secret string, err error) {
	secret, rec.Secret, rec.SecretLast4, err = srv.makeSecret(rec.ID)
	return secret, err
}

// mayEnable refuses a webhook whose secret was given up: nothing can be signed.
func mayEnable(rec *store.Webhook) error {
	if len(rec.Secret) > 0 {
		return nil
	}
	return api.Errorf(api.Conflict, "the secret of %s was lost with the master key; give it a new one first: voxparse webhooks rotate %s", rec.ID, rec.ID)
}

// rotate gives rec a fresh secret and returns it in the clear.
func (srv *server) rotate(rec *store.Webhook, overlap time.Duration, now time.Time) (string, error) {
	secret, sealed, last4, err := srv.makeSecret(rec.ID)
	if err != nil {
		return "", err
	}
	inUse, _ := rec.SigningSecrets(now)
	lost, err := srv.cfg.Secrets.Lost(inUse)
	if err != nil {
		return "", api.Errorf(api.Unavailable, "the master key cannot be read now, so nothing of %s was changed: %v", rec.ID, err)
	}
	if lost {
		overlap = 0 // nothing can be signed with it any more
	}
	rec.Rotate(sealed, last4, overlap, now)
	return secret, nil
}

func (srv *server) makeSecret(webhookID string) (secret string, sealed []byte, last4 string, err error) {
	if secret, err = webhook.NewSecret(); err != nil {
		return "", nil, "", err
	}
	if sealed, err = srv.cfg.Secrets.Seal([]byte(secret), webhookID); err != nil {
		return "", nil, "", fmt.Errorf("seal the secret of %s: %w", webhookID, err)
	}
	return secret, sealed, "..." + secret[len(secret)-4:], nil
}

func (srv *server) rotateSecret(w http.ResponseWriter, r *http.Request) error {
	var ask api.RotateRequest
	if err := readJSON(w, r, &ask, true); err != nil {
		return err
	}
	if ask.Finish {
		return srv.finishRotation(w, r, ask)
	}
	overlap := defaultOverlap
	if ask.OverlapSeconds != nil {
		overlap = time.Duration(*ask.OverlapSeconds) * time.Second
	}
	if overlap < 0 || overlap > maxOverlap {
		return api.Errorf(api.Invalid, "overlap_seconds: want 0 to %d", int(maxOverlap/time.Second))
	}
	var secret string
	rec, err := srv.cfg.Webhooks.UpdateWebhook(r.Context(), r.PathValue("id"), func(rec *store.Webhook) error {
		now := time.Now().UTC()
		if rec.Rotating(now) && !ask.Force {
			return api.Errorf(api.Conflict, "a rotation of %s goes on until %s, and another would end the secret that it introduced; wait, finish it (voxparse webhooks rotate %s --finish), or use force", rec.ID, rec.PreviousUntil.Format(time.RFC3339), rec.ID)
		}
		var err error
		secret, err = srv.rotate(rec, overlap, now)
		return err
	})
	if err != nil {
		return err
	}
	srv.cfg.Dispatcher.Drop(rec.ID)
	srv.cfg.Logger.Info("webhook secret rotated", "webhook", rec.ID, "overlap", overlap)
	view := viewWebhook(rec)
	view.Secret = secret
	writeJSON(w, http.StatusOK, view)
	return nil
}

// finishRotation ends the overlap of a rotation: the new secret is left.
func (srv *server) finishRotation(w http.ResponseWriter, r *http.Request, ask api.RotateRequest) error {
	if ask.OverlapSeconds != nil || ask.Force {
		return api.Errorf(api.Invalid, "finish: makes no new secret, so it goes without overlap_seconds and force")
	}
	rec, err := srv.cfg.Webhooks.UpdateWebhook(r.Context(), r.PathValue("id"), func(rec *store.Webhook) error {
		now := time.Now().UTC()
		if !rec.Rotating(now) {
			return api.Errorf(api.Conflict, "no rotation of %s is under way: it has one secret", rec.ID)
		}
		rec.FinishRotation(now)
		return nil
	})
	if err != nil {
		return err
	}
	srv.cfg.Dispatcher.Drop(rec.ID)
	srv.cfg.Logger.Info("webhook secret rotation finished", "webhook", rec.ID)
	writeJSON(w, http.StatusOK, viewWebhook(rec))
	return nil
}
