package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/daemontest"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/daemon/feed"
	"github.com/voxparse/voxparse/daemon/httpapi"
	"github.com/voxparse/voxparse/daemon/indexer"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/daemon/metrics"
	"github.com/voxparse/voxparse/internal/models"
	"github.com/voxparse/voxparse/internal/vault"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
	"github.com/voxparse/voxparse/store/spool"
)

const owner = "local/run_test"

// patience is how long a test waits for what is sure to come.
const patience = 20 * time.Second

// fixture is the API over a real store, served on a Unix socket and on a TCP
// port. Nothing works on jobs or deliveries: a test does that by itself, with
// complete, fail and attempt.
type fixture struct {
	t         testing.TB
	cfg       httpapi.Config
	db        *boltstore.DB
	dir       string
	attempted feed.Broadcast
	halted    chan struct{}
	stopped   chan struct{} // gets a value when a stop is asked for
	folders   *fakeFolders
	leases    *fakeLeases
	doctor    *fakeDoctor
	socket    *http.Client
	tcp       string // host and port
	key       string // an API key
}

// serve starts the API. change may alter what it needs.
func serve(t testing.TB, change func(*httpapi.Config)) *fixture {
	t.Helper()
	dir := daemontest.ShortDir(t)
	settings := daemontest.Settings(t, dir)
	log := slog.New(slog.DiscardHandler)
	f := &fixture{t: t, dir: dir, halted: make(chan struct{}), stopped: make(chan struct{}, 1), folders: newFakeFolders(), leases: newFakeLeases(), doctor: &fakeDoctor{}}
	f.db = must(boltstore.Open(t.Context(), filepath.Join(dir, "data"), boltstore.Config{}))(t)
	t.Cleanup(func() {
		if err := f.db.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	blobs := must(spool.Open(filepath.Join(dir, "spool"), filepath.Join(dir, spool.QuarantineDir)))(t)
	keys := must(vault.OpenKeys(dir))(t)
	_, key, err := keys.Add("test")
	if err != nil {
		t.Fatal(err)
	}
	f.key = key
	catalog := jobs.Catalog{Defaults: jobs.Defaults{Model: settings.Model, SpeakerModel: settings.SpeakerModel, Language: settings.Language, Mode: settings.Mode, Plan: settings.Plan}, Engines: settings.Engines, Models: models.Open(settings.ModelsDir, models.Options{})}
	meter := metrics.New(metrics.Config{Version: "test", Store: f.db, Running: func() int { return 0 },
		Workers: func() []api.Worker { return nil }, Folders: f.folders.Views, FreeDisk: func() (uint64, bool) { return 0, false }})
	copies := &jobs.Copies{Dir: filepath.Join(dir, "silenced"), Jobs: f.db, Logger: log}
	var runner *jobs.Runner
	jobFeed := must(feed.Open(t.Context(), feed.Config{Log: f.db, Logger: log, Job: func(ctx context.Context, id string) (api.Job, error) {
		job, err := f.db.Job(ctx, id)
		return runner.View(job), err
	}}))(t)
	runner = must(jobs.New(jobs.Config{Catalog: catalog, Analysis: settings.Analysis, Workers: jobs.WorkerConfig{Count: settings.Workers, CacheDir: settings.CacheDir},
		Queue: f.db, Jobs: f.db, Failed: f.db.Failed(), Owner: owner, Blobs: blobs, Copies: copies,
		Feed: jobFeed, Metrics: meter, Logger: log, ResultURL: func(id string) string { return httpapi.ResultURL("", id) }, Transcriber: nobody{}}))(t)
	index := indexer.New(indexer.Config{Dir: filepath.Join(dir, "search"), Store: f.db, Logger: log, Source: func(j store.Job) api.Source { return j.Source }})
	t.Cleanup(index.Close)
	f.cfg = httpapi.Config{
		Settings: httpapi.Settings{Socket: settings.Socket, DataDir: dir, ConfigFile: settings.ConfigFile, Plan: api.PlanPro, WebhookCap: 5, MaxUpload: 1 << 20, Hosts: []string{"calls.example"}},
		Version:  "test", Started: time.Now().UTC(), Logger: log,
		Health: func() string { return api.HealthOK }, Accepting: func() error { return nil }, Addr: func() string { return "" }, BaseURL: func() string { return "" },
		Stop: func() { f.stopped <- struct{}{} }, Halted: f.halted, Model: func() (string, bool) { return "moonshine-tiny", true },
		Problems: func() []api.Problem { return nil }, Blocked: func() []api.Problem { return nil }, Keys: keys, Secrets: plain{},
		Jobs: f.db, Webhooks: f.db, Deliveries: f.db, Events: f.db, Audio: blobs,
		Backup: func(_ context.Context, w io.Writer, passphrase string) error {
			said := "a backup"
			if passphrase != "" {
				said += " with a key under " + passphrase
			}
			_, err := io.WriteString(w, said)
			return err
		},
		Runner: runner, Catalog: catalog, Copies: copies, Folders: f.folders, Dispatcher: idle{}, Leases: f.leases,
		Replays: &dispatch.Replays{Log: f.db, Stopping: f.halted, Logger: log}, Attempted: f.attempted.Wait, Feed: jobFeed, Search: index, Doctor: f.doctor, Metrics: meter,
	}
	if change != nil {
		change(&f.cfg)
	}
	f.listen(jobFeed)
	return f
}

// must returns a value, or fails the test with the error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// listen serves until the end of the test.
func (f *fixture) listen(jobFeed *feed.Feed) {
	f.t.Helper()
	path := filepath.Join(f.dir, "s")
	unix := must(net.Listen("unix", path))(f.t)
	tcp := must(net.Listen("tcp", "127.0.0.1:0"))(f.t)
	f.tcp = tcp.Addr().String()
	f.socket = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	server := httpapi.NewServer(f.cfg.Version, f.cfg.Logger)
	server.Open(f.cfg)
	server.Handler = held(f.t, server.Handler)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { jobFeed.Run(ctx) })
	for _, l := range []net.Listener{unix, tcp} {
		running.Go(func() {
			if err := server.Serve(l); err != http.ErrServerClosed {
				f.t.Errorf("serve: %v", err)
			}
		})
	}
	f.t.Cleanup(func() {
		server.Close()
		cancel()
		running.Wait()
	})
}

// open makes a request on the socket and returns the answer, whose body the
// end of the test closes.
func (f *fixture) open(ctx context.Context, method, path, body string, header ...string) *http.Response {
	f.t.Helper()
	req := must(http.NewRequestWithContext(ctx, method, "http://voxparse"+path, strings.NewReader(body)))(f.t)
	resp := must(f.socket.Do(withHeader(req, header)))(f.t)
	f.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func withHeader(req *http.Request, header []string) *http.Request {
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	return req
}

// ask makes a request on the socket and returns status and body.
func (f *fixture) ask(method, path, body string, header ...string) (int, string) {
	f.t.Helper()
	resp := f.open(f.t.Context(), method, path, body, header...)
	return resp.StatusCode, string(must(io.ReadAll(resp.Body))(f.t))
}

// askTCP makes a request on the TCP port and returns status and body.
func (f *fixture) askTCP(method, path, body string, header ...string) (int, string) {
	f.t.Helper()
	req := must(http.NewRequestWithContext(f.t.Context(), method, "http://"+f.tcp+path, strings.NewReader(body)))(f.t)
	resp := must(http.DefaultClient.Do(withHeader(req, header)))(f.t)
	defer resp.Body.Close()
	return resp.StatusCode, string(must(io.ReadAll(resp.Body))(f.t))
}

// get asks and decodes the answer, which is to have the given status.
func get[T any](f *fixture, want int, method, path, body string) T {
	f.t.Helper()
	status, got := f.ask(method, path, body)
	if status != want {
		f.t.Fatalf("%s %s: got %d %s, want %d", method, path, status, got, want)
	}
	var v T
	if err := json.Unmarshal([]byte(got), &v); err != nil {
		f.t.Fatalf("%s %s: got %s: %v", method, path, got, err)
	}
	return v
}

// wantRefusal checks that an answer is an error object with its code and words.
func wantRefusal(t testing.TB, status int, body string, want int, words string) {
	t.Helper()
	var e api.ErrorBody
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error.Code != status {
		t.Errorf("got %s with status %d, want an error object with that code", body, status)
	}
	if status != want || !strings.Contains(e.Error.Message, words) {
		t.Errorf("got %d %q, want %d with %q", status, e.Error.Message, want, words)
	}
}

// part is one field of a form; a name that begins with @ is a file.
type part struct{ name, value string }

// audio is a field with what looks like audio.
func audio(text string) part { return part{"@file", "ID3\x00" + text} }

// encode returns a form's body and its content type.
func encode(t testing.TB, parts []part) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		name, isFile := strings.CutPrefix(p.name, "@")
		if !isFile {
			if err := w.WriteField(name, p.value); err != nil {
				t.Fatal(err)
			}
			continue
		}
		fw := must(w.CreateFormFile(name, "call.mp3"))(t)
		if _, err := io.WriteString(fw, p.value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// post submits a form.
func (f *fixture) post(parts []part, header ...string) (int, string) {
	f.t.Helper()
	body, contentType := encode(f.t, parts)
	return f.ask("POST", "/v1/transcribe", body, append(header, "Content-Type", contentType)...)
}

// submit submits text as a file and returns the id of its job.
func (f *fixture) submit(text string, more ...part) string {
	f.t.Helper()
	status, body := f.post(append([]part{audio(text), {"async", "true"}}, more...))
	var acc api.Accepted
	if err := json.Unmarshal([]byte(body), &acc); err != nil || status != 202 {
		f.t.Fatalf("got %d %s, want 202", status, body)
	}
	return acc.JobID
}

// claim claims the only job that is due.
func (f *fixture) claim() store.Job {
	f.t.Helper()
	claimed := must(f.db.Claim(f.t.Context(), store.QueueCommands, owner, time.Minute, 1))(f.t)
	if len(claimed) != 1 {
		f.t.Fatalf("got %d jobs to claim, want 1", len(claimed))
	}
	return claimed[0]
}

// complete completes the job that is due, with a transcript.
func (f *fixture) complete(text string) store.Job {
	f.t.Helper()
	job := f.claim()
	result := must(json.Marshal(api.Result{JobID: job.ID, DurationSeconds: 10, Language: "en", Model: "moonshine-tiny", Text: text,
		Segments: []api.Segment{{Start: 0, End: 10, Text: text}}}))(f.t)
	return must(f.db.Complete(f.t.Context(), job.Token(), result, eventOf(job, api.EventCompleted)))(f.t)
}

// fail fails the job that is due for good.
func (f *fixture) fail(code string) store.Job {
	f.t.Helper()
	job := f.claim()
	return must(f.db.Fail(f.t.Context(), job.Token(), store.JobError{Code: code, Message: "It cannot be done."}, time.Time{}, eventOf(job, api.EventFailed)))(f.t)
}

func eventOf(job store.Job, kind string) store.Event {
	return store.Event{ID: store.NewID(api.EventPrefix), Type: kind, JobID: job.ID, CreatedAt: time.Now().UTC(), Body: fmt.Appendf(nil, `{"type":%q,"job_id":%q}`, kind, job.ID)}
}

// attempt records an attempt at the delivery that is due, answered with status.
func (f *fixture) attempt(status int, then api.DeliveryStatus) {
	f.t.Helper()
	claimed := must(f.db.ClaimDeliveries(f.t.Context(), owner, time.Minute, 1, 1))(f.t)
	if len(claimed) != 1 {
		f.t.Fatalf("got %d deliveries to claim, want 1", len(claimed))
	}
	c := claimed[0]
	att := api.Attempt{ID: c.AttemptID, Number: c.Delivery.Attempts + 1, StartedAt: time.Now().UTC(), Status: status}
	if _, err := f.db.RecordAttempt(f.t.Context(), c.Delivery.Token(), att, store.Outcome{Status: then, Gone: status == http.StatusGone}); err != nil {
		f.t.Fatal(err)
	}
	f.attempted.Notify()
}

// hook adds a webhook that gets everything.
func (f *fixture) hook() api.Webhook {
	f.t.Helper()
	return get[api.Webhook](f, 201, "POST", "/v1/webhooks", `{"url":"https://example.com/hook"}`)
}

// spooled are the names in the spool of audio.
func (f *fixture) spooled() (names []string) {
	f.t.Helper()
	for _, e := range must(os.ReadDir(filepath.Join(f.dir, "spool")))(f.t) {
		names = append(names, e.Name())
	}
	return names
}

// receive returns the next value of a channel, or fails the test.
func receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come within %s", what, patience)
		panic("not reached")
	}
}
