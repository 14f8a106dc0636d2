package httpapi

import (
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
)

// leaseWebhook serves GET /v1/webhooks/{id}/hold: a silent stream
// that has a lease of a temporary webhook. Soon after its end, however it comes,
// the webhook is removed.
func (srv *server) leaseWebhook(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	rec, err := srv.cfg.Webhooks.Webhook(r.Context(), id)
	if err != nil {
		return err
	}
	if !rec.Temporary {
		return api.Errorf(api.Conflict, "%s is not a temporary webhook; only one that was created with temporary can be leased", id)
	}
	srv.cfg.Leases.Take(id)
	srv.keepUntilGone(newStream(w), r, id)
	srv.cfg.Leases.Return(r.Context(), id)
	return nil
}

// keepUntilGone keeps a stream open until its client has gone, the webhook was
// removed or the daemon stops.
func (srv *server) keepUntilGone(s *stream, r *http.Request, id string) {
	keepAlive := time.NewTicker(keepAliveEvery)
	defer keepAlive.Stop()
	for s.keepAlive() == nil {
		select {
		case <-keepAlive.C:
			if _, err := srv.cfg.Webhooks.Webhook(r.Context(), id); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-srv.cfg.Halted:
			return
		}
	}
}
