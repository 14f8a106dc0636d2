package openapi_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/eventbody"
	"github.com/voxparse/voxparse/store"
)

func TestEvents_areAsDescribed(t *testing.T) {
	doc := load(t)
	meta := eventbody.Meta{ID: store.NewID(api.EventPrefix), CreatedAt: time.Now(), JobID: store.NewID(api.JobPrefix), Metadata: []byte(`{"call":"7"}`)}
	result := &api.Result{JobID: meta.JobID, DurationSeconds: 1, Language: "en", Model: "m", Text: "Hello.", Segments: []api.Segment{{End: 1, Text: "Hello."}}}
	for name, body := range map[string]func() ([]byte, error){
		"CompletedEvent": func() ([]byte, error) { return eventbody.Completed(meta, result, "/v1/jobs/x/result") },
		"FailedEvent":    func() ([]byte, error) { return eventbody.Failed(meta, api.JobNoSpeech, "Nobody speaks.") },
		"TestEvent":      func() ([]byte, error) { return eventbody.Test(meta, store.NewID(api.WebhookPrefix)) },
	} {
		data, err := body()
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		if err := doc.Components.Schemas[name].Value.VisitJSON(v, openapi3.EnableJSONSchema2020()); err != nil {
			t.Errorf("%s: %s: %v", name, data, err)
		}
	}
}
