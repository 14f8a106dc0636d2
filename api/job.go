package api

import (
	"encoding/json"
	"time"
)

// JobStatus is where a job stands. Queued and Processing are open; the others
// are terminal.
type JobStatus string

// Terminal reports whether s is a status that a job stays in by itself.
func (s JobStatus) Terminal() bool {
	return s == Completed || s == Failed || s == Cancelled || s == Interrupted
}

// Job is one file on its way from audio to transcript.
type Job struct {
	ID         string          `json:"id"`
	Status     JobStatus       `json:"status"`
	Source     Source          `json:"source"`
	Options    Options         `json:"options"`
	Metadata   json.RawMessage `json:"metadata,omitempty"` // as submitted, canonical form
	Webhooks   []string        `json:"webhook_ids,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
	StartedAt  time.Time       `json:"started_at,omitzero"`
	FinishedAt time.Time       `json:"finished_at,omitzero"`
	NextTryAt  time.Time       `json:"next_try_at,omitzero"` // while it waits for a retry
	Attempts   int             `json:"attempts"`
	Progress   *Progress       `json:"progress,omitempty"`
	Error      string          `json:"error,omitempty"`      // a sentence
	ErrorCode  string          `json:"error_code,omitempty"` // JobNotAudio, …
	Waiting    string          `json:"waiting,omitempty"`    // why it does not run: "model missing: fetching"
}

// Source says where the audio of a job came from.
type Source struct {
	Name   string `json:"name"`             // base name as given, for people and outputs
	Size   int64  `json:"size"`             // bytes
	SHA256 string `json:"sha256,omitempty"` // lower-case hex of the content
	Folder string `json:"folder,omitempty"` // id of the drop folder it came from
	Path   string `json:"path,omitempty"`   // path below that folder
}

// Progress is how far a job has come. Times are seconds of audio.
type Progress struct {
	Stage           string  `json:"stage"`                      // "queued", "model", "decode", "transcribe", "speakers", "analyze", "redact"
	PositionSeconds float64 `json:"position_seconds"`           // audio recognized so far
	DurationSeconds float64 `json:"duration_seconds,omitempty"` // 0 until known
	Speed           float64 `json:"speed,omitempty"`            // audio seconds per wall second
	Percent         float64 `json:"percent,omitempty"`          // 0-100, of the stage "model" too
}

// JobEvent is one server-sent event of GET /v1/jobs/{id}/events. Its SSE
// event name is Type: "status" when the state changed, "progress" otherwise.
// The stream ends after a terminal status.
type JobEvent struct {
	Type string `json:"type"`
	Job  Job    `json:"job"`
}

// Accepted is the 202 answer to an asynchronous submission.
type Accepted struct {
	JobID   string    `json:"job_id"`
	Status  JobStatus `json:"status"`  // always "processing"
	Message string    `json:"message"` // AcceptedMessage
}

// List is a page of a listing.
type List[T any] struct {
	Items   []T    `json:"items"`
	HasMore bool   `json:"has_more"`       // there is a page after this one
	Next    string `json:"next,omitempty"` // of jobs and deliveries: the cursor of that page
}

// Limits of requests.
const (
	MaxMetadata      = 4096     // bytes
	MaxInstructions  = 2000     // characters
	MaxEventBody     = 96 << 10 // bytes: express.json() refuses more than 100 kB
	DefaultMaxUpload = 100 << 20
	DefaultListLimit = 20
	MaxListLimit     = 100
	MaxSpeakers      = 20 // voices that are told apart
)
