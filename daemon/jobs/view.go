package jobs

import (
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

// shownSource is the source of a job as people and programs get it.
func shownSource(j store.Job) api.Source {
	s := j.Source
	if s.Folder != "" { // names in folders are raw bytes
		s.Name, s.Path = watch.Printable(s.Name), watch.Printable(s.Path)
	}
	return s
}

// View returns a job as the API shows it. What runs at this moment is laid over
// the record.
func (r *Runner) View(j store.Job) api.Job {
	v := api.Job{
		ID: j.ID, Status: j.Status, Source: shownSource(j), Options: j.Options, Metadata: j.Metadata, Webhooks: j.Webhooks,
		CreatedAt: j.CreatedAt, StartedAt: j.StartedAt, FinishedAt: j.FinishedAt, Attempts: j.Attempts,
		Error: j.Error.Message, ErrorCode: j.Error.Code, Waiting: j.Waiting,
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
