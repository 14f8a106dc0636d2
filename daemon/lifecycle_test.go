package daemon_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/store/boltstore"
)

func TestOnlyOneDaemonPerDataFolder(t *testing.T) {
	dir := shortDir(t)
	f := startIn(t, dir, nil)
	f.finished("x")
	second := testConfig(t, dir)
	_, err := daemon.New(t.Context(), daemon.Options{Config: second, Transcriber: newFake()})
	if !errors.Is(err, boltstore.ErrLocked) || !errors.Is(err, api.Conflict) {
		t.Errorf("got %v, want that the folder is in use", err)
	}
	if _, err := f.client.Health(t.Context()); err != nil {
		t.Errorf("got %v from the first daemon after the second was refused, want health", err)
	}
}

func TestAStaleSocketIsRemovedAndNothingElse(t *testing.T) {
	dir := shortDir(t)
	run := filepath.Join(dir, "voxparse-run")
	if err := os.Mkdir(run, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(run, "s"))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	f := startIn(t, dir, nil)
	f.finished("x")
	for path, want := range map[string]os.FileMode{run: 0o700, filepath.Join(run, "s"): 0o600, f.config.DataDir: 0o700} {
		st, err := os.Stat(path)
		if err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want %#o", path, st.Mode().Perm(), err, want)
		}
	}
	if err := f.shutdown(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(run, "s")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v for the socket after the stop, want that it is gone", err)
	}
	if err := os.WriteFile(filepath.Join(run, "s"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := daemon.New(t.Context(), daemon.Options{Config: testConfig(t, dir), Transcriber: newFake()}); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v where a file lies in the socket's place, want a refusal", err)
	}
}

func TestSocketPathsThatCannotBeBound(t *testing.T) {
	cfg := testConfig(t, shortDir(t))
	cfg.Socket = filepath.Join(shortDir(t), strings.Repeat("x", 100), "s")
	_, err := daemon.New(t.Context(), daemon.Options{Config: cfg, Transcriber: newFake()})
	if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "--socket") {
		t.Errorf("got %v, want a refusal that names --socket", err)
	}
}

func TestAFolderOfOthersIsNotUsed(t *testing.T) {
	dir := shortDir(t)
	open := filepath.Join(dir, "shared")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*daemon.Options){
		func(o *daemon.Options) { o.Config.DataDir = open },
		func(o *daemon.Options) { o.Config.Socket = filepath.Join(open, "s") },
	} {
		o := daemon.Options{Config: testConfig(t, shortDir(t)), Transcriber: newFake()}
		change(&o)
		if _, err := daemon.New(t.Context(), o); !errors.Is(err, api.Invalid) {
			t.Errorf("got %v for a folder that others can write to, want a refusal", err)
		}
	}
	if st, err := os.Stat(open); err != nil || st.Mode().Perm() != 0o777 {
		t.Errorf("got %v, %v, want the folder as it was", st.Mode(), err)
	}
}

