package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/models"
)

func TestRunner_namesSpeakers(t *testing.T) {
	work := &pool{turns: []engine.Turn{{End: 2, Speaker: 1}, {Start: 2, End: 4}}}
	f := newFixture(t, work, func(c *jobs.Config) { c.Defaults = jobs.Defaults{Model: "german", SpeakerModel: "voices"} })
	f.define("german", models.KindSpeech, "")
	f.define("voices", models.KindSpeakers, "")
	id := f.submit(api.Options{Speakers: "2"})
	f.news.until(t, api.Completed)
	stored, err := f.db.Result(t.Context(), id)
	var result api.Result
	if err == nil {
		err = json.Unmarshal(stored, &result)
	}
	if err != nil || len(result.Segments) != 2 || result.Segments[0].Speaker != "Speaker 1" || result.Segments[1].Speaker != "Speaker 2" {
		t.Errorf("got %+v, %v, want a speaker for each segment", result.Segments, err)
	}
	work.mu.Lock()
	defer work.mu.Unlock()
	if len(work.asked) != 2 || work.asked[0].voices != 2 || work.asked[0].model.Name != "voices" || len(work.asked[1].request.Changes) != 1 {
		t.Errorf("got %+v, want two voices asked for, then the transcript with one change", work.asked)
	}
}

func TestRunner_speakersThatCannotBeToldApart(t *testing.T) {
	for _, c := range []struct {
		name     string
		work     engine.Transcriber
		speakers string
		code     string
		retried  bool
	}{
		{"no workers", transcriber(func(context.Context) (*api.Result, error) { return hello(), nil }), "2", api.JobUnsupported, false},
		{"no number", &pool{}, "many", api.JobUnsupported, false},
		{"a damaged file", &pool{failTurns: &engine.Error{Code: api.JobDamaged}}, "2", api.JobDamaged, false},
		{"a model that cannot be had", &pool{failTurns: &engine.Error{Code: api.JobModelMissing, Transient: true}}, "2", api.JobModelMissing, true},
	} {
		f := newFixture(t, c.work, func(c *jobs.Config) { c.Defaults = jobs.Defaults{Model: "german", SpeakerModel: "voices"} })
		f.define("german", models.KindSpeech, "")
		f.define("voices", models.KindSpeakers, "")
		id := f.submit(api.Options{Speakers: c.speakers})
		job := f.news.wait(t, "ended or is to be tried again", func(job api.Job) bool { return job.Status == api.Failed || !job.NextTryAt.IsZero() })
		if job.ErrorCode != c.code || c.retried != (job.Status == api.Queued) || f.job(id).Attempts != 1 {
			t.Errorf("%s: got %s %s after %d attempts, want %s after one", c.name, job.Status, job.ErrorCode, job.Attempts, c.code)
		}
	}
}

// secretive asks for a copy of the audio in which secrets are silenced.
var secretive = api.Options{RedactPII: true, RedactAudio: true}

func TestRunner_keepsASilencedCopy(t *testing.T) {
	work := &pool{silence: func(out string) error { return os.WriteFile(out, []byte("quiet"), 0o600) }}
	f := newFixture(t, work, func(c *jobs.Config) { c.Defaults.Model = "german" })
	f.define("german", models.KindSpeech, "")
	id := f.submit(secretive)
	f.news.until(t, api.Completed)
	if got, err := os.ReadFile(f.copies.Path(id)); err != nil || string(got) != "quiet" {
		t.Errorf("got %q, %v, want the copy", got, err)
	}
	if left, err := os.ReadDir(f.copies.Dir); err != nil || len(left) != 1 {
		t.Errorf("got %v, %v in the folder of copies, want one", left, err)
	}
	if n := f.copies.Sweep(t.Context()); n != 0 {
		t.Errorf("got %d copies swept away, want it kept", n)
	}
}

func TestRunner_aCopyThatCannotBeWritten(t *testing.T) {
	f := newFixture(t, transcriber(func(context.Context) (*api.Result, error) { return hello(), nil }), nil)
	f.submit(secretive)
	if job := f.news.until(t, api.Failed); job.ErrorCode != api.JobUnsupported {
		t.Errorf("without workers: got %s %q, want unsupported", job.ErrorCode, job.Error)
	}
	full := &engine.Error{Code: api.JobInternal, Message: "no space", Transient: true}
	work := &pool{silence: func(out string) error { return errors.Join(os.WriteFile(out, nil, 0o600), full) }}
	f = newFixture(t, work, func(c *jobs.Config) { c.Defaults.Model = "german" })
	f.define("german", models.KindSpeech, "")
	f.submit(secretive)
	job := f.news.wait(t, "waits for space", func(job api.Job) bool { return !job.NextTryAt.IsZero() })
	if job.Status != api.Queued || job.Waiting != "no space" {
		t.Errorf("got %s, waiting for %q, want it to wait for space", job.Status, job.Waiting)
	}
	if left, err := os.ReadDir(f.copies.Dir); err != nil || len(left) != 0 {
		t.Errorf("got %v, %v left, want nothing of the copy", left, err)
	}
	if err := os.RemoveAll(f.copies.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.copies.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	id := f.submit(secretive)
	job = f.news.wait(t, "is tried again", func(job api.Job) bool { return job.ID == id && job.ErrorCode != "" })
	if job.ErrorCode != api.JobInternal || job.Status != api.Queued {
		t.Errorf("got %s %s, want another attempt", job.Status, job.ErrorCode)
	}
}

func TestRunner_workers(t *testing.T) {
	f := newFixture(t, &pool{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.RunWorkers(ctx); err != nil {
		t.Errorf("got %v, want nil after a stop", err)
	}
	if got := f.Workers(); len(got) != 1 || got[0].PID != 7 {
		t.Errorf("got %+v, want the pool's", got)
	}
	f = newFixture(t, transcriber(nil), nil)
	if err := f.RunWorkers(t.Context()); err != nil || f.Workers() == nil || len(f.Workers()) != 0 {
		t.Errorf("got %v and %v, want no workers", err, f.Workers())
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f = newFixture(t, nil, func(c *jobs.Config) { c.Workers.Program = program })
	if got := f.Workers(); len(got) != 1 || got[0].PID != 0 {
		t.Errorf("got %+v, want one worker that is not started", got)
	}
	_, err = jobs.New(jobs.Config{Workers: jobs.WorkerConfig{Program: program, CacheDir: program}})
	if err == nil || !strings.Contains(err.Error(), "workers' folder") {
		t.Errorf("got %v, want that the folder cannot be made", err)
	}
	if _, err := jobs.New(jobs.Config{Workers: jobs.WorkerConfig{CacheDir: t.TempDir()}}); err == nil {
		t.Error("got no error without the worker program")
	}
}
