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
)

const half = ".voxparse-0123456789abcdef.tmp" // what a crash leaves of an output

// symlink makes a link to a folder, and returns its path.
func symlink(t *testing.T, to string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// twice watches one folder by two paths, and returns the id of the watch that
// may not take its files.
func twice(t *testing.T, f *fixture) (refused string) {
	t.Helper()
	all, err := f.Views(f.ctx)
	if err != nil || len(all) != 2 {
		t.Fatalf("got %d folders (%v), want 2", len(all), err)
	}
	for _, v := range all {
		if v.Status == "blocked" {
			refused = v.ID
		}
	}
	if refused == "" {
		t.Fatalf("got %+v, want one of them blocked", all)
	}
	return refused
}

// TestFolders_aRefusedFolderTouchesNothing has two folders of the config file
// that are one: what lies there belongs to the watch that has it.
func TestFolders_aRefusedFolderTouchesNothing(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	link := symlink(t, dir)
	f := start(t, t.TempDir(), func(c *dropfolder.Config) {
		c.Configured = []config.Folder{
			{Dir: dir, FolderOptions: quick(nil)},
			{Dir: link, FolderOptions: quick(func(o *api.FolderOptions) { o.Out = out })},
		}
	})
	refused := twice(t, f)
	if err := os.WriteFile(filepath.Join(out, half), []byte("being written"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !f.Paused(refused) {
		t.Error("the queue of a folder that may not be watched is not paused")
	}
	if err := dropfolder.CleanUp(f.ctx, f.Folders, refused); !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "same folder") {
		t.Errorf("got %v from cleaning up a folder that may not be watched, want %v and why", err, api.Unavailable)
	}
	if !exists(filepath.Join(out, half)) {
		t.Error("a refused folder removed a file that is being written")
	}
}

// TestFolders_aFolderThatCannotBeLookedAtIsNoConflict has a folder whose path
// leads nowhere when the daemon starts.
func TestFolders_aFolderThatCannotBeLookedAtIsNoConflict(t *testing.T) {
	home, top := t.TempDir(), t.TempDir()
	dir := filepath.Join(top, "disk", "calls")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f := start(t, home, nil)
	id := f.add(dir, nil)
	f.stop()
	if err := errors.Join(os.Rename(filepath.Join(top, "disk"), filepath.Join(top, "away")), os.WriteFile(filepath.Join(top, "disk"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	f = start(t, home, nil)
	if p := f.trouble("folder_offline", f.Troubles); !strings.Contains(p.Message, dir) {
		t.Errorf("got %+v, want the folder told as offline", p)
	}
	if got := f.Unwatched(); len(got) != 0 {
		t.Errorf("got %+v, want no conflict", got)
	}
	if err := errors.Join(os.Remove(filepath.Join(top, "disk")), os.Rename(filepath.Join(top, "away"), filepath.Join(top, "disk"))); err != nil {
		t.Fatal(err)
	}
	f.work()
	drop(t, dir, "call.mp3", "the words")
	f.count(id, "done", 1)
}

// TestFolders_anOutFolderThatIsTheFolderItself writes beside the source, as
// before, and takes the outputs of before for its own.
func TestFolders_anOutFolderThatIsTheFolderItself(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), t.TempDir()
	id := f.add(dir, nil)
	f.work()
	drop(t, dir, "call.mp3", "first")
	f.count(id, "done", 1)
	_, err := f.Change(f.ctx, id, func(o api.FolderOptions) (api.FolderOptions, error) {
		o.Out = symlink(t, dir)
		return o, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	drop(t, dir, "call.mp3", "second")
	until(t, "the new transcript", func() bool { return strings.Contains(read(t, filepath.Join(dir, "call.txt")), "second") })
	if exists(filepath.Join(dir, "call.mp3.txt")) {
		t.Error("the transcript of before was taken for another's")
	}
}

func TestFolders_aFileIsExplainedThroughALink(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), t.TempDir()
	f.add(dir, nil)
	f.work()
	link, deep := symlink(t, dir), symlink(t, filepath.Join(dir, "week"))
	drop(t, dir, "week/call.mp3", "the words")
	for _, path := range []string{filepath.Join(link, "week", "call.mp3"), filepath.Join(deep, "call.mp3")} {
		f.explained(path, "transcribed at")
	}
	if v := f.explained(filepath.Join(link, "none", "call.mp3"), "no such file"); v.Path != filepath.Join("none", "call.mp3") {
		t.Errorf("got the path %s, want it below the folder", v.Path)
	}
}
