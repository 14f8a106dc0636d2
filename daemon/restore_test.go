package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/daemon/daemontest"
	"github.com/voxparse/voxparse/daemon/datadir"
)

func checkIt(_ context.Context, path string) error { return datadir.Check(path) }

func restoreOptions(passphrase string) datadir.RestoreOptions {
	return datadir.RestoreOptions{Version: "test", Check: checkIt, Passphrase: func() (string, error) { return passphrase, nil }}
}

const correctHorse = "correct horse battery"

// TestRestore_nothingGoesOnByItself backs a daemon up at work, lets everything
// end, and goes back: what receivers were told is not told again.
func TestRestore_nothingGoesOnByItself(t *testing.T) {
	dir := shortDir(t)
	f := startIn(t, dir, nil)
	r := newReceiver(t, nil)
	hook := r.register(f, nil)
	done := f.finished("before")
	r.next()
	f.delivered(1)
	running := f.running()
	var saved bytes.Buffer
	if err := f.client.Backup(t.Context(), &saved, correctHorse); err != nil {
		t.Fatal(err)
	}
	close(f.fake.release)
	f.wait(running)
	r.next()
	after := f.finished("after")
	r.next()
	if err := f.shutdown(); err != nil {
		t.Fatal(err)
	}
	got, err := datadir.Restore(t.Context(), f.config.DataDir, &saved, restoreOptions(correctHorse))
	if err != nil || got.Audio != 1 || !got.Key || got.Aside == "" {
		t.Fatalf("got %+v, %v, want one audio file, the key, and what was there set aside", got, err)
	}

	g := startIn(t, dir, nil)
	if job := g.wait(running); job.Status != api.Interrupted || job.ErrorCode != api.JobInterrupted {
		t.Errorf("got %s (%s) for the job that ran, want interrupted", job.Status, job.ErrorCode)
	}
	if job := g.wait(done); job.Status != api.Completed {
		t.Errorf("got %s for the job that had ended, want completed", job.Status)
	}
	if _, err := g.client.Job(t.Context(), after); !errors.Is(err, api.NotFound) {
		t.Errorf("got %v for the job of after the backup, want that there is none", err)
	}
	if w, err := g.client.Webhook(t.Context(), hook.ID); err != nil || w.Active || w.DisabledReason != api.DisabledRestored {
		t.Errorf("got active %v (%s), %v, want the webhook disabled", w.Active, w.DisabledReason, err)
	}
	if len(r.got) != 0 {
		t.Errorf("got %d webhooks after the restore, want none", len(r.got))
	}

	if _, err := g.client.RetryJob(t.Context(), running); err != nil {
		t.Fatal(err)
	}
	<-g.fake.begun
	close(g.fake.release)
	if job := g.wait(running); job.Status != api.Completed {
		t.Errorf("got %s (%s) once it is tried again, want it completed from the audio of the backup", job.Status, job.Error)
	}
	if _, err := g.client.EnableWebhook(t.Context(), hook.ID, api.ReplayRequest{}); err != nil {
		t.Fatal(err)
	}
	if got := r.next(); got.jobID() != running {
		t.Errorf("got the event of %s once the webhook is enabled, want that of %s, signed with the secret of the backup", got.jobID(), running)
	}
}

// delivered waits until n deliveries are recorded.
func (f *fixture) delivered(n int) {
	f.t.Helper()
	until(f.t, "the record of the deliveries", func() bool {
		counts, err := f.Store().CountDeliveries(f.t.Context())
		return err == nil && counts[api.DeliveryDelivered] == n
	})
}

// savedHome is a home with a job that has ended, whose daemon is stopped, and a
// backup of it.
func savedHome(t *testing.T, passphrase string) (dir string, backup []byte, job string) {
	t.Helper()
	r := run(t, daemontest.ShortDir(t), nil)
	job = r.transcribe(t).ID
	r.stop(t)
	var saved bytes.Buffer
	if err := datadir.Backup(t.Context(), r.cfg.DataDir, "test", passphrase, &saved); err != nil {
		t.Fatalf("back up a stopped daemon: %v", err)
	}
	return r.cfg.DataDir, saved.Bytes(), job
}

