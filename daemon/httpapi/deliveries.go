package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/internal/eventbody"
	"github.com/voxparse/voxparse/store"
)

// listDeliveries serves GET /v1/webhooks/{id}/deliveries.
func (srv *server) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	if _, err := srv.cfg.Webhooks.Webhook(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	q := query{values: r.URL.Query()}
	return srv.answerDeliveries(w, r, &q, store.DeliveryFilter{Webhook: r.PathValue("id"), Job: q.text("job_id")})
}

// listAllDeliveries serves GET /v1/deliveries: those of every webhook.
func (srv *server) listAllDeliveries(w http.ResponseWriter, r *http.Request) error {
	q := query{values: r.URL.Query()}
	return srv.answerDeliveries(w, r, &q, store.DeliveryFilter{Webhook: q.text("webhook_id"), Job: q.text("job_id")})
}

// listJobDeliveries serves GET /v1/jobs/{id}/deliveries.
func (srv *server) listJobDeliveries(w http.ResponseWriter, r *http.Request) error {
	if _, err := srv.cfg.Jobs.Job(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	q := query{values: r.URL.Query()}
	return srv.answerDeliveries(w, r, &q, store.DeliveryFilter{Webhook: q.text("webhook_id"), Job: r.PathValue("id")})
}

// answerDeliveries answers with the page that q asks for of those that pass the
// filter.
func (srv *server) answerDeliveries(w http.ResponseWriter, r *http.Request, q *query, filter store.DeliveryFilter) error {
	filter.Status, filter.Since, filter.Until = api.DeliveryStatus(q.status(api.DeliveryStatuses)), q.time("since"), q.time("until")
	cursor := q.cursor(api.DeliveryPrefix)
	limit, offset := q.number("limit", api.DefaultListLimit, 1, api.MaxListLimit), q.number("offset", 0, 0, 1<<31)
	if err := q.done(); err != nil {
		return err
	}
	recs, next, err := srv.deliveriesPage(r, filter, cursor, offset, limit)
	if err != nil {
		return err
	}
	page := api.List[api.Delivery]{HasMore: next != "", Next: next}
	page.Items = viewAll(recs, func(rec store.Delivery) api.Delivery { return viewDelivery(rec, nil) })
	writeJSON(w, http.StatusOK, page)
	return nil
}

// deliveriesPage skips offset records after the cursor and returns the next
// limit, and the cursor of those that follow.
func (srv *server) deliveriesPage(r *http.Request, filter store.DeliveryFilter, cursor string, offset, limit int) ([]store.Delivery, string, error) {
	for {
		recs, next, err := srv.cfg.Deliveries.Deliveries(r.Context(), filter, cursor, min(offset+limit, api.MaxListLimit))
		if err != nil {
			return nil, "", err
		}
		if offset < len(recs) {
			recs = recs[offset:]
			if len(recs) > limit {
				recs, next = recs[:limit], recs[limit-1].ID
			}
			return recs, next, nil
		}
		offset -= len(recs)
		if next == "" {
			return nil, "", nil
		}
		cursor = next
	}
}

func (srv *server) showDelivery(w http.ResponseWriter, r *http.Request) error {
	rec, attempts, err := srv.cfg.Deliveries.Delivery(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	view := viewDelivery(rec, attempts)
	if view.RequestBody, err = srv.eventBody(r.Context(), rec); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, view)
	return nil
}

// eventBody returns what every attempt of a delivery sends; "" where the event is
// gone.
func (srv *server) eventBody(ctx context.Context, d store.Delivery) (string, error) {
	found, err := srv.cfg.Events.EventsSince(ctx, d.Seq-1, 1)
	if err != nil || len(found) == 0 || found[0].ID != d.EventID {
		return "", err
	}
	return string(found[0].Body), nil
}

func (srv *server) redeliver(w http.ResponseWriter, r *http.Request) error {
	rec, err := srv.cfg.Deliveries.Redeliver(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusAccepted, viewDelivery(rec, nil))
	return nil
}

// testWebhook posts a webhook.test event and answers once its first attempt is
// over, or after the time that one may take.
func (srv *server) testWebhook(w http.ResponseWriter, r *http.Request) error {
	rec, err := srv.cfg.Webhooks.Webhook(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if !rec.Active {
		return api.Errorf(api.Conflict, "%s is disabled (%s), so nothing is sent to it, not even a test; enable it first", rec.ID, rec.DisabledReason)
	}
	meta := eventbody.Meta{ID: store.NewID(api.EventPrefix), CreatedAt: time.Now().UTC()}
	body, err := eventbody.Test(meta, rec.ID)
	if err != nil {
		return err
	}
	made, err := srv.cfg.Webhooks.PostEvent(r.Context(), store.Event{ID: meta.ID, Type: api.EventTest, CreatedAt: meta.CreatedAt, Body: body}, []string{rec.ID}, true)
	if err != nil {
		return err
	}
	return srv.answerAttempted(w, r, made[0].ID, dispatch.Timeout(rec)+time.Second)
}

// answerAttempted waits for the first attempt of a delivery, at most for the
// given time, and answers with the delivery as it then is.
func (srv *server) answerAttempted(w http.ResponseWriter, r *http.Request, id string, atMost time.Duration) error {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	for {
		recorded := srv.cfg.Attempted()
		rec, attempts, err := srv.cfg.Deliveries.Delivery(r.Context(), id)
		if err != nil {
			return err
		}
		wait := len(attempts) == 0 && (rec.Status == api.DeliveryPending || rec.Status == api.DeliveryInFlight)
		if wait {
			select {
			case <-recorded:
				continue
			case <-timer.C:
			case <-srv.cfg.Halted:
			case <-r.Context().Done():
				return r.Context().Err()
			}
		}
		writeJSON(w, http.StatusAccepted, viewDelivery(rec, attempts))
		return nil
	}
}

func viewDelivery(r store.Delivery, attempts []api.Attempt) api.Delivery {
	v := api.Delivery{
		ID: r.ID, Status: r.Status, EventID: r.EventID, EventType: r.EventType, WebhookID: r.WebhookID, JobID: r.JobID,
		CreatedAt: r.CreatedAt, FinishedAt: r.FinishedAt, Manual: r.Manual, RedeliveryOf: r.RedeliveryOf,
		AttemptCount: r.Attempts, Attempts: attempts,
	}
	if r.Status == api.DeliveryPending {
		v.NextDueAt = r.Due
	}
	return v
}
