package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

// audioFile writes a file that stands for audio: a remote engine never looks
// inside.
func audioFile(t *testing.T, content string) Request {
	t.Helper()
	path := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return Request{JobID: "job_01jtest", Path: path, Name: `call "1".mp3`, Options: api.Options{Language: "en"}}
}

func staticKey(k string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return k, nil }
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func noProgress(api.Progress) {}

const verbose = `{"task":"transcribe","language":"english","duration":3.5,"text":"Hello there. Bye.",
"segments":[{"id":0,"start":0,"end":1.5,"text":" Hello there.","avg_logprob":-0.1},{"id":1,"start":1.5,"end":3.5,"text":" Bye."}],
"words":[{"word":"Hello","start":0,"end":0.4}]}`

func TestOpenAIUploadsTheFileAndReadsTheTranscript(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		file, header, err := r.FormFile("file")
		if err != nil {
			t.Errorf("form file: %v", err)
			return
		}
		content, _ := io.ReadAll(file)
		for _, c := range []struct{ what, got, want string }{
			{"path", r.URL.Path, "/v1/audio/transcriptions"},
			{"key", r.Header.Get("Authorization"), "Bearer sk-1"},
			{"model", r.FormValue("model"), "whisper-1"},
			{"language", r.FormValue("language"), "en"},
			{"format", r.FormValue("response_format"), "verbose_json"},
			{"name", header.Filename, `call "1".mp3`},
			{"content", string(content), "the audio"},
		} {
			if c.got != c.want {
				t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
			}
		}
		if r.ContentLength <= 0 {
			t.Errorf("got content length %d, want it known", r.ContentLength)
		}
		fmt.Fprint(w, verbose)
	})
	for _, base := range []string{url, url + "/v1", url + "/v1/"} {
		e := NewOpenAI(Remote{Name: "office", URL: base, Model: "whisper-1", Key: staticKey("sk-1")})
		res, err := e.Transcribe(t.Context(), audioFile(t, "the audio"), Model{}, noProgress)
		if err != nil {
			t.Fatalf("transcribe at %s: %v", base, err)
		}
		got, _ := json.Marshal(res)
		want := `{"job_id":"job_01jtest","duration_seconds":3.5,"language":"en","model":"office","text":"Hello there. Bye.","segments":[{"start":0,"end":1.5,"text":"Hello there.","confidence":0.905},{"start":1.5,"end":3.5,"text":"Bye."}],"words":[{"start":0,"end":0.4,"text":"Hello"}]}`
		if string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestOpenAIFallsBackToPlainJSON(t *testing.T) {
	var verboseAsked atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("response_format") == "verbose_json" {
			verboseAsked.Add(1)
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"message":"response_format 'verbose_json' is not compatible with this model"}}`)
			return
		}
		fmt.Fprint(w, `{"text":"Only text.","usage":{"type":"duration","seconds":7}}`)
	})
	e := NewOpenAI(Remote{Name: "office", URL: url})
	for range 2 {
		res, err := e.Transcribe(t.Context(), audioFile(t, "x"), Model{}, noProgress)
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Segments) != 1 || res.Segments[0].End != 7 || res.Words != nil {
			t.Errorf("got %+v, want one segment of 7 s and no words", res)
		}
	}
	if got := verboseAsked.Load(); got != 1 {
		t.Errorf("got %d questions for verbose_json, want 1: the refusal is remembered", got)
	}
}

func TestRemoteErrorsSayWhetherToTryAgain(t *testing.T) {
	for _, c := range []struct {
		name       string
		status     int
		header     string
		body       string
		code       string
		transient  bool
		retry      bool
		retryAfter time.Duration
		says       string
	}{
		{"rate limit, header", 429, "7", `{}`, api.JobRemote, true, false, 7 * time.Second, "429"},
		{"rate limit, body", 429, "", `{"error":{"message":"slow down","code":429},"retry_after":12}`, api.JobRemote, true, false, 12 * time.Second, "slow down"},
		{"outage", 503, "3", `<html>`, api.JobRemote, false, true, 3 * time.Second, "503"},
		{"wrong key", 401, "", `{"error":"bad key"}`, api.JobRemote, true, false, 5 * time.Minute, "engines.office.key"},
		{"not audio", 415, "", `{"message":"no"}`, api.JobNotAudio, false, false, 0, "no"},
		{"too large", 413, "", ``, api.JobRemote, false, false, 0, "local model"},
		{"redirect", 302, "", ``, api.JobRemote, false, false, 0, "302"},
		{"bad request", 400, "", `{"error":{"message":"bad file"}}`, api.JobRemote, false, false, 0, "bad file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})
			for _, e := range []Transcriber{
				NewOpenAI(Remote{Name: "office", URL: url, Key: staticKey("secret-key")}),
				NewCloud(Remote{Name: "office", URL: url, Key: staticKey("secret-key")}),
			} {
				_, err := e.Transcribe(t.Context(), audioFile(t, "x"), Model{}, noProgress)
				var got *Error
				if !errors.As(err, &got) {
					t.Fatalf("got %v, want an *Error", err)
				}
				if got.Code != c.code || got.Transient != c.transient || got.Retry != c.retry || got.RetryAfter != c.retryAfter {
					t.Errorf("got %+v, want %+v", got, c)
				}
				if !strings.Contains(got.Message, c.says) || strings.Contains(got.Message, "secret-key") {
					t.Errorf("got message %q, want it to say %q and never the key", got.Message, c.says)
				}
			}
		})
	}
}

func TestAnUnreachableServerDelays(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	_, err := NewOpenAI(Remote{Name: "office", URL: s.URL}).Transcribe(t.Context(), audioFile(t, "x"), Model{}, noProgress)
	var got *Error
	if !errors.As(err, &got) || !got.Retry {
		t.Errorf("got %v, want an error that is worth another attempt", err)
	}
}

func TestAudioThatCannotBeReadIsNotCharged(t *testing.T) {
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path             string
		transient, retry bool
	}{{loop, true, false}, {filepath.Join(t.TempDir(), "gone"), false, true}} {
		q := audioFile(t, "x")
		q.Path = c.path
		_, err := NewOpenAI(Remote{Name: "office", URL: "http://127.0.0.1:1"}).Transcribe(t.Context(), q, Model{}, noProgress)
		var got *Error
		if !errors.As(err, &got) || got.Transient != c.transient || got.Retry != c.retry || !strings.Contains(got.Message, "cannot be read") {
			t.Errorf("%s: got %+v, want transient %v, retry %v", filepath.Base(c.path), got, c.transient, c.retry)
		}
	}
}

func TestCancellingARemoteJobReturnsItsCause(t *testing.T) {
	entered := make(chan struct{})
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // so that the server sees the client go
		close(entered)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	_, err := NewOpenAI(Remote{Name: "office", URL: url}).Transcribe(ctx, audioFile(t, "x"), Model{}, noProgress)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// cloud is a server that speaks the cloud's protocol: a submission is
// accepted, two questions find it at work, one of them is refused for now.
func cloud(t *testing.T, final string) (url string, submitted *atomic.Int32) {
	submitted = new(atomic.Int32)
	var asked atomic.Int32
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("X-API-Key"); got != "vp_k" {
			t.Errorf("got key %q", got)
		}
		switch r.Method + " " + r.URL.Path {
		case "POST /v1/transcribe":
			if r.FormValue("async") != "true" || r.Header.Get("Idempotency-Key") != "job_01jtest" {
				t.Errorf("got async %q, idempotency key %q", r.FormValue("async"), r.Header.Get("Idempotency-Key"))
			}
			submitted.Add(1)
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{"job_id":"job_cloud","status":"processing","message":"Job accepted. Results will be delivered via webhook."}`)
		case "GET /v1/jobs/job_cloud":
			switch asked.Add(1) {
			case 1:
				fmt.Fprint(w, `{"id":"job_cloud","status":"processing"}`)
			case 2:
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				fmt.Fprint(w, final)
			}
		case "GET /v1/jobs/job_cloud/result":
			fmt.Fprint(w, `{"job_id":"job_cloud","duration_seconds":2,"language":"en","model":"cloud-1","text":"Hi.","segments":[{"start":0,"end":2,"speaker":"A","text":"Hi."}]}`)
		default:
			t.Errorf("unexpected %s %s", r.Method, r.URL.Path)
		}
	}), submitted
}

