package webhook

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Event is one event as a receiver reads it.
type Event struct {
	APIVersion string    // "2026-05-01"
	ID         string    // evt_…, the same on every attempt, redelivery and replay: the key to see repetitions by
	Type       string    // api.EventCompleted, api.EventFailed, api.EventTest, or a later one
	CreatedAt  time.Time // UTC, to the second
	Data       Data      // *Completed, *Failed, *Test or *Other, by Type
}

// Data is what an event is about: *Completed, *Failed, *Test or *Other.
type Data interface{ data() }

// Completed is the data of a transcription.completed event.
type Completed struct {
	JobID    string          `json:"job_id"`
	Metadata json.RawMessage `json:"metadata"` // the object given at submit; {} without one
	Source   api.Source      `json:"source"`   // the file, and the drop folder where it came from one
	Result   Result          `json:"result"`
}

// Result is the transcript in a Completed event. It never has Words.
type Result struct {
	api.Result
	Truncated bool   `json:"truncated"`  // segments, analysis or the end of the text did not fit
	ResultURL string `json:"result_url"` // where the whole result is, if Truncated
}

// Failed is the data of a transcription.failed event.
type Failed struct {
	JobID     string          `json:"job_id"`
	Metadata  json.RawMessage `json:"metadata"`   // the object given at submit; {} without one
	Source    api.Source      `json:"source"`     // the file, and the drop folder where it came from one
	Error     string          `json:"error"`      // a sentence
	ErrorCode string          `json:"error_code"` // one of the api.Job… codes
}

// Test is the data of a webhook.test event.
type Test struct {
	WebhookID string `json:"webhook_id"`
	Message   string `json:"message"`
}

// Other is the data of an event of a type that this version does not know.
type Other struct {
	Raw json.RawMessage
}

func (*Completed) data() {}
func (*Failed) data()    {}
func (*Test) data()      {}
func (*Other) data()     {}

// Parse reads the body of an event that Verify accepted. Members that it does
// not know are skipped and event types that it does not know become *Other, so
// that a receiver goes on working when voxparse learns new ones. Its errors are
// api.Invalid.
func Parse(body []byte) (Event, error) {
	var e struct {
		APIVersion string          `json:"api_version"`
		Event      string          `json:"event"`
		EventID    string          `json:"event_id"`
		CreatedAt  time.Time       `json:"created_at"`
		Data       json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, parseError("body", err)
	}
	if e.Event == "" || e.EventID == "" || len(e.Data) == 0 {
		return Event{}, api.Errorf(api.Invalid, "parse event: it lacks event, event_id or data; is it a voxparse event?")
	}
	out := Event{APIVersion: e.APIVersion, ID: e.EventID, Type: e.Event, CreatedAt: e.CreatedAt.UTC()}
	switch e.Event {
	case api.EventCompleted:
		out.Data = &Completed{}
	case api.EventFailed:
		out.Data = &Failed{}
	case api.EventTest:
		out.Data = &Test{}
	default:
		out.Data = &Other{Raw: e.Data}
		return out, nil
	}
	if err := json.Unmarshal(e.Data, out.Data); err != nil {
		return Event{}, parseError("data", err)
	}
	return out, nil
}

func parseError(what string, err error) error {
	return &api.Error{Code: api.Invalid, Message: fmt.Sprintf("parse the %s of an event: %v", what, err)}
}
