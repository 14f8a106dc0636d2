package daemon_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/daemon/daemontest"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/daemon/dropfolder"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/webhook"
)

func TestMain(m *testing.M) {
	os.Setenv("VOXPARSE_NO_KEYRING", "1")
	for name, run := range children {
		if os.Getenv(childEnv) == name {
			os.Exit(run())
		}
	}
	code := m.Run()
	for _, dir := range leftovers {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// childEnv names the role of this test binary when it is run again as another
// process.
const childEnv = "VOXPARSE_TEST_CHILD"

var children = map[string]func() int{}

// fakeTranscriber answers at once with the file's content as its text, unless
// the file says otherwise: "block" waits for release, "fail CODE" fails.
type fakeTranscriber struct {
	mu      sync.Mutex
	started map[string]int
	release chan struct{}
	begun   chan string
	block   bool          // every job
	delay   time.Duration // a job takes up to twice that
}

func newFake() *fakeTranscriber {
	return &fakeTranscriber{started: map[string]int{}, release: make(chan struct{}), begun: make(chan string, 100)}
}

func (f *fakeTranscriber) Transcribe(ctx context.Context, r engine.Request, m engine.Model, progress func(api.Progress)) (*api.Result, error) {
	data, err := os.ReadFile(r.Path)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.started[r.JobID]++
	tries := f.started[r.JobID]
	f.mu.Unlock()
	select {
	case f.begun <- r.JobID:
	default:
	}
	text := strings.TrimRight(strings.TrimPrefix(string(data), "ID3\x00"), "\x00")
	if f.delay > 0 {
		time.Sleep(rand.N(2 * f.delay))
	}
	progress(api.Progress{Stage: "transcribe", DurationSeconds: 10, PositionSeconds: 5, Percent: 50})
	verb, arg, _ := strings.Cut(text, " ")
	if f.block {
		verb = "block"
	}
	switch verb {
	case "block":
		select {
		case <-f.release:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	case "fail":
		return nil, &engine.Error{Code: arg, Message: "It cannot be done."}
	case "flaky":
		if tries == 1 {
			return nil, &engine.Error{Code: arg, Message: "Not now.", Transient: true, RetryAfter: time.Millisecond}
		}
	case "crash":
		return nil, &engine.Error{Code: api.JobEngineCrashed, Message: "It ends workers.", Retry: true, RetryAfter: time.Millisecond}
	}
	return &api.Result{DurationSeconds: 10, Language: "en", Model: m.Name, Text: text, Segments: []api.Segment{{Start: 0, End: 10, Text: text}}}, nil
}

// audio is an upload that looks like audio and says text to the fake.
func audio(text string) []byte { return append([]byte("ID3\x00"), text...) }

// fixture is a daemon under test.
type fixture struct {
	*daemon.Daemon
	t      testing.TB
	config *config.Config
	fake   *fakeTranscriber
	client *client.Client
	cancel context.CancelFunc
	ended  chan error
	once   sync.Once
	err    error
}

func shortDir(t testing.TB) string { return daemontest.ShortDir(t) }

func testConfig(t testing.TB, dir string) *config.Config { return daemontest.Settings(t, dir) }

func childPaths(dir string) map[string]string { return daemontest.Env(dir) }

// start runs a daemon in a fresh folder. change may alter its options.
func start(t testing.TB, change func(*daemon.Options)) *fixture {
	t.Helper()
	return startIn(t, shortDir(t), change)
}

func startIn(t testing.TB, dir string, change func(*daemon.Options)) *fixture {
	t.Helper()
	fake := newFake()
	opts := daemon.Options{Config: testConfig(t, dir), Version: "test", Transcriber: fake, Logger: testLogger(t),
		Schedule: dispatch.Schedule{20 * time.Millisecond, 20 * time.Millisecond, 20 * time.Millisecond}}
	opts.FolderIntervals = dropfolder.Intervals{Finish: 100 * time.Millisecond, Keep: 200 * time.Millisecond, Probe: 50 * time.Millisecond}
	if change != nil {
		change(&opts)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d, err := daemon.New(ctx, opts)
	if err != nil {
		cancel()
		t.Fatalf("start a daemon: %v", err)
	}
	f := &fixture{Daemon: d, t: t, config: opts.Config, fake: fake, client: client.New(opts.Config.Socket), cancel: cancel, ended: make(chan error, 1)}
	go func() { f.ended <- d.Run(ctx) }()
	daemontest.AwaitOpen(t, f.client)
	t.Cleanup(func() {
		if err := f.shutdown(); err != nil {
			t.Errorf("got %v from Run, want nil", err)
		}
	})
	return f
}

// shutdown stops the daemon and returns what Run returned.
func (f *fixture) shutdown() error {
	f.once.Do(func() {
		f.cancel()
		f.err = <-f.ended
		f.client.Close()
	})
	return f.err
}

// testLogger logs to the test when VOXPARSE_TEST_LOG is set.
func testLogger(t testing.TB) *slog.Logger {
	if os.Getenv("VOXPARSE_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// upload is a file for the client.
func upload(data []byte) client.Upload {
	return client.Upload{Name: "call.mp3", Size: int64(len(data)), Open: opener(data)}
}

// receiver is a webhook's far end: it verifies every request and keeps it.
type receiver struct {
	*httptest.Server
	t      testing.TB
	got    chan received
	answer func(http.ResponseWriter, *http.Request, received)
	mu     sync.Mutex
	secret string
}

type received struct {
	header http.Header
	body   []byte
	event  webhook.Event
	at     time.Time
}

func newReceiver(t testing.TB, answer func(http.ResponseWriter, *http.Request, received)) *receiver {
	r := &receiver{t: t, got: make(chan received, 10000), answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, err := readAll(req)
	if err != nil {
		r.t.Errorf("read a webhook: %v", err)
	}
	r.mu.Lock()
	secret, answer := r.secret, r.answer
	r.mu.Unlock()
	if err := webhook.Verify(body, req.Header, secret, time.Minute); err != nil {
		r.t.Errorf("verify a webhook: %v", err)
	}
	event, err := webhook.Parse(body)
	if err != nil {
		r.t.Errorf("parse a webhook: %v", err)
	}
	got := received{req.Header.Clone(), body, event, time.Now()}
	r.got <- got
	if answer != nil {
		answer(w, req, got)
	}
}

// register adds the receiver as a webhook.
func (r *receiver) register(f *fixture, change func(*api.WebhookPatch)) api.Webhook {
	r.t.Helper()
	url := r.URL + "/hook"
	patch := api.WebhookPatch{URL: &url}
	if change != nil {
		change(&patch)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	hook, err := f.client.CreateWebhook(context.Background(), patch)
	if err != nil {
		r.t.Fatalf("add a webhook: %v", err)
	}
	r.secret = hook.Secret
	return hook
}

// next returns the next request, or fails the test.
func (r *receiver) next() received {
	r.t.Helper()
	select {
	case got := <-r.got:
		return got
	case <-time.After(20 * time.Second):
		r.t.Fatal("no webhook arrived within 20 s")
		return received{}
	}
}

// submit sends text as a file and returns the job's id.
func (f *fixture) submit(text string) string {
	f.t.Helper()
	acc, err := f.client.Submit(context.Background(), upload(audio(text)))
	if err != nil {
		f.t.Fatalf("submit %q: %v", text, err)
	}
	return acc.JobID
}

// wait returns a job once it has ended.
func (f *fixture) wait(id string) api.Job {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	job, err := f.client.WaitJob(ctx, id, nil)
	if err != nil {
		f.t.Fatalf("wait for %s: %v", id, err)
	}
	return job
}

// until asks again until ok holds; it fails the test after 20 s.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen within 20 s", what)
		}
	}
}
