package jobs_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/models"
)

func TestRunner_givesTheWorkersTheModelThatIsAskedFor(t *testing.T) {
	own := map[string]string{"encoder": "/e.onnx", models.RoleVAD: "/v.onnx"}
	work := &pool{}
	f := newFixture(t, work, func(c *jobs.Config) {
		c.Defaults = jobs.Defaults{Model: "german", Language: "de-AT"}
		c.Engines = map[string]config.Engine{"own": {Type: "sherpa", Family: "whisper", Language: "fr", Files: own, Params: map[string]string{"a": "b"}}}
	})
	f.define("german", models.KindSpeech, "")
	for _, c := range []struct {
		options  api.Options
		model    engine.Model
		language string
	}{
		{api.Options{}, engine.Model{Name: "german", Language: "de", Files: map[string]string{"encoder": filepath.Join(f.models, "german", "encoder.onnx")}}, "de-AT"},
		{api.Options{Model: "own", Language: "fr"}, engine.Model{Name: "own", Language: "fr", Files: own}, "fr"},
	} {
		id := f.submit(c.options)
		f.news.until(t, api.Completed)
		got := work.last(t)
		if got.model.Name != c.model.Name || got.model.Family != "whisper" || got.model.Language != c.model.Language || got.model.Files["encoder"] != c.model.Files["encoder"] || len(got.model.Params) != 1 {
			t.Errorf("%+v: got the model %+v, want %+v", c.options, got.model, c.model)
		}
		if got.request.JobID != id || got.request.Name != "call.mp3" || got.request.Options.Language != c.language || got.request.Attempt != 1 {
			t.Errorf("%+v: got %+v, want the first attempt at %s in %s", c.options, got.request, id, c.language)
		}
	}
}

func TestRunner_aModelThatIsNoMoreFailsTheJob(t *testing.T) {
	f := newFixture(t, &pool{}, nil)
	f.submit(api.Options{Model: "nobody"})
	if job := f.news.until(t, api.Failed); job.ErrorCode != api.JobModelMissing || !strings.Contains(job.Error, "nobody") {
		t.Errorf("got %s %q, want model_missing with its name", job.ErrorCode, job.Error)
	}
}

func TestRunner_remoteEngines(t *testing.T) {
	t.Setenv("VOXPARSE_TEST_KEY", "secret")
	var key atomic.Value
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		key.Store(r.Header.Get("Authorization") + r.Header.Get("X-API-Key"))
		if strings.HasPrefix(r.URL.Path, "/v1/audio") {
			_, _ = w.Write([]byte(`{"text":"from afar","duration":2}`))
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":{"message":"no such plan"}}`))
	})
	f := newFixture(t, &pool{}, func(c *jobs.Config) {
		c.Engines = map[string]config.Engine{
			"office": {Type: "openai", URL: url, Key: "env:VOXPARSE_TEST_KEY", Timeout: "5s"}, "cloud": {Type: "voxparse", URL: url, Key: "env:VOXPARSE_TEST_KEY"},
			"late": {Type: "openai", URL: url, Timeout: "soon"}, "odd": {Type: "telepathy"},
		}
	})
	for range 2 { // the engine is made once
		id := f.submit(api.Options{Model: "office"})
		f.news.until(t, api.Completed)
		stored, err := f.db.Result(t.Context(), id)
		var result api.Result
		if err == nil {
			err = json.Unmarshal(stored, &result)
		}
		if err != nil || !strings.Contains(strings.ToLower(result.Text), "from afar") || key.Load() != "Bearer secret" {
			t.Errorf("got %q, %v by the key %v, want the server's words", result.Text, err, key.Load())
		}
	}
	for model, want := range map[string]string{"cloud": api.JobRemote, "late": api.JobRemote, "odd": api.JobUnsupported} {
		f.submit(api.Options{Model: model})
		if job := f.news.until(t, api.Failed); job.ErrorCode != want {
			t.Errorf("%s: got %s %q, want %s", model, job.ErrorCode, job.Error, want)
		}
	}
}
