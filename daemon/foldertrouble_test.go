package daemon_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/daemon/dropfolder"
	"github.com/voxparse/voxparse/internal/config"
)

// problem waits for a problem of a kind in the daemon's status, and returns it.
func (f *fixture) problem(code, about string) (p api.Problem) {
	f.t.Helper()
	until(f.t, "the problem "+code, func() bool {
		s, err := f.client.Status(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		for _, p = range s.Problems {
			if p.Code == code && strings.Contains(p.Message, about) {
				return true
			}
		}
		return false
	})
	if p.Fix == "" {
		f.t.Errorf("got the problem %+v, want it with a fix", p)
	}
	return p
}

// noProblem waits until a problem is over.
func (f *fixture) noProblem(about string) {
	f.t.Helper()
	until(f.t, "the end of the problem", func() bool {
		s, err := f.client.Status(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		for _, p := range s.Problems {
			if strings.Contains(p.Message, about) {
				return false
			}
		}
		return true
	})
}

func TestASourceThatIsGoneFailsItsJob(t *testing.T) {
	f := start(t, func(o *daemon.Options) { o.Config.Workers = 1 })
	dir := t.TempDir()
	f.addFolder(dir, quick(nil))
	f.submit("block the only slot")
	<-f.fake.begun
	path := drop(t, dir, "call.mp3", "never heard")
	var id string
	until(t, "the job", func() bool {
		v, err := f.client.ExplainFile(t.Context(), path)
		id = v.JobID
		return err == nil && id != ""
	})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	close(f.fake.release)
	if got := f.wait(id); got.ErrorCode != api.JobSourceGone {
		t.Errorf("got %s %s, want source_gone", got.Status, got.ErrorCode)
	}
}

func TestAnUnwritableOutputFolderOnlyDelays(t *testing.T) {
	f := start(t, nil)
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(out, []byte("a file where the folder should be"), 0o644); err != nil {
		t.Fatal(err)
	}
	folder := f.addFolder(dir, quick(func(o *api.FolderOptions) { o.Out = out }))
	path := drop(t, dir, "call.mp3", "the words")
	until(t, "word of the trouble", func() bool {
		v, err := f.client.ExplainFile(t.Context(), path)
		return err == nil && strings.Contains(v.Reason, out)
	})
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	f.counts(folder.ID, "done", 1)
	if !exists(filepath.Join(out, "call.txt")) {
		t.Error("the transcript is not in the output folder")
	}
}

func TestWhatACrashLeftIsRemovedBeforeAnythingIsWritten(t *testing.T) {
	home, dir, out := shortDir(t), t.TempDir(), t.TempDir()
	with := func(o *daemon.Options) {
		o.Config.Folders = []config.Folder{{Dir: dir, Existing: "process", FolderOptions: quick(func(o *api.FolderOptions) { o.Out = out })}}
	}
	first := startIn(t, home, with)
	drop(t, dir, "a.mp3", "first")
	first.counts(dropfolder.ConfigID(dir), "done", 1)
	if err := first.shutdown(); err != nil {
		t.Fatal(err)
	}
	const half = ".voxparse-0123456789abcdef.tmp"
	for _, d := range []string{dir, out} {
		if err := os.WriteFile(filepath.Join(d, half), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	away := dir + "-away" // it comes back while the daemon runs
	if err := os.Rename(dir, away); err != nil {
		t.Fatal(err)
	}
	again := startIn(t, home, with)
	again.problem("folder_offline", dir)
	if err := os.Rename(away, dir); err != nil {
		t.Fatal(err)
	}
	drop(t, dir, "b.mp3", "second")
	again.counts(dropfolder.ConfigID(dir), "done", 2)
	for _, d := range []string{dir, out} {
		if exists(filepath.Join(d, half)) {
			t.Errorf("what a crash left is still in %s", d)
		}
	}
}

func TestAFolderOfTheConfigFileThatIsAwayIsWaitedFor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stick")
	f := start(t, func(o *daemon.Options) {
		o.Config.Folders = []config.Folder{{Dir: dir, Existing: "ignore", FolderOptions: quick(nil)}}
	})
	f.problem("unavailable", dir)
	stick := filepath.Join(t.TempDir(), "stick")
	old := filepath.Base(drop(t, stick, "old.mp3", "from before"))
	if err := os.Rename(stick, dir); err != nil {
		t.Fatal(err)
	}
	f.noProblem(dir)
	drop(t, dir, "new.mp3", "from after")
	f.counts(dropfolder.ConfigID(dir), "done", 1)
	if v, err := f.client.ExplainFile(t.Context(), filepath.Join(dir, old)); err != nil || v.Status != "ignored" {
		t.Errorf("got %+v (%v), want what lay there ignored", v, err)
	}
}

func TestFoldersOfTheConfigFileThatWouldTakeAFileTwiceAreTold(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	f := start(t, func(o *daemon.Options) {
		o.Config.Folders = []config.Folder{{Dir: dir, FolderOptions: quick(nil)}, {Dir: inner, FolderOptions: quick(nil)}}
	})
	p := f.problem("folder_conflict", "taken twice")
	all, err := f.client.Watches(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("got %d folders (%v) and %q, want both", len(all), err, p.Message)
	}
	blocked := slices.DeleteFunc(all, func(v api.Folder) bool { return v.Status != "blocked" })
	if len(blocked) != 1 || !strings.Contains(blocked[0].Reason, "taken twice") {
		t.Errorf("got %+v blocked, want one of the two, with the reason", blocked)
	}
}

func TestAFolderThatIsAwayRests(t *testing.T) {
	f := start(t, func(o *daemon.Options) { o.Config.Workers = 1 })
	dir := filepath.Join(t.TempDir(), "stick")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	folder := f.addFolder(dir, quick(nil))
	held := f.submit("block the only slot")
	<-f.fake.begun
	path := drop(t, dir, "call.mp3", "words on a stick")
	f.counts(folder.ID, "queued", 1)
	var v api.FolderFile
	until(t, "its job to be known", func() bool {
		var err error
		v, err = f.client.ExplainFile(t.Context(), path)
		return err == nil && v.JobID != ""
	})
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	until(t, "the rest of the folder", func() bool { return f.FolderPaused(folder.ID) })
	f.problem("folder_offline", dir)
	close(f.fake.release)
	f.wait(held)
	if job := f.wait(f.submit("another's work goes on")); job.Status != api.Completed {
		t.Errorf("got %s for a command's job, want completed", job.Status)
	}
	if job, err := f.client.Job(t.Context(), v.JobID); err != nil || job.Status != api.Queued || job.Attempts != 0 {
		t.Errorf("got its job %s after %d attempts (%v), want it queued and left alone", job.Status, job.Attempts, err)
	}
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	if job := f.wait(v.JobID); job.Status != api.Completed || job.Attempts != 1 {
		t.Errorf("got %s after %d attempts, want completed after 1", job.Status, job.Attempts)
	}
	f.counts(folder.ID, "done", 1)
}

func TestADuplicateIsTranscribedWhereItsOriginalIsNot(t *testing.T) {
	f := start(t, func(o *daemon.Options) { o.Config.Workers = 1 })
	dir := t.TempDir()
	folder := f.addFolder(dir, quick(func(o *api.FolderOptions) { o.After = "delete" }))
	f.submit("block the only slot")
	<-f.fake.begun
	first := drop(t, dir, "first.mp3", "the same words")
	f.counts(folder.ID, "queued", 1)
	second := drop(t, dir, "second.mp3", "the same words")
	f.counts(folder.ID, "skipped", 1)
	if !exists(second) {
		t.Error("the duplicate is gone, and there is no transcript yet")
	}
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	close(f.fake.release)
	if got := readText(t, filepath.Join(dir, "second.txt")); !strings.Contains(got, "the same words") {
		t.Errorf("got %q, want the duplicate's transcript", got)
	}
	until(t, "the duplicate's end", func() bool { return !exists(second) })
	f.counts(folder.ID, "done", 1)
	f.counts(folder.ID, "failed", 1)
}
