package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/feed"
	"github.com/voxparse/voxparse/internal/eventbody"
	"github.com/voxparse/voxparse/internal/transcript"
	"github.com/voxparse/voxparse/store"
)

func (srv *server) showResult(w http.ResponseWriter, r *http.Request) error {
	q := query{values: r.URL.Query()}
	format := q.choice("format", api.Formats...)
	if err := q.done(); err != nil {
		return err
	}
	id := r.PathValue("id")
	stored, err := srv.cfg.Jobs.Result(r.Context(), id)
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

// awaitEnd waits for the end of a job. tick is called first and on every beat of
// every, and ends the wait with its error. The job goes on when the client
// leaves.
func (srv *server) awaitEnd(ctx context.Context, id string, wait *feed.Subscription, tick func() error, every <-chan time.Time) (store.Job, error) {
	for {
		if err := tick(); err != nil {
			return store.Job{}, err
		}
		job, err := srv.cfg.Jobs.Job(ctx, id)
		if err != nil || job.Status.Terminal() {
			return job, err
		}
		select {
		case <-wait.Ready():
			wait.Take()
		case <-every:
		case <-ctx.Done():
			return store.Job{}, ctx.Err()
		case <-srv.cfg.Halted:
			return store.Job{}, &api.Error{Code: api.Unavailable, RetryAfter: 5 * time.Second,
				Message: "the daemon is stopping; " + id + " goes on when it runs again: voxparse jobs wait " + id}
		}
	}
}

// silent is the tick of a wait of which nobody is told.
func silent() error { return nil }

// answerWhenDone waits for the end of a job and answers with its result.
func (srv *server) answerWhenDone(w http.ResponseWriter, r *http.Request, job store.Job, wait *feed.Subscription) error {
	defer wait.Close()
	ended, err := srv.awaitEnd(r.Context(), job.ID, wait, silent, nil)
	if err != nil {
		return err
	}
	return srv.answerResult(w, r, ended)
}

func (srv *server) answerResult(w http.ResponseWriter, r *http.Request, job store.Job) error {
	result, err := srv.resultOf(r.Context(), job)
	if err != nil {
		return err
	}
	body, err := eventbody.Result(&result, ResultURL(srv.cfg.BaseURL(), job.ID))
	if err != nil {
		return err
	}
	writeBytes(w, http.StatusOK, "application/json", body)
	return nil
}

// resultOf returns the result of a job that has ended, or why there is none.
func (srv *server) resultOf(ctx context.Context, job store.Job) (result api.Result, err error) {
	switch job.Status {
	case api.Failed:
		return result, failure(job)
	case api.Cancelled:
		return result, api.Errorf(api.Conflict, "%s was cancelled", job.ID)
	case api.Interrupted:
		return result, api.Errorf(api.Conflict, "%s had not ended in the backup that was restored; run it again with: voxparse jobs retry %s", job.ID, job.ID)
	}
	stored, err := srv.cfg.Jobs.Result(ctx, job.ID)
	if err != nil {
		return result, err
	}
	if err := json.Unmarshal(stored, &result); err != nil {
		return result, fmt.Errorf("read the result of %s: %w", job.ID, err)
	}
	return result, nil
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

// ResultURL is where the whole result of a job can be fetched: a path, or a URL
// where the API is served over TCP, at base, such as "https://10.0.0.5:7733".
func ResultURL(base, jobID string) string { return base + "/v1/jobs/" + jobID + "/result" }