// tree is what a folder holds, with the content of each file.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || e.Name() == "voxparse.lock" || strings.HasSuffix(e.Name(), ".lock") {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestRestore_badBackupsChangeNothing(t *testing.T) {
	dir, whole, _ := savedHome(t, correctHorse)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		backup     []byte
		passphrase string
		want       string
	}{
		"empty":               {nil, correctHorse, "is not whole"},
		"cut in its database": {whole[:len(whole)/3], correctHorse, "is not whole"},
		"without its end":     {whole[:len(whole)-4096], correctHorse, "is not whole"},
		"with a flipped bit":  {flipped, correctHorse, "is damaged"},
		"something else":      {[]byte(strings.Repeat("no tar at all ", 1000)), correctHorse, "is not a backup"},
		"another passphrase":  {whole, "wrong passphrase", "is not the passphrase"},
	} {
		before := tree(t, dir)
		_, err := datadir.Restore(t.Context(), dir, bytes.NewReader(c.backup), restoreOptions(c.passphrase))
		if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error that says %q", name, err, c.want)
		}
		after := tree(t, dir)
		if len(after) != len(before) {
			t.Errorf("%s: got %d files, want the %d of before", name, len(after), len(before))
		}
		for path, data := range before {
			if after[path] != data {
				t.Errorf("%s: %s has changed", name, path)
			}
		}
	}
}

func TestRestore_intoAnEmptyFolderAndWithResume(t *testing.T) {
	_, whole, job := savedHome(t, correctHorse)
	elsewhere := daemontest.ShortDir(t)
	o := restoreOptions(correctHorse)
	o.Resume = true
	cfg := daemontest.Settings(t, elsewhere)
	if got, err := datadir.Restore(t.Context(), cfg.DataDir, bytes.NewReader(whole), o); err != nil || got.Aside != "" || !got.Key {
		t.Fatalf("got %+v, %v, want the key restored and nothing set aside", got, err)
	}
	r := run(t, elsewhere, nil)
	if got, err := r.c.Job(t.Context(), job); err != nil || got.Status != api.Completed {
		t.Errorf("got %s, %v, want the completed job", got.Status, err)
	}
	if st, err := r.c.Status(t.Context()); err != nil || len(st.Problems) != 0 {
		t.Errorf("got %v, %v, want no problem", st.Problems, err)
	}
}

// TestRestore_cutShortKeepsDaemonsFromStarting stops in the middle: no daemon
// begins anew beside what was moved, and the restore is repeated.
func TestRestore_cutShortKeepsDaemonsFromStarting(t *testing.T) {
	dir, whole, job := savedHome(t, "")
	aside := filepath.Join(dir, "before-restore-x")
	if err := os.MkdirAll(filepath.Join(dir, "restore.new", "spool"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "restore.new", datadir.DatabaseFile), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(aside, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{datadir.DatabaseFile, datadir.DatabaseFile + ".sum", datadir.DatabaseFile + ".last", "spool", "vault.key"} {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(aside, name)); err != nil {
			t.Fatal(err)
		}
	}
	home := filepath.Dir(dir)
	if _, err := daemon.New(t.Context(), daemon.Options{Config: daemontest.Settings(t, home), Version: "test", Transcriber: echo{}}); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Fatalf("got %v from a start in the middle of a restore, want that the database is missing", err)
	}
	if _, err := datadir.Restore(t.Context(), dir, bytes.NewReader(whole), restoreOptions("")); err != nil {
		t.Fatal(err)
	}
	r := run(t, home, nil)
	if got, err := r.c.Job(t.Context(), job); err != nil || got.Status != api.Completed {
		t.Errorf("got %s, %v once the restore was repeated, want the completed job", got.Status, err)
	}
	if _, err := os.Stat(filepath.Join(aside, datadir.DatabaseFile)); err != nil {
		t.Errorf("got %v, want what the first try set aside still there", err)
	}
}

