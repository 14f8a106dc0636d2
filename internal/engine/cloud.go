package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
)

// Cloud is the VoxParse cloud API. A file is submitted asynchronously under an
// idempotency key made of the job's id, so that a repeat after a crash is not
// charged twice, and asked after as rarely as the limit of requests and the
// server's own Retry-After want it.
type Cloud struct {
	remote
	pollEvery time.Duration // first wait between two questions; it grows to pollMost
}

const (
	cloudPerMinute = 10
	cloudMaxUpload = 100 << 20
	cloudPoll      = 6 * time.Second
	cloudPollMost  = 60 * time.Second
)

// NewCloud returns the engine for the VoxParse cloud.
func NewCloud(r Remote) *Cloud {
	if r.PerMinute == 0 {
		r.PerMinute = cloudPerMinute
	}
	if r.MaxUpload == 0 {
		r.MaxUpload = cloudMaxUpload
	}
	return &Cloud{remote: newRemote(r), pollEvery: cloudPoll}
}

func setCloudKey(h http.Header, key string) { h.Set("X-API-Key", key) }

// cloudAnswer is the answer to a submission: accepted, or done at once; and
// to the question after a job.
type cloudAnswer struct {
	JobID  string        `json:"job_id"`
	ID     string        `json:"id"`
	Status api.JobStatus `json:"status"`
	Error  string        `json:"error"`
	Code   string        `json:"error_code"`
}

// Transcribe submits the file and waits until it is done. The Model is not
// used: the cloud's own is named in the settings.
func (c *Cloud) Transcribe(ctx context.Context, q Request, _ Model, progress func(api.Progress)) (*api.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	progress(api.Progress{Stage: "transcribe"})
	raw, resp, err := c.submit(ctx, q) //nolint:bodyclose // what read the body closed it
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return c.result(q, raw)
	}
	var accepted cloudAnswer
	if err := json.Unmarshal(raw, &accepted); err != nil || accepted.JobID == "" {
		return nil, &Error{Code: api.JobRemote, Retry: true, Message: fmt.Sprintf("engine %s accepted the file without naming a job", c.Name)}
	}
	if err := c.wait(ctx, accepted.JobID, retryAfter(resp.Header, raw)); err != nil {
		return nil, err
	}
	raw, _, err = c.get(ctx, "/v1/jobs/"+url.PathEscape(accepted.JobID)+"/result")
	if err != nil {
		return nil, err
	}
	return c.result(q, raw)
}

// submit posts the file and returns the answer, whose body is read.
func (c *Cloud) submit(ctx context.Context, q Request) (json.RawMessage, *http.Response, error) {
	o := q.Options
	fields := []field{{"async", "true"}}
	for _, f := range []field{
		{"model", c.Model}, {"language", o.Language}, {"mode", string(o.Mode)}, {"plan", string(o.Plan)}, {"instructions", o.Instructions},
	} {
		if f.value != "" {
			fields = append(fields, f)
		}
	}
	if o.RedactPII && !o.RedactAudio { // what it masks we could not find in the audio
		fields = append(fields, field{"redact_pii", "true"})
	}
	resp, err := c.upload(ctx, "/v1/transcribe", q, fields, func(h http.Header, key string) {
		setCloudKey(h, key)
		h.Set("Idempotency-Key", idempotencyKey(q))
	})
	if err != nil {
		return nil, nil, err
	}
	var raw json.RawMessage
	err = c.decode(ctx, resp, &raw)
	return raw, resp, err
}

// idempotencyKey is the same for every repeat of the same piece of work.
func idempotencyKey(q Request) string {
	if q.Generation == 0 {
		return q.JobID
	}
	return fmt.Sprintf("%s-%d", q.JobID, q.Generation)
}

func (c *Cloud) get(ctx context.Context, path string) (json.RawMessage, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+path, nil)
	if err != nil {
		return nil, nil, &Error{Code: api.JobRemote, Message: fmt.Sprintf("the address of engine %s is not usable: check engines.%s.url", c.Name, c.Name)}
	}
	resp, err := c.do(req, setCloudKey)
	if err != nil {
		return nil, nil, err
	}
	var raw json.RawMessage
	err = c.decode(ctx, resp, &raw)
	return raw, resp.Header, err
}

// wait asks after a job until it is done, for the first time after the pause
// that the cloud demands, if it does. A question that fails for now is asked
// again: the cloud goes on working meanwhile.
func (c *Cloud) wait(ctx context.Context, id string, demanded time.Duration) error {
	least, pause := demanded, c.pollEvery
	if demanded > 0 {
		pause = demanded
	}
	for {
		if err := retry.Sleep(ctx, max(least, retry.Jitter(pause))); err != nil {
			return c.broken(ctx, err)
		}
		raw, header, err := c.get(ctx, "/v1/jobs/"+url.PathEscape(id))
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || !e.Transient && !e.Retry {
				return err
			}
			least, pause = e.RetryAfter, max(e.RetryAfter, min(2*pause, cloudPollMost))
			continue
		}
		var job cloudAnswer
		if err := json.Unmarshal(raw, &job); err != nil {
			return &Error{Code: api.JobRemote, Retry: true, Message: fmt.Sprintf("engine %s: its job cannot be read: %v", c.Name, err)}
		}
		switch job.Status {
		case api.Completed:
			return nil
		case api.Failed, api.Cancelled, api.Interrupted:
			return &Error{Code: remoteCode(job.Code), Message: fmt.Sprintf("engine %s: %s", c.Name, reason(job))}
		}
		least = retryAfter(header, raw)
		pause = max(least, min(pause*3/2, cloudPollMost))
	}
}

// remoteCode keeps a code of ours and hides any other.
func remoteCode(code string) string {
	switch code {
	case api.JobNotAudio, api.JobEmpty, api.JobDamaged, api.JobTruncated, api.JobNoSpeech, api.JobUnintelligible, api.JobTooLong, api.JobTooShort, api.JobUnsupported:
		return code
	}
	return api.JobRemote
}

func reason(job cloudAnswer) string {
	if job.Error != "" {
		return job.Error
	}
	return "the job is " + string(job.Status)
}

// result reads a result of the cloud's, which has the shape of ours.
func (c *Cloud) result(q Request, raw json.RawMessage) (*api.Result, error) {
	var res api.Result
	if err := json.Unmarshal(raw, &res); err != nil {
		return nil, &Error{Code: api.JobRemote, Retry: true, Message: fmt.Sprintf("engine %s: its result cannot be read: %v", c.Name, err)}
	}
	res.JobID, res.Model = q.JobID, c.Name
	if res.Segments == nil {
		res.Segments = []api.Segment{}
		if res.Text != "" {
			res.Segments = append(res.Segments, api.Segment{End: res.DurationSeconds, Text: res.Text})
		}
	}
	return &res, nil
}
