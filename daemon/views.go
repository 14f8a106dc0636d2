package daemon

import (
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/watch"
)

// viewJob returns a job as the API shows it. What runs at this moment is laid
// over the record.
func (d *Daemon) viewJob(j store.Job) api.Job {
	v := api.Job{
		ID: j.ID, Status: j.State, Source: j.Source, Options: j.Options, Metadata: j.Metadata, Webhooks: j.Webhooks,
		CreatedAt: j.CreatedAt, StartedAt: j.StartedAt, FinishedAt: j.FinishedAt, Attempts: j.Attempts,
		Error: j.Error.Message, ErrorCode: j.Error.Code, Waiting: j.Waiting,
	}
	if j.Source.Folder != "" { // names in folders are raw bytes
		v.Source.Name, v.Source.Path = watch.Printable(j.Source.Name), watch.Printable(j.Source.Path)
	}
	if j.State == api.Queued && j.Due.After(time.Now()) {
		v.NextTryAt = j.Due
	}
	if j.State != api.Processing {
		return v
	}
	p := j.Progress
	if run := d.work.running(j.ID); run != nil {
		p, v.Waiting = run.state()
	}
	if p.Stage != "" {
		v.Progress = &p
	}
	return v
}

func viewWebhook(w store.Webhook) api.Webhook {
	v := api.Webhook{
		ID: w.ID, URL: w.URL, Events: w.Events, Description: w.Description, Active: w.Active, SecretLast4: w.SecretLast4,
		CreatedAt: w.CreatedAt, DisabledAt: w.DisabledAt, DisabledReason: w.DisabledReason, ConsecutiveFailures: w.ConsecutiveFailures,
		TimeoutSeconds: int(timeoutOf(w) / time.Second), Ordered: w.Ordered, RateLimit: w.RateLimit, AllowPrivate: w.AllowPrivate, Temporary: w.Temporary,
	}
	if v.Events == nil {
		v.Events = []string{}
	}
	if len(w.PreviousSecret) > 0 && w.PreviousUntil.After(time.Now()) {
		v.PreviousUntil = w.PreviousUntil
	}
	return v
}

// defaultTimeout is the time limit of an attempt where the webhook has none.
const defaultTimeout = 15 * time.Second

func timeoutOf(w store.Webhook) time.Duration {
	if w.Timeout > 0 {
		return w.Timeout
	}
	return defaultTimeout
}

func viewDelivery(r store.Delivery, attempts []api.Attempt) api.Delivery {
	v := api.Delivery{
		ID: r.ID, State: r.State, EventID: r.EventID, EventType: r.EventType, WebhookID: r.WebhookID, JobID: r.JobID,
		CreatedAt: r.CreatedAt, FinishedAt: r.FinishedAt, Manual: r.Manual, RedeliveryOf: r.RedeliveryOf,
		AttemptCount: r.Attempts, Attempts: attempts,
	}
	if r.State == api.DeliveryPending {
		v.NextDueAt = r.Due
	}
	return v
}

// viewAll turns a page of records into the wire's items; never null.
func viewAll[R, V any](records []R, view func(R) V) []V {
	items := make([]V, 0, len(records))
	for _, r := range records {
		items = append(items, view(r))
	}
	return items
}
