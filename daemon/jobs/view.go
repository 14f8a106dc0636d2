package jobs

import (
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

// View returns a job as the API shows it. What runs at this moment is laid over
// the record.
func (r *Runner) View(j store.Job) api.Job {
	v := api.Job{
		ID: j.ID, Status: j.Status, Source: j.Source, Options: j.Options, Metadata: j.Metadata, Webhooks: j.Webhooks,
		CreatedAt: j.CreatedAt, StartedAt: j.StartedAt, FinishedAt: j.FinishedAt, Attempts: j.Attempts,
		Error: j.Error.Message, ErrorCode: j.Error.Code, Waiting: j.Waiting,
	}
	if j.Source.Folder != "" { // names in folders are raw bytes
		v.Source.Name, v.Source.Path = watch.Printable(j.Source.Name), watch.Printable(j.Source.Path)
	}
	if j.Status == api.Queued && j.Due.After(time.Now()) {
		v.NextTryAt = j.Due
	}
	if j.Status != api.Processing {
		return v
	}
	p := j.Progress
	if x := r.running(j.ID); x != nil {
		p, v.Waiting = x.state()
	}
	if p.Stage != "" {
		v.Progress = &p
	}
	return v
}
