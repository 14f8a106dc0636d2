package dropfolder_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dropfolder"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/store"
)

func TestFolders_aFolderThatIsAwayRests(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), filepath.Join(t.TempDir(), "stick")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	id := f.add(dir, nil)
	drop(t, dir, "call.mp3", "words on a stick")
	rec := f.claimed(id, "call.mp3")
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	until(t, "the rest of the folder", func() bool { return f.Paused(id) })
	if p := f.trouble("folder_offline", f.Troubles); p.Fix == "" || !strings.Contains(p.Message, dir) {
		t.Errorf("got the problem %+v, want it with the folder and a fix", p)
	}
	source := api.Source{Folder: id, Path: "call.mp3"}
	if _, _, err := f.Open(f.ctx, store.Job{ID: rec.JobID, Source: source}); !errors.Is(err, api.Unavailable) {
		t.Errorf("got %v from opening a file that is away, want %v", err, api.Unavailable)
	}
	f.work()
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	f.count(id, "done", 1)
	if job, err := f.db.Job(f.ctx, rec.JobID); err != nil || job.Attempts != 1 {
		t.Errorf("got %d attempts (%v), want 1: none while the folder was away", job.Attempts, err)
	}
	if got := f.Troubles(); len(got) != 0 {
		t.Errorf("got the problems %+v, want none any more", got)
	}
}

func TestFolders_anUnwritableOutputFolderOnlyDelays(t *testing.T) {
	woken := make(chan struct{}, 1)
	f, dir := start(t, t.TempDir(), func(c *dropfolder.Config) { c.Wake = func() { signal(woken) } }), t.TempDir()
	out := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(out, []byte("a file where the folder should be"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := f.add(dir, func(o *api.FolderOptions) { o.Out = out })
	f.work()
	path := drop(t, dir, "call.mp3", "the words")
	until(t, "the rest of the folder", func() bool { return f.Paused(id) })
	f.explained(path, out)
	found := false
	for _, p := range f.Troubles() {
		found = found || strings.Contains(p.Message, "its files wait") && strings.Contains(p.Message, out) && p.Fix != ""
	}
	if !found {
		t.Errorf("got the problems %+v, want one of %s with a fix", f.Troubles(), out)
	}
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	receive(t, "the wake of the runner of jobs", woken)
	f.count(id, "done", 1)
	if !exists(filepath.Join(out, "call.txt")) {
		t.Error("the transcript is not in the output folder")
	}
}

func TestFolders_aSourceThatCannotBeMovedWaits(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "done"), []byte("a file where the folder should be"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := f.add(dir, func(o *api.FolderOptions) { o.After = api.AfterMove })
	f.work()
	drop(t, dir, "call.mp3", "the words")
	drop(t, dir, "other.mp3", "other words")
	f.count(id, "done", 2)
	until(t, "word of the trouble", func() bool {
		for _, p := range f.Troubles() {
			if strings.Contains(p.Message, "2 transcribed files of "+dir+" wait") {
				return true
			}
		}
		return false
	})
	if err := os.Remove(filepath.Join(dir, "done")); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"done/call.mp3", "done/other.mp3"} {
		until(t, "the move to "+p, func() bool { return exists(filepath.Join(dir, p)) })
	}
	until(t, "the end of the trouble", func() bool { return len(f.Troubles()) == 0 })
}

// TestFolders_theEndOfAFileSurvivesACrashAtEachStep ends a file's end with an
// error at each step once, and then lets it go on.
func TestFolders_theEndOfAFileSurvivesACrashAtEachStep(t *testing.T) {
	crash := errors.New("crash")
	for _, step := range []string{"record", "recorded"} {
		t.Run(step, func(t *testing.T) {
			crashed := make(chan struct{}, 1)
			once := make(chan struct{}, 1)
			once <- struct{}{}
			f, dir := start(t, t.TempDir(), func(c *dropfolder.Config) {
				c.Step = func(name string) error {
					if name != step {
						return nil
					}
					select {
					case <-once:
						signal(crashed)
						return crash
					default:
						return nil
					}
				}
			}), t.TempDir()
			id := f.add(dir, func(o *api.FolderOptions) { o.After = api.AfterMove })
			f.work()
			drop(t, dir, "call.mp3", "the words")
			receive(t, "the step "+step, crashed)
			f.count(id, "done", 1)
			f.finished()
			if !exists(filepath.Join(dir, "done/call.mp3")) || exists(filepath.Join(dir, "call.mp3")) || !exists(filepath.Join(dir, "call.txt")) {
				t.Error("the source was not moved, or its transcript is not there")
			}
		})
	}
}

// TestFolders_whatACrashLeftIsRemoved starts where half an output lies in the
// folder and in that of its outputs.
func TestFolders_whatACrashLeftIsRemoved(t *testing.T) {
	f, dir, out := start(t, t.TempDir(), nil), t.TempDir(), t.TempDir()
	const half = ".voxparse-0123456789abcdef.tmp"
	for _, d := range []string{dir, out} {
		if err := os.WriteFile(filepath.Join(d, half), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.add(dir, func(o *api.FolderOptions) { o.Out = out })
	for _, d := range []string{dir, out} {
		until(t, "the end of what a crash left in "+d, func() bool { return !exists(filepath.Join(d, half)) })
	}
}

func TestFolders_aFolderOfTheConfigFileThatIsAwayIsWaitedFor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stick")
	id := dropfolder.ConfigID(dir)
	f := start(t, t.TempDir(), func(c *dropfolder.Config) {
		c.Configured = []config.Folder{{Dir: dir, Existing: api.ExistingIgnore, FolderOptions: quick(nil)}}
	})
	if p := f.trouble("unavailable", f.Unwatched); !strings.Contains(p.Message, dir) {
		t.Errorf("got the problem %+v, want it with the folder", p)
	}
	stick := filepath.Join(t.TempDir(), "stick")
	drop(t, stick, "old.mp3", "from before")
	if err := os.Rename(stick, dir); err != nil {
		t.Fatal(err)
	}
	until(t, "the watch of the folder", func() bool { return len(f.Unwatched()) == 0 })
	f.work()
	drop(t, dir, "new.mp3", "from after")
	f.count(id, "done", 1)
	f.explained(filepath.Join(dir, "old.mp3"), "ignored")
}

func TestFolders_foldersOfTheConfigFileThatWouldTakeAFileTwiceAreTold(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	f := start(t, t.TempDir(), func(c *dropfolder.Config) {
		c.Configured = []config.Folder{{Dir: dir, FolderOptions: quick(nil)}, {Dir: inner, FolderOptions: quick(nil)}}
	})
	f.trouble("folder_conflict", f.Unwatched)
	if all := f.Watched(); len(all) != 1 {
		t.Errorf("got the folders %v watched, want one", all)
	}
}
