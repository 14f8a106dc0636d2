package daemon_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/internal/config"
)

// cloudServer speaks the protocol of the cloud: it limits requests, accepts a
// file once for each idempotency key, and says when to ask after it.
type cloudServer struct {
	*httptest.Server
	mu      sync.Mutex
	limited int // submissions still to be refused
	calls   []string
	keys    []string // idempotency keys of submissions
	file    string
}

func newCloudServer(t *testing.T, apiKey string) *cloudServer {
	t.Helper()
	s := &cloudServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.calls = append(s.calls, r.Method+" "+r.URL.Path)
		if r.Header.Get("X-API-Key") != apiKey {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":{"message":"invalid API key","code":401}}`)
			return
		}
		switch r.URL.Path {
		case "/v1/transcribe":
			s.submit(t, w, r)
		case "/v1/jobs/job_cloud":
			fmt.Fprint(w, `{"id":"job_cloud","status":"completed"}`)
		case "/v1/jobs/job_cloud/result":
			fmt.Fprint(w, `{"job_id":"job_cloud","duration_seconds":2,"language":"en","text":"From the cloud.","segments":[{"start":0,"end":2,"text":"From the cloud."}]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *cloudServer) submit(t *testing.T, w http.ResponseWriter, r *http.Request) {
	s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
	file, _, err := r.FormFile("file")
	if err != nil {
		t.Errorf("read the form: %v", err)
		return
	}
	data, err := io.ReadAll(file)
	if err != nil {
		t.Errorf("read the file: %v", err)
	}
	s.file = string(data)
	if s.limited > 0 {
		s.limited--
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"error":{"message":"at most 10 requests a minute","code":429},"retry_after":1}`)
		return
	}
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprint(w, `{"job_id":"job_cloud","status":"processing","message":"Job accepted. Results will be delivered via webhook."}`)
}

// withEngine adds an engine of the settings.
func withEngine(name string, e config.Engine) func(*daemon.Options) {
	return func(o *daemon.Options) { o.Config.Engines = map[string]config.Engine{name: e} }
}

func TestTheCloudsRateLimitDelaysAndIsNotCharged(t *testing.T) {
	t.Setenv("VP_TEST_CLOUD_KEY", "vp_cloud")
	s := newCloudServer(t, "vp_cloud")
	s.limited = 1
	f := start(t, withEngine("cloud", config.Engine{Type: "voxparse", URL: s.URL, Key: "env:VP_TEST_CLOUD_KEY"}))
	u := upload(audio("the audio"))
	u.Options.Model = "cloud"
	acc, err := f.client.Submit(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the wait for the limit", func() bool {
		job, err := f.client.Job(t.Context(), acc.JobID)
		return err == nil && (strings.Contains(job.Waiting, "at most 10 requests a minute") || job.Status == api.Completed)
	})
	job := f.wait(acc.JobID)
	if job.Status != api.Completed || job.Attempts != 1 {
		t.Fatalf("got %s after %d attempts (%s), want completed after one that was charged", job.Status, job.Attempts, job.Error)
	}
	if result, err := f.client.Result(t.Context(), job.ID); err != nil || result.Text != "From the cloud." || result.Model != "cloud" {
		t.Errorf("got %+v, %v, want the cloud's words", result, err)
	}
	want := []string{"POST /v1/transcribe", "POST /v1/transcribe", "GET /v1/jobs/job_cloud", "GET /v1/jobs/job_cloud/result"}
	if !slices.Equal(s.calls, want) || !slices.Equal(s.keys, []string{job.ID, job.ID}) || s.file != string(audio("the audio")) {
		t.Errorf("got calls %q with idempotency keys %q and the file %q, want %q, twice the job's id, the audio", s.calls, s.keys, s.file, want)
	}
}

func TestAnOutageOfARemoteEngineDelaysItsJobs(t *testing.T) {
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	for name, e := range map[string]config.Engine{"cloud": {Type: "voxparse", URL: down.URL}, "office": {Type: "openai", URL: down.URL}} {
		f := start(t, withEngine(name, e))
		u := upload(audio("hello"))
		u.Options.Model = name
		acc, err := f.client.Submit(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		until(t, "an attempt, and a wait of about a minute for the next", func() bool {
			job, err := f.client.Job(t.Context(), acc.JobID)
			if err != nil || job.Status.Terminal() {
				t.Fatalf("%s: got %s, %v, want it to wait", name, job.Status, err)
			}
			return job.Attempts == 1 && job.ErrorCode == api.JobRemote && time.Until(job.NextTryAt) > 30*time.Second
		})
	}
}

func TestKeysOfRemoteEnginesAreKeptNowhere(t *testing.T) {
	const secret = "sk-5f0c-never-to-be-seen"
	t.Setenv("VP_TEST_SECRET", secret)
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keyring.MockInit()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent") // else no keyring is looked for
	if err := keyring.Set("voxparse", "office", secret); err != nil {
		t.Fatal(err)
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.WriteHeader(http.StatusBadRequest) // as some do, it says the key back
		fmt.Fprintf(w, `{"error":{"message":"no access for %s"}}`, r.Header.Get("Authorization"))
	}))
	defer server.Close()
	for _, ref := range []string{"env:VP_TEST_SECRET", "file:" + keyFile, "keyring:office"} {
		home, asked0 := shortDir(t), asked
		var log journal
		f := startIn(t, home, func(o *daemon.Options) {
			withEngine("office", config.Engine{Type: "openai", URL: server.URL, Key: ref})(o)
			o.Logger = log.logger()
		})
		job := f.failed(upload(audio("hello")), "office")
		if err := f.shutdown(); err != nil {
			t.Fatal(err)
		}
		if asked != asked0+1 || !strings.Contains(job.Error, "no access for Bearer [key]") {
			t.Errorf("%s: got error %q after %d requests, want one request with the key", ref, job.Error, asked-asked0)
		}
		if strings.Contains(log.String(), secret) {
			t.Errorf("%s: the key is in the log", ref)
		}
		if got := holders(t, home, []string{secret}); len(got) > 0 {
			t.Errorf("%s: the key is in %q", ref, got)
		}
	}
}

// failed submits a file for an engine and returns the job once it has failed.
func (f *fixture) failed(u client.Upload, model string) api.Job {
	f.t.Helper()
	u.Options.Model = model
	acc, err := f.client.Submit(f.t.Context(), u)
	if err != nil {
		f.t.Fatal(err)
	}
	job := f.wait(acc.JobID)
	if job.Status != api.Failed {
		f.t.Errorf("got %s, want failed", job.Status)
	}
	return job
}
