package daemon_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/internal/models"
	"github.com/voxparse/voxparse/internal/models/modelstest"
)

// withVoices adds a model that tells voices apart to the daemon's, beside the
// default one.
func withVoices(t *testing.T) func(*daemon.Options) {
	t.Helper()
	shared, dir := modelstest.Dir(t), t.TempDir()
	entries, err := os.ReadDir(shared)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Symlink(filepath.Join(shared, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	own := filepath.Join(dir, "voices-test")
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	definition, err := json.Marshal(map[string]any{"kind": models.KindSpeakers, "family": "pyannote", "files": modelstest.Voices(t, own)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(own, "model.json"), definition, 0o600); err != nil {
		t.Fatal(err)
	}
	return func(o *daemon.Options) { o.Config.ModelsDir, o.Config.SpeakerModel = dir, "voices-test" }
}

func TestSpeakersOfOneChannelAreNamed(t *testing.T) {
	f := startReal(t, withVoices(t))
	u := upload(recording(t))
	u.Options.Speakers = "auto"
	result, err := f.client.Transcribe(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Segments) == 0 {
		t.Fatal("got no segments")
	}
	for _, s := range result.Segments {
		if s.Speaker != "Speaker 1" {
			t.Errorf("got %+v, want it from Speaker 1", s)
		}
	}
}

func TestSpeakersThatCannotBeToldApartAreRefused(t *testing.T) {
	f := start(t, nil)
	for _, c := range []struct{ options, says string }{
		{"speakers=many", "auto or a number from 1 to 20"},
		{"speakers=0", "auto or a number from 1 to 20"},
		{"speakers=21", "auto or a number from 1 to 20"},
		{"speakers=2 channels=split", "leave one of the two out"},
	} {
		parts := []part{{"@file", string(audio("hello"))}}
		for _, o := range strings.Fields(c.options) {
			name, v, _ := strings.Cut(o, "=")
			parts = append(parts, part{name, v})
		}
		body, contentType := encodeForm(t, parts)
		if status, got := f.ask("POST", "/v1/transcribe", body, "Content-Type", contentType); status != 400 || !strings.Contains(got, c.says) {
			t.Errorf("%s: got %d %s, want 400 that says %q", c.options, status, got, c.says)
		}
	}
}

func TestASpeakerModelThatCannotBeHadCostsAnAttempt(t *testing.T) {
	f := startReal(t, func(o *daemon.Options) {
		withVoices(t)(o)
		if err := os.Remove(filepath.Join(o.Config.ModelsDir, "voices-test", "embedding.onnx")); err != nil {
			t.Fatal(err)
		}
	})
	u := upload(recording(t))
	u.Options.Speakers = "2"
	acc, err := f.client.Submit(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "an attempt that is charged, with a sentence that says what to do", func() bool {
		job, err := f.client.Job(t.Context(), acc.JobID)
		if err != nil {
			t.Fatal(err)
		}
		return job.Attempts == 1 && !job.NextTryAt.IsZero() && job.ErrorCode == api.JobModelMissing &&
			strings.Contains(job.Error, "voxparse models pull voices-test") && strings.Contains(job.Error, "without speakers")
	})
}
