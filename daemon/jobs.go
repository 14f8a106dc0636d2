package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/transcript"
	"github.com/voxparse/voxparse/webhook"
)

func (d *Daemon) listJobs(w http.ResponseWriter, r *http.Request) error {
	q := query{values: r.URL.Query()}
	filter := store.JobFilter{Status: api.JobStatus(q.choice("status", "queued", "processing", "completed", "failed", "cancelled")), Since: q.time("since")}
	limit, offset := q.number("limit", api.DefaultListLimit, 1, api.MaxListLimit), q.number("offset", 0, 0, 1<<31)
	if err := q.done(); err != nil {
		return err
	}
	jobs, err := d.db.JobsPage(r.Context(), filter, offset, limit)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, api.List[api.Job]{Items: viewAll(jobs, d.viewJob)})
	return nil
}

func (d *Daemon) showJob(w http.ResponseWriter, r *http.Request) error {
	job, err := d.db.Job(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, d.viewJob(job))
	return nil
}

func (d *Daemon) showResult(w http.ResponseWriter, r *http.Request) error {
	q := query{values: r.URL.Query()}
	format := q.choice("format", transcript.Formats...)
	if err := q.done(); err != nil {
		return err
	}
	id := r.PathValue("id")
	stored, err := d.db.Result(r.Context(), id)
	if err != nil {
		return err
	}
	if format == "" {
		writeBytes(w, http.StatusOK, "application/json", stored)
		return nil
	}
	var result api.Result
	if err := json.Unmarshal(stored, &result); err != nil {
		return fmt.Errorf("read the result of %s: %w", id, err)
	}
	var b bytes.Buffer
	if err := transcript.Write(&b, format, &result); err != nil {
		return fmt.Errorf("write the result of %s as %s: %w", id, format, err)
	}
	writeBytes(w, http.StatusOK, transcript.ContentType(format), b.Bytes())
	return nil
}

func (d *Daemon) cancelJob(w http.ResponseWriter, r *http.Request) error {
	job, err := d.db.Cancel(r.Context(), r.PathValue("id"), 0)
	if err != nil {
		return err
	}
	d.work.cancel(job.ID)
	d.log.Info("job cancelled", "job", job.ID)
	view := d.viewJob(job)
	d.hub.publish(eventStatus, view)
	writeJSON(w, http.StatusOK, view)
	return nil
}

func (d *Daemon) retryJob(w http.ResponseWriter, r *http.Request) error {
	if err := d.accepting(); err != nil {
		return err
	}
	job, err := d.db.Retry(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	view := d.viewJob(job)
	d.hub.publish(eventStatus, view)
	writeJSON(w, http.StatusOK, view)
	return nil
}

func (d *Daemon) deleteJob(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	job, err := d.db.Job(r.Context(), id)
	if err != nil {
		return err
	}
	if err := d.db.DeleteJob(r.Context(), id); err != nil {
		return err
	}
	d.dropBlob(job.Blob)
	d.dropCopy(id)
	d.search.forget(r.Context(), id)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// answerWhenDone waits for the end of a job and answers with its result. The
// job goes on when the client leaves.
func (d *Daemon) answerWhenDone(w http.ResponseWriter, r *http.Request, job store.Job, wait *listener) error {
	defer wait.leave()
	for {
		current, err := d.db.Job(r.Context(), job.ID)
		if err != nil {
			return err
		}
		if current.State.Terminal() {
			return d.answerResult(w, r, current)
		}
		select {
		case <-wait.ready:
			wait.take()
		case <-r.Context().Done():
			return r.Context().Err()
		case <-d.halted:
			return &api.Error{Code: api.Unavailable, RetryAfter: 5 * time.Second,
				Message: "the daemon is stopping; " + job.ID + " goes on when it runs again: voxparse jobs wait " + job.ID}
		}
	}
}

func (d *Daemon) answerResult(w http.ResponseWriter, r *http.Request, job store.Job) error {
	switch job.State {
	case api.Failed:
		return failure(job)
	case api.Cancelled:
		return api.Errorf(api.Conflict, "%s was cancelled", job.ID)
	}
	stored, err := d.db.Result(r.Context(), job.ID)
	if err != nil {
		return err
	}
	var result api.Result
	if err := json.Unmarshal(stored, &result); err != nil {
		return fmt.Errorf("read the result of %s: %w", job.ID, err)
	}
	body, err := webhook.ResultBody(&result, d.resultURL(job.ID))
	if err != nil {
		return err
	}
	writeBytes(w, http.StatusOK, "application/json", body)
	return nil
}

// failure is the answer to a synchronous submission whose job failed.
func failure(job store.Job) error {
	code := api.Invalid
	switch job.Error.Code {
	case api.JobNotAudio:
		code = api.NotAudio
	case api.JobTooLong:
		code = api.TooLarge
	case api.JobModelMissing:
		code = api.Unavailable
	case api.JobEngineCrashed, api.JobTimeout, api.JobRemote, api.JobInternal:
		code = api.Internal
	}
	return api.Errorf(code, "%s (%s, %s)", job.Error.Message, job.Error.Code, job.ID)
}

// resultURL is where the whole result of a job can be fetched.
func (d *Daemon) resultURL(jobID string) string {
	path := "/v1/jobs/" + jobID + "/result"
	if d.tcp == nil {
		return path
	}
	return "http://" + d.tcp.Addr().String() + path
}

// query reads parameters and remembers the first mistake. A parameter that
// nobody asked for is one.
type query struct {
	values map[string][]string
	asked  []string
	err    error
}

func (q *query) text(name string) string {
	q.asked = append(q.asked, name)
	v := q.values[name]
	if len(v) > 1 && q.err == nil {
		q.err = api.Errorf(api.Invalid, "%s stands there twice", name)
	}
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

func (q *query) fail(name, got, want string) {
	if q.err == nil {
		q.err = api.Errorf(api.Invalid, "%s: got %q, want %s", name, got, want)
	}
}

func (q *query) choice(name string, allowed ...string) string {
	s := q.text(name)
	if s != "" && !slices.Contains(allowed, s) {
		q.fail(name, s, strings.Join(allowed, ", "))
	}
	return s
}

func (q *query) number(name string, fallback, least, most int) int {
	s := q.text(name)
	if s == "" {
		return fallback
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		q.fail(name, s, fmt.Sprintf("a number from %d to %d", least, most))
		return fallback
	}
	return n
}

// time reads a time of RFC 3339, a date, or how long ago as a duration.
func (q *query) time(name string) time.Time {
	s := q.text(name)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return time.Now().Add(-ago)
	}
	q.fail(name, s, "a time such as 2026-05-03T12:00:00Z, a date, or how long ago, such as 24h")
	return time.Time{}
}

func (q *query) done() error {
	for name := range q.values {
		if !slices.Contains(q.asked, name) && q.err == nil {
			return api.Errorf(api.Invalid, "unknown parameter %q; there are: %s", name, strings.Join(q.asked, ", "))
		}
	}
	return q.err
}

// isGone reports whether what was asked for does not exist.
func isGone(err error) bool { return errors.Is(err, api.NotFound) }