func quickCloud(url string) *Cloud {
	c := NewCloud(Remote{Name: "voxparse-cloud", URL: url, Key: staticKey("vp_k"), PerMinute: 60_000})
	c.pollEvery = time.Millisecond
	return c
}

func TestCloudSubmitsOnceAndWaits(t *testing.T) {
	url, submitted := cloud(t, `{"id":"job_cloud","status":"completed"}`)
	res, err := quickCloud(url).Transcribe(t.Context(), audioFile(t, "x"), Model{}, noProgress)
	if err != nil {
		t.Fatal(err)
	}
	if res.JobID != "job_01jtest" || res.Model != "voxparse-cloud" || res.Text != "Hi." || res.Segments[0].Speaker != "A" {
		t.Errorf("got %+v", res)
	}
	if submitted.Load() != 1 {
		t.Errorf("got %d submissions, want 1", submitted.Load())
	}
}

func TestCloudFailureKeepsItsCode(t *testing.T) {
	url, _ := cloud(t, `{"id":"job_cloud","status":"failed","error":"nobody speaks","error_code":"no_speech"}`)
	_, err := quickCloud(url).Transcribe(t.Context(), audioFile(t, "x"), Model{}, noProgress)
	var got *Error
	if !errors.As(err, &got) || got.Code != api.JobNoSpeech || got.Retry || got.Transient {
		t.Errorf("got %v, want no_speech for good", err)
	}
}

