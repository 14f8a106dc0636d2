package api

import (
	"encoding/json"
	"strconv"
	"time"
)

// JobStatus is where a job stands.
type JobStatus string

// The states of a job. Queued and Processing are open; the others are terminal.
const (
	Queued     JobStatus = "queued"
	Processing JobStatus = "processing"
	Completed  JobStatus = "completed"
	Failed     JobStatus = "failed"
	Cancelled  JobStatus = "cancelled"
)

// Terminal reports whether s is a state that a job stays in by itself.
func (s JobStatus) Terminal() bool { return s == Completed || s == Failed || s == Cancelled }

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
	ErrorCode  string          `json:"error_code,omitempty"` // see JobError
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

// Options are what a submitter may ask for. The zero value asks for the
// configured defaults.
type Options struct {
	Language     string `json:"language,omitempty"` // BCP 47, "" for automatic or the model's own
	Mode         string `json:"mode,omitempty"`     // "polished" (default) or "verbatim"
	Model        string `json:"model,omitempty"`    // a name of the catalogue, or of a configured engine
	Plan         string `json:"plan,omitempty"`
	Instructions string `json:"instructions,omitempty"` // at most 2,000 characters
	Channels     string `json:"channels,omitempty"`     // "mix" (default) or "split": one speaker a channel
	Speakers     string `json:"speakers,omitempty"`     // "auto", or how many: tell the voices of one channel apart
	RedactPII    bool   `json:"redact_pii,omitempty"`
	RedactAudio  bool   `json:"redact_audio,omitempty"` // keep a copy of the audio with what was masked silenced; implies RedactPII
}

// MaxSpeakers is how many voices are told apart at most.
const MaxSpeakers = 20

// ParseSpeakers reads Options.Speakers: how many voices there are, 0 for "auto".
func ParseSpeakers(s string) (int, error) {
	if s == "auto" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > MaxSpeakers {
		return 0, Errorf(Invalid, "speakers: got %q, want auto or a number from 1 to %d", s, MaxSpeakers)
	}
	return n, nil
}

// Progress is how far a job has come. Times are seconds of audio.
type Progress struct {
	Stage           string  `json:"stage"`                      // "queued", "model", "decode", "recognise", "speakers", "analyse", "redact"
	PositionSeconds float64 `json:"position_seconds"`           // audio recognised so far
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
	Status  JobStatus `json:"status"` // always "processing"
	Message string    `json:"message"`
}

// AcceptedMessage is the message of every Accepted.
const AcceptedMessage = "Job accepted. Results will be delivered via webhook."

// List is a page of a listing.
type List[T any] struct {
	Items []T `json:"items"`
}

// Limits of a submission.
const (
	MaxMetadata      = 4096     // bytes
	MaxInstructions  = 2000     // characters
	MaxEventBody     = 96 << 10 // bytes: express.json() refuses more than 100 kB
	DefaultMaxUpload = 100 << 20
	DefaultListLimit = 20
	MaxListLimit     = 100
)

// Error codes of a failed job, in Job.ErrorCode and in the event's error_code.
const (
	JobNotAudio      = "not_audio"      // text, an image, an archive: nothing to decode
	JobEmpty         = "empty_file"     // no bytes, or no samples
	JobDamaged       = "damaged"        // the container or stream cannot be decoded
	JobTruncated     = "truncated"      // the file ends before the audio it announces
	JobNoSpeech      = "no_speech"      // decoded, but nobody speaks
	JobTooLong       = "too_long"       // over the configured length of audio
	JobTooShort      = "too_short"      // too few samples to recognise
	JobUnsupported   = "unsupported"    // a codec or option that this build or model lacks
	JobEngineCrashed = "engine_crashed" // the file ended several workers: it is set aside
	JobTimeout       = "timeout"        // over the time limit of an attempt
	JobModelMissing  = "model_missing"  // the model could not be had
	JobRemote        = "remote_error"   // a remote engine refused it
	JobSourceGone    = "source_gone"    // removed from its folder before it was transcribed
	JobInternal      = "internal"       // a fault of ours, after every attempt
)
