package mcptools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

// Limits of one answer.
const (
	defaultWait = 120    // seconds
	maxWait     = 1800   // seconds
	maxText     = 20_000 // characters of transcript
	maxHits     = 20     // transcripts of a search
	maxSnippets = 5      // places in each
	maxJobs     = 50
)

type transcribeIn struct {
	Path        string `json:"path" jsonschema:"the file, as an absolute path"`
	Language    string `json:"language,omitempty" jsonschema:"language of the speech, a tag such as en; the model's own where it is left out"`
	Model       string `json:"model,omitempty" jsonschema:"speech model; as configured where it is left out"`
	WaitSeconds int    `json:"wait_seconds,omitempty" jsonschema:"how long to wait for the transcript, 1 to 1800; 120 where it is left out"`
}

// transcribe gives a file to the daemon and waits for a while.
func (t tools) transcribe(ctx context.Context, req *mcp.CallToolRequest, in transcribeIn) (*mcp.CallToolResult, transcriptOut, error) {
	upload, err := fileUpload(in)
	if err != nil {
		return nil, transcriptOut{}, err
	}
	wait, err := within("wait_seconds", in.WaitSeconds, defaultWait, 1, maxWait)
	if err != nil {
		return nil, transcriptOut{}, err
	}
	accepted, err := t.daemon.Submit(ctx, upload)
	if err != nil {
		return nil, transcriptOut{}, err
	}
	waiting, cancel := context.WithTimeout(ctx, time.Duration(wait)*time.Second)
	defer cancel()
	job, err := t.daemon.WaitJob(waiting, accepted.JobID, func(e api.JobEvent) { notify(ctx, req, e.Job) })
	switch {
	case ctx.Err() != nil:
		return nil, transcriptOut{}, context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(waiting.Err(), context.DeadlineExceeded):
		out := transcriptOut{JobID: accepted.JobID, File: upload.Name, Status: api.Processing,
			Next: fmt.Sprintf("it is not transcribed yet and goes on; ask for it later with get_transcript, job_id %s", accepted.JobID)}
		return nil, out, nil
	case err != nil:
		return nil, transcriptOut{}, err
	}
	return t.read(ctx, job, 0, maxText)
}

// fileUpload returns the upload of a file of this machine.
func fileUpload(in transcribeIn) (client.Upload, error) {
	if !filepath.IsAbs(in.Path) {
		return client.Upload{}, api.Errorf(api.Invalid, "path: got %q, want an absolute path", in.Path)
	}
	info, err := os.Stat(in.Path)
	if err != nil {
		return client.Upload{}, api.Errorf(api.Invalid, "path: %v", err)
	}
	if !info.Mode().IsRegular() {
		return client.Upload{}, api.Errorf(api.Invalid, "path: %s is not a file", in.Path)
	}
	return client.Upload{
		Name: filepath.Base(in.Path), Size: info.Size(), Options: api.Options{Language: in.Language, Model: in.Model},
		Open: func() (io.ReadCloser, error) { return os.Open(in.Path) },
	}, nil
}

// notify tells the assistant how far a job is, where it asked to be told.
func notify(ctx context.Context, req *mcp.CallToolRequest, job api.Job) {
	token := req.Params.GetProgressToken()
	if token == nil || job.Progress == nil {
		return
	}
	// An assistant that cannot be told of progress is told of the end, or not at all.
	_ = req.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token,
		Progress: job.Progress.PositionSeconds, Total: job.Progress.DurationSeconds, Message: job.Progress.Stage})
}
