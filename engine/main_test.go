package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/voxparse/voxparse/engine"
	"github.com/voxparse/voxparse/models/modelstest"
)

// worker is the path of the worker program, built once for all tests.
var worker string

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
	dir, err := os.MkdirTemp("", "voxparse-engine-test")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	worker = filepath.Join(dir, "voxparse-engine")
	build := exec.Command("go", "build", "-o", worker, "../cmd/voxparse-engine")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the worker: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// tiny is the default model.
func tiny(tb testing.TB) engine.Model {
	tb.Helper()
	return engine.Model{Name: "moonshine-tiny", Family: "moonshine", Language: "en", Files: modelstest.Files(tb)}
}

// pool returns a running pool of real workers, which ends with the test.
func pool(tb testing.TB, change func(*engine.Config)) *engine.Pool {
	tb.Helper()
	cfg := engine.Config{Command: []string{worker}, CacheDir: modelstest.Cache(tb), Dir: tb.TempDir(),
		Logger: slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&cfg)
	}
	p := engine.NewPool(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Errorf("run the pool: %v", err)
		}
	})
	return p
}

// cache is where the compiled decoder is kept between tests.
func cache(tb testing.TB) string { return modelstest.Cache(tb) }

// recording returns the path of one of the recordings in testdata/audio.
func recording(tb testing.TB, id string) string {
	tb.Helper()
	p, err := filepath.Abs(filepath.Join("..", "testdata", "audio", "sense_and_sensibility_01_austen_64kb-"+id+".wav"))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
