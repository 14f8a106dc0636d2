package daemon_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/models/modelstest"
)

// buildEngine builds the real worker program, once for all tests.
var buildEngine = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "voxparse-daemon-test")
	if err != nil {
		return "", err
	}
	leftovers = append(leftovers, dir)
	path := filepath.Join(dir, "voxparse-engine")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/voxparse-engine").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the worker: %w\n%s", err, out)
	}
	return path, nil
})

// leftovers are removed when all tests are over.
var leftovers []string

// startReal starts a daemon on real workers and the real default model. more
// may alter its options, and be nil.
func startReal(t testing.TB, more func(*daemon.Options)) *fixture {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the worker program, and needs the default model")
	}
	path, err := buildEngine()
	if err != nil {
		t.Fatal(err)
	}
	models, cache := modelstest.Dir(t), modelstest.Cache(t)
	return start(t, func(o *daemon.Options) {
		o.Transcriber, o.EnginePath = nil, path
		o.Config.ModelsDir, o.Config.CacheDir = models, cache
		if more != nil {
			more(o)
		}
	})
}

func recording(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../testdata/audio/sense_and_sensibility_01_austen_64kb-0870.wav")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestARealRecordingBecomesATranscript(t *testing.T) {
	f := startReal(t, nil)
	r := newReceiver(t, nil)
	r.register(f, nil)
	acc, err := f.client.Submit(t.Context(), upload(recording(t)))
	if err != nil {
		t.Fatal(err)
	}
	job, err := f.client.WaitJob(t.Context(), acc.JobID, nil)
	if err != nil || job.Status != api.Completed {
		t.Fatalf("got %s %s, %v, want completed", job.Status, job.Error, err)
	}
	result, err := f.client.Result(t.Context(), acc.JobID)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Segments) == 0 || len(strings.Fields(result.Text)) < 10 || result.DurationSeconds < 5 || result.Model != "moonshine-tiny" {
		t.Errorf("got %+v, want words of the recording", result)
	}
	if got := r.next(); got.jobID() != acc.JobID {
		t.Errorf("got a webhook for %s, want %s", got.jobID(), acc.JobID)
	}
}

func TestFilesThatCannotBeTranscribedFailWithAReason(t *testing.T) {
	f := startReal(t, nil)
	wav := recording(t)
	for name, data := range map[string][]byte{
		"a header and no samples":  wav[:44],
		"noise after an audio tag": audio(strings.Repeat("\x01\x02\x03", 5000)),
	} {
		acc, err := f.client.Submit(t.Context(), upload(data))
		if err != nil {
			t.Fatal(err)
		}
		job, err := f.client.WaitJob(t.Context(), acc.JobID, nil)
		if err != nil || job.Status != api.Failed || job.ErrorCode == "" || job.ErrorCode == api.JobInternal || job.Error == "" {
			t.Errorf("%s: got %s %s %q, %v, want it failed with a code and a sentence", name, job.Status, job.ErrorCode, job.Error, err)
		}
	}
}

func TestAKilledWorkerOnlyDelaysItsFile(t *testing.T) {
	f := startReal(t, nil)
	killed := false
	acc, err := f.client.Submit(t.Context(), upload(recording(t)))
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the start of a worker", func() bool {
		s, err := f.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range s.Workers {
			if w.JobID == acc.JobID && w.PID > 0 && !killed {
				if err := syscall.Kill(w.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
					t.Fatal(err)
				}
				killed = true
			}
		}
		return killed
	})
	job, err := f.client.WaitJob(t.Context(), acc.JobID, nil)
	if err != nil || job.Status != api.Completed {
		t.Errorf("got %s %s, %v after its worker was killed, want completed", job.Status, job.Error, err)
	}
}

func TestAModelOfTheSettingsIsRun(t *testing.T) {
	f := startReal(t, withEngine("own", config.Engine{Type: "sherpa", Family: "sense_voice", Files: modelstest.Recognizer(t, "sense_voice", t.TempDir())}))
	u := upload(recording(t))
	u.Options.Model = "own"
	result, err := f.client.Transcribe(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Segments) == 0 || result.Segments[0].Text != modelstest.Said || result.Model != "own" || result.Language != "de" {
		t.Errorf("got %+v, want %q in German, by the model of the settings", result, modelstest.Said)
	}
}
