package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/models/modelstest"
)

// built is a folder with the worker program, once a test has needed it.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// worker returns the path of the worker program, built from this source.
func worker(tb testing.TB) string {
	tb.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "voxparse-engine-test"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", built.dir+"/voxparse-engine", "../../cmd/voxparse-engine")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build the worker: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		tb.Fatal(built.err)
	}
	return built.dir + "/voxparse-engine"
}

func TestMain(m *testing.M) {
	code, err := testMain(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func testMain(m *testing.M) (int, error) {
	if os.Getenv(fakeEnv) != "" {
		return 0, fakeWorker(os.Getenv(fakeEnv))
	}
	code := m.Run()
	var stopped error
	if shared.stop != nil {
		stopped = shared.stop()
	}
	if built.dir != "" {
		stopped = errors.Join(stopped, os.RemoveAll(built.dir))
	}
	return code, stopped
}

// tiny is the default model.
func tiny(tb testing.TB) engine.Model {
	tb.Helper()
	return engine.Model{Name: "moonshine-tiny", Family: "moonshine", Language: "en", Files: modelstest.Files(tb)}
}

// pool returns a running pool of real workers: with a change to its settings
// one of its own, which ends with the test; without, the one that tests share,
// since starting a worker takes longer than most of them.
func pool(tb testing.TB, change func(*engine.Config)) *engine.Pool {
	tb.Helper()
	program := worker(tb)
	if change == nil {
		shared.once.Do(func() {
			shared.Pool, shared.stop = run(engine.Config{Command: []string{program}, CacheDir: cache(tb),
				Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
		})
		return shared.Pool
	}
	cfg := engine.Config{Command: []string{program}, CacheDir: cache(tb), Dir: tb.TempDir(),
		Logger: slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))}
	change(&cfg)
	p, stop := run(cfg)
	tb.Cleanup(func() {
		if err := stop(); err != nil {
			tb.Errorf("run the pool: %v", err)
		}
	})
	return p
}

// shared is the pool of the tests that change nothing.
var shared struct {
	once sync.Once
	*engine.Pool
	stop func() error
}

// run runs a pool; stop ends it.
func run(cfg engine.Config) (p *engine.Pool, stop func() error) {
	p = engine.NewPool(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	return p, func() error {
		cancel()
		return <-ended
	}
}

// cache is where the compiled decoder is kept between tests.
func cache(tb testing.TB) string { return modelstest.Cache(tb) }

// recording returns the path of one of the recordings in testdata/audio.
func recording(tb testing.TB, id string) string {
	tb.Helper()
	p, err := filepath.Abs(filepath.Join("..", "..", "testdata", "audio", "sense_and_sensibility_01_austen_64kb-"+id+".wav"))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
