package daemon_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/webhook"
)

func opener(data []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
}

func readAll(r *http.Request) ([]byte, error) { return io.ReadAll(r.Body) }

var deliveryQuery client.DeliveryQuery

// jobID returns the job that the event is about.
func (r received) jobID() string {
	switch d := r.event.Data.(type) {
	case *webhook.Completed:
		return d.JobID
	case *webhook.Failed:
		return d.JobID
	}
	return ""
}

// spooled lists the files in the spool.
func spooled(t testing.TB, f *fixture) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.config.DataDir, "spool"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// journal keeps what is logged, from debug on.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