func TestRestore_whatTheChecksRefuseChangesNothing(t *testing.T) {
	dir, whole, _ := savedHome(t, correctHorse)
	damaged := errors.New("the database is damaged")
	for name, c := range map[string]struct {
		change func(*datadir.RestoreOptions)
		want   error
	}{
		"a damaged database": {func(o *datadir.RestoreOptions) { o.Check = func(context.Context, string) error { return damaged } }, damaged},
		"nobody to ask":      {func(o *datadir.RestoreOptions) { o.Passphrase = func() (string, error) { return "", damaged } }, damaged},
	} {
		o := restoreOptions(correctHorse)
		c.change(&o)
		before := tree(t, dir)
		if _, err := datadir.Restore(t.Context(), dir, bytes.NewReader(whole), o); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if after := tree(t, dir); len(after) != len(before) {
			t.Errorf("%s: got %d files, want the %d of before", name, len(after), len(before))
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Restore(t.Context(), file, bytes.NewReader(whole), restoreOptions(correctHorse)); err == nil {
		t.Error("got no error where the data folder is a file")
	}
}

// TestRestore_keepsTheKeyAndTheRedactedAudio: the key that is here stays where it
// is wanted, and redacted audio is there for the jobs of before and of after.
func TestRestore_keepsTheKeyAndTheRedactedAudio(t *testing.T) {
	dir, whole, job := savedHome(t, correctHorse)
	silenced := filepath.Join(dir, "silenced", job+".wav")
	if err := os.MkdirAll(filepath.Dir(silenced), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(silenced, []byte("RIFF"), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "vault.key"))
	if err != nil {
		t.Fatal(err)
	}
	o := restoreOptions("")
	o.NoKey = true
	got, err := datadir.Restore(t.Context(), dir, bytes.NewReader(whole), o)
	if err != nil || got.Key {
		t.Fatalf("got %+v, %v, want the key left alone", got, err)
	}
	if is, err := os.ReadFile(filepath.Join(dir, "vault.key")); err != nil || !bytes.Equal(is, key) {
		t.Errorf("got another key (%v), want that of before", err)
	}
	for _, path := range []string{silenced, filepath.Join(got.Aside, "silenced", job+".wav")} {
		if data, err := os.ReadFile(path); err != nil || string(data) != "RIFF" {
			t.Errorf("%s: got %q, %v, want the redacted audio", path, data, err)
		}
	}
}

func TestCheckBackup(t *testing.T) {
	_, whole, _ := savedHome(t, correctHorse)
	if withKey, err := datadir.CheckBackup(t.Context(), bytes.NewReader(whole), t.TempDir(), checkIt); err != nil || !withKey {
		t.Errorf("got key %v, %v, want a good backup with its key", withKey, err)
	}
	if _, err := datadir.CheckBackup(t.Context(), bytes.NewReader(whole[:len(whole)/2]), t.TempDir(), checkIt); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v for half a backup, want %v", err, api.Invalid)
	}
	damaged := errors.New("the database is damaged")
	if _, err := datadir.CheckBackup(t.Context(), bytes.NewReader(whole), t.TempDir(), func(context.Context, string) error { return damaged }); !errors.Is(err, damaged) {
		t.Errorf("got %v, want %v", err, damaged)
	}
}

func TestBackup_ofWhatIsNotThere(t *testing.T) {
	var out bytes.Buffer
	if err := datadir.Backup(t.Context(), t.TempDir(), "test", "", &out); !errors.Is(err, api.NotFound) || out.Len() != 0 {
		t.Errorf("got %v and %d bytes, want %v", err, out.Len(), api.NotFound)
	}
	dir, _, _ := savedHome(t, "")
	if err := os.Remove(filepath.Join(dir, "vault.key")); err != nil {
		t.Fatal(err)
	}
	if err := datadir.Backup(t.Context(), dir, "test", correctHorse, &out); err == nil {
		t.Error("got no error for a key that is missing")
	}
}