func TestCloudRefusesWhatIsTooLargeWithoutSending(t *testing.T) {
	c := NewCloud(Remote{Name: "c", URL: "http://127.0.0.1:1", MaxUpload: 10})
	_, err := c.Transcribe(t.Context(), audioFile(t, "more than ten bytes"), Model{}, noProgress)
	var got *Error
	if !errors.As(err, &got) || got.Retry || !strings.Contains(got.Message, "10 at most") {
		t.Errorf("got %v, want a refusal that names the limit", err)
	}
}

func FuzzRemoteErrorBodies(f *testing.F) {
	for _, s := range []string{`{"error":{"message":"x"}}`, `{"error":"x"}`, `{"message":"x","retry_after":1e308}`, `[]`, `{"error":`, ``} {
		f.Add([]byte(s), "5")
	}
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		if len(errorMessage(body)) > 310 {
			t.Errorf("a message is too long")
		}
		if d := retryAfter(http.Header{"Retry-After": {header}}, body); d < 0 || d > 24*time.Hour {
			t.Errorf("got %v, want 0 to 24 h", d)
		}
	})
}

func TestTheCloudDoesNotMaskWhatIsToBeSilencedHere(t *testing.T) {
	for audio, want := range map[bool]string{false: "true", true: ""} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.FormValue("redact_pii"); got != want {
				t.Errorf("redact_audio %v: got redact_pii %q, want %q", audio, got, want)
			}
			fmt.Fprint(w, `{"text":"Hi.","segments":[]}`)
		})
		q := audioFile(t, "x")
		q.Options.RedactPII, q.Options.RedactAudio = true, audio
		if _, err := quickCloud(url).Transcribe(t.Context(), q, Model{}, noProgress); err != nil {
			t.Error(err)
		}
	}
}
