package daemon

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/voxparse/voxparse/api"
)

func (d *Daemon) showHealth(w http.ResponseWriter, _ *http.Request) error {
	h := api.Health{Status: *d.state.Load(), Version: d.opts.Version}
	status := http.StatusOK
	if h.Status != stateOK {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, h)
	return nil
}

func (d *Daemon) showStatus(w http.ResponseWriter, r *http.Request) error {
	s, err := d.status(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, s)
	return nil
}

// status gathers the daemon's own state.
func (d *Daemon) status(ctx context.Context) (api.Status, error) {
	s := api.Status{
		Version: d.opts.Version, PID: os.Getpid(), StartedAt: d.start, Socket: d.cfg.Socket, Listen: d.Addr(), DataDir: d.cfg.DataDir,
		Config: d.cfg.ConfigFile, Plan: d.cfg.Plan, Model: d.modelName(api.Options{}),
		Running: []api.Job{}, Webhooks: []api.WebhookHealth{}, Workers: []api.Worker{}, Problems: []api.Problem{},
	}
	_, remote := d.cfg.Engines[s.Model]
	s.ModelReady = remote || d.opts.Transcriber != nil || d.models.Ready(s.Model)
	var err error
	if s.Jobs, err = d.db.CountJobs(ctx); err != nil {
		return s, err
	}
	if s.Deliveries, err = d.db.CountDeliveries(ctx); err != nil {
		return s, err
	}
	for _, r := range d.work.all() {
		s.Running = append(s.Running, d.viewJob(r.job))
	}
	if d.work.pool != nil {
		s.Workers = append(s.Workers, d.work.pool.Workers()...)
	}
	if err := d.statusOfWebhooks(ctx, &s); err != nil {
		return s, err
	}
	if s.Folders, err = d.folders.views(ctx); err != nil {
		return s, err
	}
	s.Problems = append(s.Problems, d.problems(writeOnce)...)
	return s, nil
}

func (d *Daemon) statusOfWebhooks(ctx context.Context, s *api.Status) error {
	hooks, err := d.db.Webhooks(ctx)
	if err != nil {
		return err
	}
	for _, w := range hooks {
		n, err := d.db.WebhookCounts(ctx, w.ID)
		if isGone(err) {
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
				Cure:    "voxparse webhooks enable " + w.ID})
		}
	}
	return nil
}
