package engine_test

import (
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/engine"
)

func TestARecordingBecomesText(t *testing.T) {
	p := pool(t, nil)
	path := recording(t, "0930")
	res, err := p.Transcribe(t.Context(), engine.Request{JobID: "job_1", Path: path, Name: "0930.wav"}, tiny(t), func(pr api.Progress) { t.Logf("%+v", pr) })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", res)
	if want := "He might even have been made amiable himself."; res.Text != want {
		t.Errorf("got %q, want %q", res.Text, want)
	}
}
