package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/webhook"
)

// Limits of a webhook's settings.
const (
	maxURL          = 2048 // bytes
	maxDescription  = 500  // characters
	maxRateLimit    = 10000
	defaultOverlap  = 24 * time.Hour
	maxOverlap      = 7 * 24 * time.Hour
	maxTimeout      = 60 * time.Second
	maxWebhookEvent = 16
)

var subscribable = []string{api.EventCompleted, api.EventFailed}

func (d *Daemon) createWebhook(w http.ResponseWriter, r *http.Request) error {
	var patch api.WebhookPatch
	if err := readJSON(w, r, &patch, false); err != nil {
		return err
	}
	if patch.URL == nil {
		return api.Errorf(api.Invalid, "url: missing")
	}
	rec := store.Webhook{ID: store.NewID(api.WebhookPrefix), Active: true, Timeout: defaultTimeout, AllowPrivate: d.mayBePrivate(r), Temporary: patch.Temporary}
	if err := d.applyPatch(r, &rec, patch); err != nil {
		return err
	}
	secret, err := d.newSecret(&rec)
	if err != nil {
		return err
	}
	limit := d.cfg.WebhookCap()
	rec, err = d.db.CreateWebhook(r.Context(), rec, limit)
	if errors.Is(err, api.Conflict) {
		return api.Errorf(api.Conflict, "the plan %q allows %d webhooks; remove one, or lift the limit with plan = \"unlimited\" in the config file", d.cfg.Plan, limit)
	}
	if err != nil {
		return err
	}
	d.deliver.forget(rec.ID)
	d.log.Info("webhook added", "webhook", rec.ID)
	if rec.Temporary {
		d.holds.announce()
	}
	view := viewWebhook(rec)
	view.Secret = secret
	w.Header().Set("Location", "/v1/webhooks/"+rec.ID)
	writeJSON(w, http.StatusCreated, view)
	return nil
}

// mayBePrivate is whether a webhook that this request makes may reach private
// addresses: whoever has the socket may do so anyway.
func (d *Daemon) mayBePrivate(r *http.Request) bool { return overSocket(r) || d.cfg.AllowPrivate }

// newSecret puts a fresh secret, sealed, into rec and returns it in the clear.
func (d *Daemon) newSecret(rec *store.Webhook) (string, error) {
	secret, err := webhook.NewSecret()
	if err != nil {
		return "", err
	}
	rec.Secret, err = d.vault.Seal([]byte(secret), rec.ID)
	if err != nil {
		return "", fmt.Errorf("seal the secret of %s: %w", rec.ID, err)
	}
	rec.SecretLast4 = webhook.Last4(secret)
	return secret, nil
}

// applyPatch checks what a request asks for and puts it into rec.
func (d *Daemon) applyPatch(r *http.Request, rec *store.Webhook, p api.WebhookPatch) error {
	if p.AllowPrivate != nil {
		if *p.AllowPrivate && !d.mayBePrivate(r) {
			return api.Errorf(api.Invalid, "allow_private: over TCP only the daemon's setting allow_private can allow it")
		}
		rec.AllowPrivate = *p.AllowPrivate
	}
	if p.URL != nil && *p.URL != rec.URL {
		if len(*p.URL) > maxURL {
			return api.Errorf(api.Invalid, "url: over %d bytes", maxURL)
		}
		rec.AllowPrivate = rec.AllowPrivate && d.mayBePrivate(r)
		if err := webhook.CheckURL(*p.URL, rec.AllowPrivate); err != nil {
			return err
		}
		rec.URL = *p.URL
	}
	if p.Events != nil {
		if err := checkEvents(*p.Events); err != nil {
			return err
		}
		rec.Events = slices.Compact(slices.Sorted(slices.Values(*p.Events)))
	}
	if p.Description != nil {
		if utf8.RuneCountInString(*p.Description) > maxDescription {
			return api.Errorf(api.Invalid, "description: over %d characters", maxDescription)
		}
		rec.Description = *p.Description
	}
	if p.TimeoutSeconds != nil {
		t := time.Duration(*p.TimeoutSeconds) * time.Second
		if t < time.Second || t > maxTimeout {
			return api.Errorf(api.Invalid, "timeout_seconds: got %d, want 1 to 60", *p.TimeoutSeconds)
		}
		rec.Timeout = t
	}
	if p.RateLimit != nil {
		if !(*p.RateLimit >= 0 && *p.RateLimit <= maxRateLimit) {
			return api.Errorf(api.Invalid, "rate_limit: got %g, want 0 (none) to %d deliveries a second", *p.RateLimit, maxRateLimit)
		}
		rec.RateLimit = *p.RateLimit
	}
	if p.Ordered != nil {
		rec.Ordered = *p.Ordered
	}
	if p.Active != nil {
		rec.Active = *p.Active
	}
	return nil
}

