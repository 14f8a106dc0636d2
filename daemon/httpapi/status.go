package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
)

func (srv *server) showHealth(w http.ResponseWriter, _ *http.Request) error {
	h := api.Health{Status: srv.cfg.Health(), Version: srv.cfg.Version}
	status := http.StatusOK
	if h.Status != api.HealthOK {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	}
	writeJSON(w, status, h)
	return nil
}

// showReady serves GET /readyz: whether work goes on, as far as that is the
// daemon's. Nobody needs a key for it, so it tells codes alone.
func (srv *server) showReady(w http.ResponseWriter, r *http.Request) error {
	if srv.cfg.Health() != api.HealthOK {
		return srv.showHealth(w, r)
	}
	h := api.Health{Status: api.HealthOK, Version: srv.cfg.Version}
	status := http.StatusOK
	for _, p := range srv.cfg.Blocked() {
		h.Problems = append(h.Problems, p.Code)
	}
	if len(h.Problems) > 0 {
		h.Status, status = api.HealthBlocked, http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	}
	writeJSON(w, status, h)
	return nil
}

// showAlive serves GET /livez: who answers at all need not be started anew.
func (srv *server) showAlive(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, api.Health{Status: srv.cfg.Health(), Version: srv.cfg.Version})
	return nil
}

func (srv *server) showMetrics(w http.ResponseWriter, r *http.Request) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writePause))
	srv.cfg.Metrics.ServeHTTP(w, r)
	return nil
}

func (srv *server) showStatus(w http.ResponseWriter, r *http.Request) error {
	s, err := srv.status(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, s)
	return nil
}

// status gathers what /v1/status shows.
func (srv *server) status(ctx context.Context) (api.Status, error) {
	model, ready := srv.cfg.Model()
	s := api.Status{
		Version: srv.cfg.Version, PID: os.Getpid(), StartedAt: srv.cfg.Started, Socket: srv.cfg.Settings.Socket, Listen: srv.cfg.Addr(), DataDir: srv.cfg.Settings.DataDir,
		Config: srv.cfg.Settings.ConfigFile, Plan: string(srv.cfg.Settings.Plan), Model: model, ModelReady: ready,
		Running: []api.Job{}, Webhooks: []api.WebhookHealth{}, Workers: []api.Worker{}, Problems: []api.Problem{},
	}
	var err error
	if s.Jobs, err = srv.cfg.Jobs.CountJobs(ctx); err != nil {
		return s, err
	}
	if s.Deliveries, err = srv.cfg.Deliveries.CountDeliveries(ctx); err != nil {
		return s, err
	}
	s.Running = append(s.Running, srv.cfg.Runner.Running()...)
	s.Workers = append(s.Workers, srv.cfg.Runner.Workers()...)
	if err := srv.statusOfWebhooks(ctx, &s); err != nil {
		return s, err
	}
	if s.Folders, err = srv.cfg.Folders.Views(ctx); err != nil {
		return s, err
	}
	q, err := srv.cfg.Audio.Quarantined(ctx)
	if err != nil {
		return s, err
	}
	s.QuarantinedFiles, s.QuarantinedBytes = q.Files, q.Bytes
	s.Problems = append(s.Problems, srv.cfg.Problems()...)
	return s, nil
}

// statusOfWebhooks adds every webhook, and a problem for each that was disabled
// by its failures.
func (srv *server) statusOfWebhooks(ctx context.Context, s *api.Status) error {
	hooks, err := srv.cfg.Webhooks.Webhooks(ctx)
	if err != nil {
		return err
	}
	for _, w := range hooks {
		n, err := srv.cfg.Webhooks.WebhookCounts(ctx, w.ID)
		if errors.Is(err, api.NotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return err
		}
		s.Webhooks = append(s.Webhooks, api.WebhookHealth{ID: w.ID, URL: w.URL, Active: w.Active, DisabledReason: w.DisabledReason,
			Pending: n[api.DeliveryPending] + n[api.DeliveryInFlight], Held: n[api.DeliveryHeld], Failures: w.ConsecutiveFailures})
		if !w.Active && w.DisabledReason != api.DisabledByUser {
			s.Problems = append(s.Problems, api.Problem{Code: "webhook_disabled",
				Message: fmt.Sprintf("the webhook %s was disabled (%s), and %d deliveries wait for it", w.ID, w.DisabledReason, n[api.DeliveryHeld]),
				Fix:     problem.EnableWebhook(w.ID, w.DisabledReason)})
		}
	}
	return nil
}

func (srv *server) stopByRequest(w http.ResponseWriter, _ *http.Request) error {
	srv.cfg.Logger.Info("asked to stop")
	writeJSON(w, http.StatusAccepted, api.Health{Status: api.HealthStopping, Version: srv.cfg.Version})
	srv.cfg.Stop()
	return nil
}
