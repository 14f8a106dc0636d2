package jobs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/models"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
	"github.com/voxparse/voxparse/store/spool"
)

// transcriber answers as it is told.
type transcriber func(ctx context.Context) (*api.Result, error)

func (f transcriber) Transcribe(ctx context.Context, _ engine.Request, _ engine.Model, report func(api.Progress)) (*api.Result, error) {
	report(api.Progress{Stage: "transcribe", Percent: 50})
	return f(ctx)
}

// hello is what a fake says.
func hello() *api.Result {
	return &api.Result{DurationSeconds: 4, Text: "hello you", Segments: []api.Segment{{End: 2, Text: "hello"}, {Start: 2, End: 4, Text: "you"}}}
}

// asked is what a pool was asked for.
type asked struct {
	request engine.Request
	model   engine.Model
	voices  int
	silence engine.Silence
}

// pool takes the place of the worker processes in all that they do. What it is
// asked for is kept.
type pool struct {
	turns     []engine.Turn
	failTurns error
	silence   func(out string) error

	mu    sync.Mutex
	asked []asked
}

func (p *pool) note(a asked) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, a)
}

// last is what it was asked for last.
func (p *pool) last(t *testing.T) asked {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.asked) == 0 {
		t.Fatal("got nothing asked of the workers")
	}
	return p.asked[len(p.asked)-1]
}

func (p *pool) Transcribe(_ context.Context, r engine.Request, m engine.Model, _ func(api.Progress)) (*api.Result, error) {
	p.note(asked{request: r, model: m})
	return hello(), nil
}

func (p *pool) Turns(_ context.Context, r engine.Request, m engine.Model, voices int, _ func(api.Progress)) ([]engine.Turn, error) {
	p.note(asked{request: r, model: m, voices: voices})
	return p.turns, p.failTurns
}

func (p *pool) Silence(_ context.Context, r engine.Request, s engine.Silence, report func(api.Progress)) error {
	report(api.Progress{Stage: "silence"})
	p.note(asked{request: r, silence: s})
	return p.silence(s.Out)
}

func (p *pool) Run(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (p *pool) Workers() []api.Worker { return []api.Worker{{PID: 7}} }

// folders are drop folders that hold one file each.
type folders struct {
	path   string
	queue  store.Queue
	paused atomic.Bool
}

func (f *folders) Open(context.Context, store.Job) (string, func(), error) {
	return f.path, func() {}, nil
}

func (f *folders) Complete(ctx context.Context, c jobs.Completion) (store.Job, error) {
	c.Report("being written")
	return f.queue.Complete(ctx, c.Job.Token(), c.Stored, c.Event)
}

func (f *folders) Paused(queue string) bool { return queue != store.QueueCommands && f.paused.Load() }

// news passes on every status that is published.
type news chan api.Job

func (news) Wanted(string) bool                 { return true }
func (n news) Publish(_ string, job api.Job)    { n <- job }
func (news) JobBegun(time.Duration)             {}
func (news) JobEnded(api.JobStatus)             {}
func (news) Transcribed(float64, time.Duration) {}

// wait returns the first job of which ok holds.
func (n news) wait(t *testing.T, what string, ok func(api.Job) bool) api.Job {
	t.Helper()
	for late := time.After(20 * time.Second); ; {
		select {
		case job := <-n:
			if ok(job) {
				return job
			}
		case <-late:
			t.Fatalf("no job %s within 20 s", what)
		}
	}
}

func (n news) until(t *testing.T, status api.JobStatus) api.Job {
	t.Helper()
	return n.wait(t, "became "+string(status), func(job api.Job) bool { return job.Status == status })
}

// fixture is a runner over a fresh store.
type fixture struct {
	*jobs.Runner
	t       *testing.T
	db      *boltstore.DB
	blobs   store.BlobStore
	news    news
	folders *folders
	copies  *jobs.Copies
	models  string // folder
	stop    func() // ends the runner and waits for its end
}

// newFixture runs a runner until the test ends. change may alter its settings.
func newFixture(t *testing.T, work engine.Transcriber, change func(*jobs.Config)) *fixture {
	t.Helper()
	dir := t.TempDir()
	f := &fixture{t: t, news: make(news, 1000), folders: &folders{path: filepath.Join(dir, "dropped.mp3")}, models: filepath.Join(dir, "models")}
	var err error
	if f.db, err = boltstore.Open(t.Context(), dir, boltstore.Config{}); err != nil {
		t.Fatal(err)
	}
	if f.blobs, err = spool.Open(filepath.Join(dir, "spool"), filepath.Join(dir, spool.QuarantineDir)); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	f.folders.queue = f.db
	f.copies = &jobs.Copies{Dir: filepath.Join(dir, "silenced"), Jobs: f.db, Logger: log}
	cfg := jobs.Config{
		Catalog: jobs.Catalog{Models: models.Open(f.models, models.Options{})}, Workers: jobs.WorkerConfig{Count: 1, CacheDir: dir},
		Queue: f.db, Jobs: f.db, Failed: f.db.Failed(), Owner: "run_1", Blobs: f.blobs, Folders: f.folders, Copies: f.copies,
		Feed: f.news, Metrics: f.news, Logger: log, ResultURL: func(id string) string { return "/" + id }, Transcriber: work,
	}
	if change != nil {
		change(&cfg)
	}
	if f.Runner, err = jobs.New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx, ctx)
	}()
	f.stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(func() {
		f.stop()
		if err := f.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// submit has a job made with these options and returns its id.
func (f *fixture) submit(o api.Options) string {
	f.t.Helper()
	blob, err := f.blobs.Put(f.t.Context(), bytes.NewReader([]byte("audio")), 100)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.add(store.Job{Queue: store.QueueCommands, Source: api.Source{Name: "call.mp3"}, Blob: blob.Name, Options: o})
}

func (f *fixture) add(job store.Job) string {
	f.t.Helper()
	job.ID = store.NewID(api.JobPrefix)
	got, _, err := f.db.Submit(f.t.Context(), job)
	if err != nil {
		f.t.Fatal(err)
	}
	return got.ID
}

// job returns the record of a job.
func (f *fixture) job(id string) store.Job {
	f.t.Helper()
	job, err := f.db.Job(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return job
}

// define makes a model of the user's own, of a kind, whose encoder is served
// by url, or is there where url is "".
func (f *fixture) define(name, kind, url string) {
	f.t.Helper()
	encoder := map[string]any{"name": "encoder.onnx"}
	if url != "" {
		sum := sha256.Sum256([]byte(modelBytes))
		encoder = map[string]any{"name": "encoder.onnx", "size": len(modelBytes), "sha256": hex.EncodeToString(sum[:]), "url": url}
	}
	def, err := json.Marshal(map[string]any{"kind": kind, "family": "whisper", "languages": []string{"de"}, "params": map[string]string{"task": "transcribe"},
		"files": map[string]any{"encoder": encoder, models.RoleVAD: "vad.onnx"}})
	if err != nil {
		f.t.Fatal(err)
	}
	dir := filepath.Join(f.models, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		f.t.Fatal(err)
	}
	files := map[string][]byte{"model.json": def, "vad.onnx": []byte("vad")}
	if url == "" {
		files["encoder.onnx"] = []byte(modelBytes)
	}
	for file, data := range files {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
}

// modelBytes are a model's file.
const modelBytes = "the weights of a model"

// serve runs a server until the test ends and returns its address.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL
}