func checkEvents(events []string) error {
	if len(events) > maxWebhookEvent {
		return api.Errorf(api.Invalid, "events: over %d", maxWebhookEvent)
	}
	for _, e := range events {
		if slices.Contains(subscribable, e) {
			continue
		}
		if near := api.Nearest(e, subscribable); near != "" {
			return api.Errorf(api.Invalid, "events: unknown event %q; did you mean %q?", e, near)
		}
		return api.Errorf(api.Invalid, "events: unknown event %q; there are: %s", e, strings.Join(subscribable, ", "))
	}
	return nil
}

func (d *Daemon) listWebhooks(w http.ResponseWriter, r *http.Request) error {
	recs, err := d.db.Webhooks(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, api.List[api.Webhook]{Items: viewAll(recs, viewWebhook)})
	return nil
}

func (d *Daemon) showWebhook(w http.ResponseWriter, r *http.Request) error {
	rec, err := d.db.Webhook(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, viewWebhook(rec))
	return nil
}

func (d *Daemon) patchWebhook(w http.ResponseWriter, r *http.Request) error {
	var patch api.WebhookPatch
	if err := readJSON(w, r, &patch, false); err != nil {
		return err
	}
	rec, err := d.db.UpdateWebhook(r.Context(), r.PathValue("id"), func(rec *store.Webhook) error { return d.applyPatch(r, rec, patch) })
	if err != nil {
		return err
	}
	d.deliver.forget(rec.ID)
	writeJSON(w, http.StatusOK, viewWebhook(rec))
	return nil
}

func (d *Daemon) deleteWebhook(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := d.db.DeleteWebhook(r.Context(), id); err != nil {
		return err
	}
	d.deliver.forget(id)
	d.log.Info("webhook removed", "webhook", id)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// testWebhook posts a webhook.test event and answers once its first attempt is
// over, or after the time that one may take.
func (d *Daemon) testWebhook(w http.ResponseWriter, r *http.Request) error {
	rec, err := d.db.Webhook(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if !rec.Active {
		return api.Errorf(api.Conflict, "%s is disabled (%s) and gets nothing, tests neither; enable it first", rec.ID, rec.DisabledReason)
	}
	meta := webhook.EventMeta{ID: store.NewID(api.EventPrefix), CreatedAt: time.Now().UTC()}
	body, err := webhook.TestBody(meta, rec.ID)
	if err != nil {
		return err
	}
	made, err := d.db.PostEvent(r.Context(), store.Event{ID: meta.ID, Type: api.EventTest, CreatedAt: meta.CreatedAt, Body: body}, []string{rec.ID}, true)
	if err != nil {
		return err
	}
	return d.answerAttempted(w, r, made[0].ID, timeoutOf(rec)+time.Second)
}

// answerAttempted waits for the first attempt of a delivery, at most for the
// given time, and answers with the delivery as it then is.
func (d *Daemon) answerAttempted(w http.ResponseWriter, r *http.Request, id string, atMost time.Duration) error {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	for {
		rung := d.attempted.wait()
		rec, attempts, err := d.db.Delivery(r.Context(), id)
		if err != nil {
			return err
		}
		wait := len(attempts) == 0 && (rec.State == api.DeliveryPending || rec.State == api.DeliveryInFlight)
		if wait {
			select {
			case <-rung:
				continue
			case <-timer.C:
			case <-d.halted:
			case <-r.Context().Done():
				return r.Context().Err()
			}
		}
		writeJSON(w, http.StatusAccepted, viewDelivery(rec, attempts))
		return nil
	}
}

func (d *Daemon) rotateSecret(w http.ResponseWriter, r *http.Request) error {
	var ask api.RotateRequest
	if err := readJSON(w, r, &ask, true); err != nil {
		return err
	}
	overlap := defaultOverlap
	if ask.OverlapSeconds != nil {
		overlap = time.Duration(*ask.OverlapSeconds) * time.Second
	}
	if overlap < 0 || overlap > maxOverlap {
		return api.Errorf(api.Invalid, "overlap_seconds: want 0 to %d", int(maxOverlap/time.Second))
	}
	var secret string
	rec, err := d.db.UpdateWebhook(r.Context(), r.PathValue("id"), func(rec *store.Webhook) error {
		old := rec.Secret
		var err error
		if secret, err = d.newSecret(rec); err != nil {
			return err
		}
		rec.PreviousSecret, rec.PreviousUntil = nil, time.Time{}
		if overlap > 0 {
			rec.PreviousSecret, rec.PreviousUntil = old, time.Now().UTC().Add(overlap)
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.deliver.forget(rec.ID)
	d.log.Info("webhook secret rotated", "webhook", rec.ID, "overlap", overlap)
	view := viewWebhook(rec)
	view.Secret = secret
	writeJSON(w, http.StatusOK, view)
	return nil
}
