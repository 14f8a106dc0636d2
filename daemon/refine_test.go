package daemon_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/internal/config"
)

// submitWith submits text with options and returns its result once it is done.
func (f *fixture) submitWith(text string, change func(*client.Upload)) *api.Result {
	f.t.Helper()
	u := upload(audio(text))
	if change != nil {
		change(&u)
	}
	acc, err := f.client.Submit(f.t.Context(), u)
	if err != nil {
		f.t.Fatal(err)
	}
	if job := f.wait(acc.JobID); job.Status != api.Completed {
		f.t.Fatalf("got %s (%s), want completed", job.Status, job.Error)
	}
	result, err := f.client.Result(f.t.Context(), acc.JobID)
	if err != nil {
		f.t.Fatal(err)
	}
	return result
}

func TestModeDecidesHowTheTextReads(t *testing.T) {
	f := start(t, nil)
	for mode, want := range map[api.Mode]bool{api.ModeVerbatim: true, api.ModePolished: false} {
		res := f.submitWith("um so we met on monday", func(u *client.Upload) { u.Options.Mode = mode })
		if got := strings.Contains(res.Text, "um"); got != want {
			t.Errorf("%s: got %q, want fillers kept: %v", mode, res.Text, want)
		}
	}
}

func TestPlanDecidesWhetherThereIsAnAnalysis(t *testing.T) {
	f := start(t, nil)
	for plan, want := range map[api.Plan]bool{api.PlanPro: true, api.PlanLite: false} {
		res := f.submitWith("I will send the report tomorrow.", func(u *client.Upload) { u.Options.Plan = plan })
		if got := res.AIAnalysis != nil; got != want {
			t.Errorf("%s: got an analysis: %v, want %v", plan, got, want)
		}
	}
}

func TestARemoteEngineIsChosenByModel(t *testing.T) {
	t.Setenv("VP_TEST_OFFICE_KEY", "sk-office")
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if got := r.Header.Get("Authorization"); got != "Bearer sk-office" {
			t.Errorf("got key %q", got)
		}
		if asked == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		fmt.Fprint(w, `{"text":"From the office.","duration":2,"language":"english","segments":[{"start":0,"end":2,"text":"From the office."}]}`)
	}))
	defer server.Close()
	f := start(t, func(o *daemon.Options) {
		o.Config.Engines = map[string]config.Engine{"office": {Type: "openai", URL: server.URL, Key: "env:VP_TEST_OFFICE_KEY"}}
	})
	res := f.submitWith("not heard here", func(u *client.Upload) { u.Options.Model = "office" })
	if res.Text != "From the office." || res.Model != "office" {
		t.Errorf("got %q by %s, want the office's words", res.Text, res.Model)
	}
	if len(f.fake.started) != 0 {
		t.Error("the local engine was asked too")
	}
}
