package jobs_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/models"
)

// catalog is c with a few definitions of models.
func catalog(t *testing.T, c jobs.Catalog) jobs.Catalog {
	t.Helper()
	dir := t.TempDir()
	for name, def := range map[string]map[string]any{
		"german": {"kind": "speech", "family": "whisper", "languages": []string{"de"}, "files": map[string]string{"encoder": "x.onnx"}},
		"voices": {"kind": models.KindSpeakers, "family": "pyannote", "files": map[string]string{"encoder": "x.onnx"}},
	} {
		raw, err := json.Marshal(def)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "model.json"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.Models = models.Open(dir, models.Options{})
	return c
}

func TestCatalog_Check(t *testing.T) {
	own := jobs.Catalog{Engines: map[string]config.Engine{"office": {Type: "openai"}}}
	for _, c := range []struct {
		name    string
		catalog jobs.Catalog
		options api.Options
		says    string // "": accepted
	}{
		{"the default", jobs.Catalog{}, api.Options{}, ""},
		{"an engine of the settings", own, api.Options{Model: "office", Language: "tlh"}, ""},
		{"a model that nobody knows", own, api.Options{Model: "nobody"}, "model: "},
		{"a model for speakers", own, api.Options{Model: "voices"}, "recognizes no words"},
		{"its language", own, api.Options{Model: "german", Language: "de-AT"}, ""},
		{"another language", own, api.Options{Model: "german", Language: "fr"}, "recognizes de"},
		{"speakers", jobs.Catalog{Defaults: jobs.Defaults{SpeakerModel: "voices"}}, api.Options{Speakers: "2"}, ""},
		{"speakers that are none", own, api.Options{Speakers: "many"}, "auto or a number"},
		{"speakers of channels", own, api.Options{Speakers: "2", Channels: "split"}, "leave one of the two out"},
		{"speakers by a model for speech", jobs.Catalog{Defaults: jobs.Defaults{SpeakerModel: "german"}}, api.Options{Speakers: "2"}, "tells no speakers apart"},
		{"speakers by no model", jobs.Catalog{Defaults: jobs.Defaults{SpeakerModel: "nobody"}}, api.Options{Speakers: "2"}, "speaker_model is wrong"},
	} {
		err := catalog(t, c.catalog).Check(c.options)
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: got %v, want it accepted", c.name, err)
		case c.says != "" && (!errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: got %v, want invalid with %q", c.name, err, c.says)
		}
	}
}

func TestCatalog_optionsComeBeforeSettings(t *testing.T) {
	c := jobs.Catalog{Defaults: jobs.Defaults{Model: "mine", Plan: "lite", SpeakerModel: "voices"}}
	if got := []string{c.Model(api.Options{}), string(c.Plan(api.Options{})), c.SpeakerModel(), c.Model(api.Options{Model: "x"}), string(c.Plan(api.Options{Plan: "pro"}))}; strings.Join(got, " ") != "mine lite voices x pro" {
		t.Errorf("got %v, want mine lite voices x pro", got)
	}
	c = jobs.Catalog{}
	if c.Model(api.Options{}) != models.Default || c.SpeakerModel() != models.Speakers {
		t.Errorf("got %s and %s, want the default models", c.Model(api.Options{}), c.SpeakerModel())
	}
}

func TestCatalog_MaxAttempts(t *testing.T) {
	c := jobs.Catalog{Engines: map[string]config.Engine{"office": {Type: "openai"}, "own": {Type: "sherpa"}}}
	for model, want := range map[string]int{"office": 9, "own": 0, "": 0} {
		if got := c.MaxAttempts(api.Options{Model: model}); got != want {
			t.Errorf("model %q: got %d attempts, want %d", model, got, want)
		}
	}
}
