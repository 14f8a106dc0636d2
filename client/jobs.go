package client

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
)

// JobQuery narrows a listing of jobs. The zero value asks for the newest 20.
type JobQuery struct {
	Limit  int // at most 100
	Offset int
	Status api.JobStatus
	Since  time.Time // created then or later
}

// Jobs lists jobs, newest first.
func (c *Client) Jobs(ctx context.Context, q JobQuery) ([]api.Job, error) {
	var out api.List[api.Job]
	err := c.call(ctx, http.MethodGet, "/v1/jobs"+query("limit", number(q.Limit), "offset", number(q.Offset),
		"status", string(q.Status), "since", stamp(q.Since)), nil, &out)
	return out.Items, err
}

// Job returns one job.
func (c *Client) Job(ctx context.Context, id string) (api.Job, error) {
	return ask[api.Job](ctx, c, http.MethodGet, "/v1/jobs/"+segment(id), nil)
}

// Result returns the transcript of a completed job, api.NotFound until there is
// one.
func (c *Client) Result(ctx context.Context, id string) (*api.Result, error) {
	var out api.Result
	if err := c.call(ctx, http.MethodGet, "/v1/jobs/"+segment(id)+"/result", nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Formatted returns the transcript of a completed job in one of api.Formats.
func (c *Client) Formatted(ctx context.Context, id, format string) ([]byte, error) {
	return c.fetch(ctx, "/v1/jobs/"+segment(id)+"/result"+query("format", format))
}

// Audio writes the silenced copy of a completed job's audio, a WAV file, to w:
// api.NotFound for a job without one. It may be large: ctx is its only limit.
func (c *Client) Audio(ctx context.Context, id string, w io.Writer) error {
	req, err := c.request(ctx, http.MethodGet, "/v1/jobs/"+segment(id)+"/audio", nil)
	if err != nil {
		return err
	}
	resp, err := c.send(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	out := &sink{w: w}
	if _, err := io.Copy(out, resp.Body); err != nil && out.err == nil {
		return c.broken(ctx, err)
	}
	return out.err
}

// sink tells an error of the writer from one of the connection.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}

// CancelJob ends a job that is open; api.Conflict for one that has ended.
func (c *Client) CancelJob(ctx context.Context, id string) (api.Job, error) {
	return ask[api.Job](ctx, c, http.MethodPost, "/v1/jobs/"+segment(id)+"/cancel", nil)
}

// RetryJob queues a failed or cancelled job again; api.Conflict otherwise.
func (c *Client) RetryJob(ctx context.Context, id string) (api.Job, error) {
	return ask[api.Job](ctx, c, http.MethodPost, "/v1/jobs/"+segment(id)+"/retry", nil)
}

// DeleteJob removes a job that has ended, with its result and its audio. With
// deliveries that are not sent yet it is api.Conflict, unless force is set.
func (c *Client) DeleteJob(ctx context.Context, id string, force bool) error {
	return c.call(ctx, http.MethodDelete, "/v1/jobs/"+segment(id)+query("force", flag(force)), nil, nil)
}

// WaitJob returns a job once it has ended, telling each event on the way to
// seen, which may be nil. It outlives a restart of the daemon.
func (c *Client) WaitJob(ctx context.Context, id string, seen func(api.JobEvent)) (api.Job, error) {
	var last api.Job
	err := c.JobEvents(ctx, id, func(e api.JobEvent) error {
		last = e.Job
		if seen != nil {
			seen(e)
		}
		return nil
	})
	return last, err
}

// Health returns the daemon's health; where it is not "ok" the error is
// api.Unavailable.
func (c *Client) Health(ctx context.Context) (api.Health, error) {
	return ask[api.Health](ctx, c, http.MethodGet, "/health", nil)
}

// Alive returns the health of a daemon that answers at all, also of one that
// starts: then its status is api.HealthStarting.
func (c *Client) Alive(ctx context.Context) (api.Health, error) {
	return ask[api.Health](ctx, c, http.MethodGet, "/livez", nil)
}

// Status returns the daemon's own state.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	return ask[api.Status](ctx, c, http.MethodGet, "/v1/status", nil)
}

// Metrics returns the daemon's metrics as Prometheus text.
func (c *Client) Metrics(ctx context.Context) (string, error) {
	data, err := c.fetch(ctx, "/metrics")
	return string(data), err
}

// Stop asks the daemon to stop gracefully, over the socket only. It returns
// when the daemon has taken note, not when it has ended.
func (c *Client) Stop(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/daemon/stop", nil, nil)
}
