package eventbody

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/clip"
)

// Meta is what every event says about itself and its job.
type Meta struct {
	ID        string     // evt_…, the same on every attempt
	CreatedAt time.Time  // written in UTC, to the second
	JobID     string     // "" in a test event
	Source    api.Source // the file that the job is about
	Metadata  []byte     // as Metadata returned it; empty: echoed as {}
}

// envelope is the outside of every event body, in the order of its members.
type envelope struct {
	APIVersion string `json:"api_version"`
	Event      string `json:"event"`
	EventID    string `json:"event_id"`
	CreatedAt  string `json:"created_at"`
	Data       any    `json:"data"`
}

type completedData struct {
	JobID    string          `json:"job_id"`
	Status   api.JobStatus   `json:"status"`
	Metadata json.RawMessage `json:"metadata"`
	Source   api.Source      `json:"source"`
	Result   json.RawMessage `json:"result"`
}

type failedData struct {
	JobID     string          `json:"job_id"`
	Status    api.JobStatus   `json:"status"`
	Metadata  json.RawMessage `json:"metadata"`
	Source    api.Source      `json:"source"`
	Error     string          `json:"error"`
	ErrorCode string          `json:"error_code"`
}

type testData struct {
	WebhookID string `json:"webhook_id"`
	Message   string `json:"message"`
}

// TestMessage is the message of every webhook.test event.
const TestMessage = "This is a test event from voxparse."

// timestampLayout is how times are written in bodies: UTC, to the second.
const timestampLayout = "2006-01-02T15:04:05Z"

// Limits of the strings in a body that other people write.
const (
	maxID           = 64   // bytes
	maxErrorMessage = 4096 // bytes
	maxName         = 128  // bytes: a language, a model, an error code
	maxFileName     = 512  // bytes, as JSON
	maxPath         = 1024 // bytes, as JSON
)

// envelopeSize is what a completed event adds to its metadata and result, with
// ids of maxID and the longest source: a result is cut to fit whatever the metadata is, so that the
// same result is the same bytes in every event and answer.
const envelopeSize = 768 + maxFileName + maxPath

// maxResult is the most that the result of an event may take, in bytes.
const maxResult = api.MaxEventBody - 1 - api.MaxMetadata - envelopeSize

// Completed returns the body of a transcription.completed event. It is
// under api.MaxEventBody bytes for any result: see Result.
func Completed(m Meta, r *api.Result, resultURL string) ([]byte, error) {
	result, err := Result(r, resultURL)
	if err != nil {
		return nil, err
	}
	metadata, err := m.metadata()
	if err != nil {
		return nil, err
	}
	return m.body(api.EventCompleted, completedData{m.JobID, api.Completed, metadata, m.source(), result})
}

// Failed returns the body of a transcription.failed event. code is one of
// the api.Job… codes and message a sentence for a person, cut to 4096 bytes.
func Failed(m Meta, code, message string) ([]byte, error) {
	metadata, err := m.metadata()
	if err != nil {
		return nil, err
	}
	return m.body(api.EventFailed, failedData{m.JobID, api.Failed, metadata, m.source(), clip.Bytes(message, maxErrorMessage), clip.Bytes(code, maxName)})
}

// Test returns the body of a webhook.test event for one webhook.
func Test(m Meta, webhookID string) ([]byte, error) {
	return m.body(api.EventTest, testData{clip.Bytes(webhookID, maxID), TestMessage})
}

// Result returns the object that a webhook carries as data.result and that
// a synchronous submit answers: r without its words, in at most some 90 KiB. A
// longer result loses its segments, then its analysis, then the end of its text,
// at a word, and says so: "truncated":true, and in "result_url" where the rest
// is. Segments are then an empty list, never absent.
func Result(r *api.Result, resultURL string) ([]byte, error) {
	out, err := fitResult(r, resultURL, maxResult)
	if err != nil {
		return nil, fmt.Errorf("build the result of %s: %w", r.JobID, err)
	}
	return out, nil
}

// metadata returns the canonical metadata, which Metadata leaves as it is.
func (m Meta) metadata() (json.RawMessage, error) {
	out, err := Metadata(m.Metadata)
	if err != nil {
		return nil, fmt.Errorf("echo the metadata of %s: %w", m.JobID, err)
	}
	if out == nil {
		return json.RawMessage("{}"), nil
	}
	return out, nil
}

// source is the source with what people named cut to what an event has room for.
func (m Meta) source() api.Source {
	s := m.Source
	s.Name, s.Path = cutEscaped(s.Name, maxFileName), cutEscaped(s.Path, maxPath)
	s.SHA256, s.Folder = clip.Bytes(s.SHA256, maxID), clip.Bytes(s.Folder, maxID)
	return s
}

func (m Meta) body(event string, data any) ([]byte, error) {
	if len(m.ID) > maxID || len(m.JobID) > maxID {
		return nil, fmt.Errorf("build event %s: an id is longer than %d bytes: %w", clip.Bytes(m.ID, maxID), maxID, api.Internal)
	}
	out, err := encode(envelope{
		APIVersion: api.APIVersion,
		Event:      event,
		EventID:    m.ID,
		CreatedAt:  m.CreatedAt.UTC().Format(timestampLayout),
		Data:       data,
	})
	if err != nil {
		return nil, fmt.Errorf("build event %s: %w", m.ID, err)
	}
	if len(out) >= api.MaxEventBody {
		return nil, fmt.Errorf("build event %s: %d bytes are over the limit of %d: %w", m.ID, len(out), api.MaxEventBody, api.Internal)
	}
	return out, nil
}

// encode marshals v by its json tags and makes the result canonical, which also
// undoes what encoding/json escapes and JSON.stringify does not.
func encode(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return canonical(raw, "body", false)
}