func TestAStopHandsRunningJobsBackUncharged(t *testing.T) {
	dir := shortDir(t)
	f := startIn(t, dir, func(o *daemon.Options) {
		o.Config.Grace = 50 * time.Millisecond
		o.Config.Workers = 1
	})
	id := f.running()
	queued := f.submit("later")
	if err := f.client.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-f.ended; err != nil {
		t.Fatalf("got %v from Run, want nil", err)
	}
	f.ended <- nil
	db, err := boltstore.Open(t.Context(), f.config.DataDir, boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{id, queued} {
		job, err := db.Job(t.Context(), id)
		if err != nil || job.Attempts > 1 || job.Status.Terminal() {
			t.Errorf("got %+v, %v, want it queued", job, err)
		}
	}
	if job, err := db.Job(t.Context(), id); err != nil || job.Status != api.Queued || job.Attempts != 0 {
		t.Errorf("got %s with %d attempts, %v, want queued with none", job.Status, job.Attempts, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	g := startIn(t, dir, nil)
	close(g.fake.release)
	for _, id := range []string{id, queued} {
		if job := g.wait(id); job.Status != api.Completed || job.Attempts != 1 {
			t.Errorf("got %s after %d attempts, want completed after 1", job.Status, job.Attempts)
		}
	}
}

func TestAStopWaitsForShortWork(t *testing.T) {
	dir := shortDir(t)
	f := startIn(t, dir, func(o *daemon.Options) { o.Config.Grace = 20 * time.Second })
	id := f.running()
	if err := f.client.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the beginning of the stop", func() bool { _, err := f.client.Health(t.Context()); return errors.Is(err, api.Unavailable) })
	if _, err := f.client.Submit(t.Context(), upload(audio("x"))); !errors.Is(err, api.Unavailable) {
		t.Errorf("got %v for a submission during the stop, want unavailable", err)
	}
	close(f.fake.release)
	if err := f.shutdown(); err != nil {
		t.Fatal(err)
	}
	g := startIn(t, dir, nil)
	if job, err := g.client.Job(t.Context(), id); err != nil || job.Status != api.Completed {
		t.Errorf("got %s, %v, want completed", job.Status, err)
	}
}

func TestASecondSignalEndsTheGracePeriod(t *testing.T) {
	f := start(t, func(o *daemon.Options) { o.Config.Grace = time.Hour })
	f.running()
	f.Stop()
	f.StopNow()
	if err := f.shutdown(); err != nil {
		t.Fatal(err)
	}
}

func TestASynchronousClientIsToldOfTheStop(t *testing.T) {
	f := start(t, func(o *daemon.Options) { o.Config.Grace = 10 * time.Millisecond })
	answer := make(chan error, 1)
	go func() {
		_, err := f.client.Transcribe(t.Context(), upload(audio("block")))
		answer <- err
	}()
	<-f.fake.begun
	f.Stop()
	if err := <-answer; !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "job_") {
		t.Errorf("got %v, want unavailable with the job's id", err)
	}
}

func TestStart_audioWithoutAJobIsSetAside(t *testing.T) {
	dir := shortDir(t)
	f := startIn(t, dir, nil)
	id := f.running()
	if err := os.WriteFile(f.Blobs().Path("0123456789abcdef0123456789abcdef"), audio("orphan"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.StopNow()
	if err := f.shutdown(); err != nil {
		t.Fatal(err)
	}
	g := startIn(t, dir, nil)
	until(t, "the start", func() bool { return g.Running() == 1 })
	if names := spooled(t, g); len(names) != 1 {
		t.Errorf("got %v in the spool, want the audio of the open job alone", names)
	}
	q, err := g.Blobs().Quarantined(t.Context())
	if err != nil || q.Files != 1 || q.Bytes != int64(len(audio("orphan"))) {
		t.Errorf("quarantine: got %+v, error %v, want the other one", q, err)
	}
	if st, err := g.client.Status(t.Context()); err != nil || st.QuarantinedFiles != 1 {
		t.Errorf("status: got %d files in quarantine, error %v, want 1", st.QuarantinedFiles, err)
	}
	found, err := g.client.Doctor(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(found.Findings, func(f api.Finding) bool { return f.ID == "quarantine" && f.Level == api.LevelWarn && f.Fix != "" }) {
		t.Errorf("doctor: got %v, want a warning of the quarantine", found.Findings)
	}
	close(g.fake.release)
	if job := g.wait(id); job.Status != api.Completed {
		t.Errorf("got %s, want completed", job.Status)
	}
}

func TestClientsOfAStoppedDaemonAreToldTheFix(t *testing.T) {
	cfg := testConfig(t, shortDir(t))
	_, err := client.New(cfg.Socket).Health(t.Context())
	if !errors.Is(err, api.Unavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
}

// TestFailure_audioThatIsNoneGoesWithIt: another try cannot go well; that of any
// other failure stays for one.
func TestFailure_audioThatIsNoneGoesWithIt(t *testing.T) {
	f := start(t, nil)
	none, damaged := f.submit("fail "+api.JobNotAudio), f.submit("fail "+api.JobDamaged)
	for _, id := range []string{none, damaged} {
		if job := f.wait(id); job.Status != api.Failed {
			t.Fatalf("got %s, want failed", job.Status)
		}
	}
	until(t, "the removal of what is no audio", func() bool { return len(spooled(t, f)) == 1 })
	if _, err := f.client.RetryJob(t.Context(), none); !errors.Is(err, api.Conflict) || !strings.Contains(err.Error(), "submit another file") {
		t.Errorf("got %v, want a conflict that says what to do", err)
	}
	if _, err := f.client.RetryJob(t.Context(), damaged); err != nil {
		t.Errorf("got %v for a file that is damaged, want another try", err)
	}
}
