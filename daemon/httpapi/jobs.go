package httpapi

import (
	"net/http"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/feed"
	"github.com/voxparse/voxparse/store"
)

func (srv *server) listJobs(w http.ResponseWriter, r *http.Request) error {
	q := query{values: r.URL.Query()}
	filter := store.JobFilter{
		Status: api.JobStatus(q.status(api.JobStatuses)), Since: q.time("since"), Until: q.time("until"), Queue: q.text("folder"), Name: q.text("name"),
		Metadata: q.pair("metadata"), Before: q.cursor(api.JobPrefix),
	}
	limit, offset := q.number("limit", api.DefaultListLimit, 1, api.MaxListLimit), q.number("offset", 0, 0, 1<<31)
	if err := q.done(); err != nil {
		return err
	}
	jobs, err := srv.cfg.Jobs.JobsPage(r.Context(), filter, offset, limit+1)
	if err != nil {
		return err
	}
	page := api.List[api.Job]{HasMore: len(jobs) > limit}
	if page.HasMore {
		jobs = jobs[:limit]
		page.Next = jobs[limit-1].ID
	}
	page.Items = viewAll(jobs, srv.cfg.Runner.View)
	writeJSON(w, http.StatusOK, page)
	return nil
}

func (srv *server) showJob(w http.ResponseWriter, r *http.Request) error {
	job, err := srv.cfg.Jobs.Job(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, srv.cfg.Runner.View(job))
	return nil
}

func (srv *server) cancelJob(w http.ResponseWriter, r *http.Request) error {
	job, err := srv.cfg.Jobs.Cancel(r.Context(), r.PathValue("id"), 0)
	if err != nil {
		return err
	}
	srv.cfg.Runner.Cancel(job.ID)
	srv.cfg.Logger.Info("job cancelled", "job", job.ID)
	view := srv.cfg.Runner.View(job)
	srv.cfg.Feed.Publish(feed.Status, view)
	writeJSON(w, http.StatusOK, view)
	return nil
}

func (srv *server) retryJob(w http.ResponseWriter, r *http.Request) error {
	if err := srv.cfg.Accepting(); err != nil {
		return err
	}
	job, err := srv.cfg.Jobs.Retry(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	view := srv.cfg.Runner.View(job)
	srv.cfg.Feed.Publish(feed.Status, view)
	writeJSON(w, http.StatusOK, view)
	return nil
}

func (srv *server) deleteJob(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	force, err := readForce(r)
	if err != nil {
		return err
	}
	job, err := srv.cfg.Jobs.Job(r.Context(), id)
	if err != nil {
		return err
	}
	if err := srv.cfg.Jobs.DeleteJob(r.Context(), id, force); err != nil {
		return err
	}
	srv.cfg.Runner.RemoveAudio(job.Blob)
	srv.cfg.Copies.Remove(id)
	srv.cfg.Search.Delete(r.Context(), id)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
