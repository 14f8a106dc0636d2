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

func TestFolders_AddRefusesWhatCannotBeWatched(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), t.TempDir()
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	f.add(dir, nil)
	other := t.TempDir()
	plain := drop(t, other, "old.mp3", "from before")
	links := t.TempDir()
	link := func(name, to string) string {
		path := filepath.Join(links, name)
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	same, data := link("calls", dir), link("data", f.home)
	for _, c := range []struct {
		name string
		req  api.FolderRequest
		want error
		says string
	}{
		{"relative", api.FolderRequest{Dir: "calls"}, api.Invalid, "absolute"},
		{"missing", api.FolderRequest{Dir: filepath.Join(other, "none")}, api.Invalid, "does not exist"},
		{"a file", api.FolderRequest{Dir: plain}, api.Invalid, "not a folder"},
		{"below a file", api.FolderRequest{Dir: filepath.Join(plain, "x")}, api.Invalid, "dir:"},
		{"watched", api.FolderRequest{Dir: dir}, api.Conflict, "watched already"},
		{"inside", api.FolderRequest{Dir: inner}, api.Conflict, "taken twice"},
		{"watched, through a link", api.FolderRequest{Dir: same}, api.Conflict, "is the same folder as " + dir},
		{"inside, through a link", api.FolderRequest{Dir: filepath.Join(same, "inner")}, api.Conflict, "taken twice"},
		{"data", api.FolderRequest{Dir: f.home}, api.Conflict, "data folder"},
		{"data, through a link", api.FolderRequest{Dir: data}, api.Conflict, "data folder"},
		{"out in data, through a link", api.FolderRequest{Dir: other, Options: api.FolderOptions{Out: data}}, api.Conflict, "data folder"},
		{"out missing in data", api.FolderRequest{Dir: other, Options: api.FolderOptions{Out: filepath.Join(data, "none")}}, api.Conflict, "data folder"},
		{"existing unsaid", api.FolderRequest{Dir: other}, api.Invalid, "--existing"},
		{"existing unknown", api.FolderRequest{Dir: other, Existing: "burn"}, api.Invalid, "existing"},
		{"out", api.FolderRequest{Dir: other, Options: api.FolderOptions{Out: "out"}}, api.Invalid, "out:"},
		{"pattern", api.FolderRequest{Dir: other, Options: api.FolderOptions{Include: []string{"["}}}, api.Invalid, "glob"},
		{"format", api.FolderRequest{Dir: other, Options: api.FolderOptions{Formats: []api.Format{"docx"}}}, api.Invalid, "docx"},
		{"webhook", api.FolderRequest{Dir: other, Options: api.FolderOptions{Webhooks: []string{"whk_none"}}}, api.Invalid, "webhooks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := f.Add(f.ctx, c.req); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v that says %q", err, c.want, c.says)
			}
		})
	}
	if all := f.Watched(); len(all) != 1 || all[0].Dir != dir {
		t.Errorf("got the folders %v watched, want %s alone", all, dir)
	}
}

func TestFolders_existingFilesAreIgnoredOrProcessed(t *testing.T) {
	for _, c := range []struct {
		existing      api.Existing
		ignored, done int
		says          string
	}{{api.ExistingIgnore, 1, 1, "ignored"}, {api.ExistingProcess, 0, 2, "transcribed"}} {
		t.Run(string(c.existing), func(t *testing.T) {
			f, dir := start(t, t.TempDir(), nil), t.TempDir()
			old := drop(t, dir, "old.mp3", "from before")
			v, err := f.Add(f.ctx, api.FolderRequest{Dir: dir, Options: quick(nil), Existing: c.existing})
			if err != nil {
				t.Fatal(err)
			}
			f.work()
			drop(t, dir, "new.mp3", "from after")
			f.count(v.ID, "done", c.done)
			f.count(v.ID, "ignored", c.ignored)
			f.explained(old, c.says)
		})
	}
}

func TestFolders_whatWasIgnoredIsTakenLater(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), t.TempDir()
	old := drop(t, dir, "old.mp3", "from before")
	drop(t, dir, "week/older.mp3", "from long before")
	v, err := f.Add(f.ctx, api.FolderRequest{Dir: dir, Options: quick(nil), Existing: api.ExistingIgnore})
	if err != nil {
		t.Fatal(err)
	}
	f.work()
	drop(t, dir, "new.mp3", "from after")
	f.count(v.ID, "done", 1)
	done, err := f.db.File(f.ctx, v.ID, "new.mp3")
	if err != nil {
		t.Fatal(err)
	}
	f.explained(old, "ignored: it was there before the folder was watched; to have it transcribed: voxparse watch rescan "+v.ID+" --existing")
	if v, err = f.TakeExisting(f.ctx, v.ID); err != nil || v.Counts["ignored"] != 0 {
		t.Fatalf("got %v (%v), want none ignored any more", v.Counts, err)
	}
	f.count(v.ID, "done", 3)
	if got := read(t, filepath.Join(dir, "week", "older.txt")); !strings.Contains(got, "from long before") {
		t.Errorf("got %q, want what the file says", got)
	}
	if rec, err := f.db.File(f.ctx, v.ID, "new.mp3"); err != nil || rec.JobID != done.JobID {
		t.Errorf("got the job %s of what was done already (%v), want %s", rec.JobID, err, done.JobID)
	}
	if _, err := f.TakeExisting(f.ctx, "wat_none"); !errors.Is(err, api.NotFound) {
		t.Errorf("got %v for a folder that is not watched, want %v", err, api.NotFound)
	}
}

func TestFolders_theConfigFileTakesLaterWhatItIgnored(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	id := dropfolder.ConfigID(dir)
	drop(t, dir, "old.mp3", "from before")
	configured := func(what api.Existing) func(*dropfolder.Config) {
		return func(c *dropfolder.Config) {
			c.Configured = []config.Folder{{Dir: dir, Existing: what, FolderOptions: quick(nil)}}
		}
	}
	for range 2 {
		f := start(t, home, configured(api.ExistingIgnore))
		f.scanned(id)
		if v := f.view(id); v.Counts["ignored"] != 1 {
			t.Errorf("got %v, want one file ignored", v.Counts)
		}
		f.stop()
	}
	f := start(t, home, configured(api.ExistingProcess))
	f.work()
	f.count(id, "done", 1)
}

func TestFolders_aPausedFolderTakesNothingUntilResumed(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	f := start(t, home, nil)
	id := f.add(dir, nil)
	if v, err := f.SetPaused(f.ctx, id, true); err != nil || v.Status != "paused" || !v.Options.Paused {
		t.Fatalf("got %s (%v), want paused", v.Status, err)
	}
	f.stop()
	f = start(t, home, nil) // it stays so
	f.work()
	drop(t, dir, "call.mp3", "later")
	other := t.TempDir()
	otherID := f.add(other, nil)
	drop(t, other, "call.mp3", "dropped after it, and done")
	f.count(otherID, "done", 1)
	if v := f.view(id); v.Status != "paused" || v.Counts["queued"]+v.Counts["done"] != 0 {
		t.Errorf("got %s with %v, want it paused with nothing taken", v.Status, v.Counts)
	}
	if v, err := f.SetPaused(f.ctx, id, false); err != nil || v.Status == "paused" {
		t.Fatalf("got %s (%v), want it resumed", v.Status, err)
	}
	f.count(id, "done", 1)
}

func TestFolders_optionsChangeWhileWatching(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), t.TempDir()
	id := f.add(dir, nil)
	f.work()
	refused := errors.New("refused")
	for _, c := range []struct {
		name   string
		change func(api.FolderOptions) (api.FolderOptions, error)
		want   error
	}{
		{"its own error", func(o api.FolderOptions) (api.FolderOptions, error) { return o, refused }, refused},
		{"after", func(o api.FolderOptions) (api.FolderOptions, error) { o.After = "burn"; return o, nil }, api.Invalid},
		{"settle", func(o api.FolderOptions) (api.FolderOptions, error) { o.Settle = "soon"; return o, nil }, api.Invalid},
	} {
		if _, err := f.Change(f.ctx, id, c.change); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	v, err := f.Change(f.ctx, id, func(o api.FolderOptions) (api.FolderOptions, error) {
		o.Formats = []api.Format{"srt"}
		return o, nil
	})
	if err != nil || v.Options.Settle != "50ms" || len(v.Options.Formats) != 1 || v.Options.Formats[0] != "srt" {
		t.Fatalf("got %+v (%v), want the format changed and the rest kept", v.Options, err)
	}
	drop(t, dir, "call.mp3", "words to be read")
	if got := read(t, filepath.Join(dir, "call.srt")); !strings.Contains(got, "words to be read") {
		t.Errorf("got the subtitles %q, want what the file says", got)
	}
}

func TestFolders_aRemovedFolderKeepsItsFiles(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), t.TempDir()
	id := f.add(dir, nil)
	f.work()
	path := drop(t, dir, "call.mp3", "the words")
	f.count(id, "done", 1)
	if all, err := f.Views(f.ctx); err != nil || len(all) != 1 || all[0].ID != id || all[0].Counts["done"] != 1 {
		t.Errorf("got %+v (%v), want the one folder with one file done", all, err)
	}
	if err := f.Remove(f.ctx, id); err != nil {
		t.Fatal(err)
	}
	if all, err := f.Views(f.ctx); err != nil || len(all) != 0 {
		t.Errorf("got %d folders (%v), want none", len(all), err)
	}
	if !exists(path) || !exists(filepath.Join(dir, "call.txt")) {
		t.Error("files of the folder are gone")
	}
	if !f.Paused(id) {
		t.Error("the queue of a folder that is not watched is not paused")
	}
	if _, err := f.Explain(f.ctx, path); !errors.Is(err, api.NotFound) {
		t.Errorf("got %v from explaining a file of no folder, want %v", err, api.NotFound)
	}
	if _, err := f.Explain(f.ctx, "call.mp3"); !errors.Is(err, api.Invalid) {
		t.Errorf("got %v from explaining a relative path, want %v", err, api.Invalid)
	}
	_, viewed := f.View(f.ctx, id)
	_, changed := f.Change(f.ctx, id, nil)
	_, paused := f.SetPaused(f.ctx, id, true)
	_, scanned := f.Rescan(f.ctx, id)
	for verb, err := range map[string]error{"view": viewed, "change": changed, "pause": paused, "rescan": scanned, "remove": f.Remove(f.ctx, id)} {
		if !errors.Is(err, api.NotFound) {
			t.Errorf("%s: got %v, want %v", verb, err, api.NotFound)
		}
	}
}

func TestFolders_AddAndTakeWaitWhileNoWorkIsAccepted(t *testing.T) {
	full := errors.New("the disk is full")
	refusing := make(chan error, 1)
	refusing <- nil
	f, dir := start(t, t.TempDir(), func(c *dropfolder.Config) {
		c.Accepting = func() error {
			err := <-refusing
			refusing <- err
			return err
		}
	}), t.TempDir()
	id := f.add(dir, nil)
	set := func(err error) {
		<-refusing
		refusing <- err
	}
	set(full)
	if _, err := f.Add(f.ctx, api.FolderRequest{Dir: t.TempDir()}); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
	f.work()
	path := drop(t, dir, "call.mp3", "the words")
	f.explained(path, full.Error())
	set(nil)
	f.count(id, "done", 1)
}

// TestFolders_aFolderOfTheConfigFileIsKnownAgain takes a folder out of the
// config file and puts it back.
func TestFolders_aFolderOfTheConfigFileIsKnownAgain(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	id := dropfolder.ConfigID(dir)
	with := func(c *dropfolder.Config) {
		c.Configured = []config.Folder{{Dir: dir, FolderOptions: quick(nil)}}
	}
	f := start(t, home, with)
	f.work()
	drop(t, dir, "call.mp3", "once")
	f.count(id, "done", 1)
	_, changed := f.Change(f.ctx, id, nil)
	for verb, err := range map[string]error{"change": changed, "remove": f.Remove(f.ctx, id)} {
		if !errors.Is(err, api.Conflict) || !strings.Contains(err.Error(), "voxparse.toml") {
			t.Errorf("%s: got %v, want a conflict that names the config file", verb, err)
		}
	}
	f.stop()
	f = start(t, home, nil)
	if all := f.Watched(); len(all) != 0 {
		t.Errorf("got the folders %v watched, want none", all)
	}
	f.stop()
	f = start(t, home, with)
	f.work()
	drop(t, dir, "other.mp3", "twice")
	f.count(id, "done", 2)
	rec, err := f.db.File(f.ctx, id, "call.mp3")
	if err != nil {
		t.Fatal(err)
	}
	if job, err := f.db.Job(f.ctx, rec.JobID); err != nil || job.Attempts != 1 {
		t.Errorf("got the first file tried %d times (%v), want once", job.Attempts, err)
	}
}

// TestFolders_aFolderThatIsAddedAgainKnowsWhatItHas removes a folder and adds it
// again, by another path.
func TestFolders_aFolderThatIsAddedAgainKnowsWhatItHas(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	f := start(t, home, nil)
	id := f.add(dir, func(o *api.FolderOptions) { o.Formats = []api.Format{"srt"} })
	f.work()
	drop(t, dir, "call.mp3", "once")
	f.count(id, "done", 1)
	rec, err := f.db.File(f.ctx, id, "call.mp3")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(f.ctx, id); err != nil {
		t.Fatal(err)
	}
	f.stop()
	f = start(t, home, nil)
	f.work()
	drop(t, dir, "new.mp3", "while nobody watched")
	v, err := f.Add(f.ctx, api.FolderRequest{Dir: symlink(t, dir), Options: quick(func(o *api.FolderOptions) { o.Formats = []api.Format{"srt"} }), Existing: api.ExistingProcess})
	if err != nil {
		t.Fatal(err)
	}
	f.count(v.ID, "done", 2)
	if now, err := f.db.File(f.ctx, v.ID, "call.mp3"); err != nil || now.JobID != rec.JobID {
		t.Errorf("got the job %s (%v), want %s: it was transcribed before", now.JobID, err, rec.JobID)
	}
	drop(t, dir, "call.mp3", "the second call")
	until(t, "the new transcript", func() bool { return strings.Contains(read(t, filepath.Join(dir, "call.srt")), "the second call") })
	if exists(filepath.Join(dir, "call.mp3.srt")) {
		t.Error("the transcript of before was taken for another's")
	}
}

// TestFolders_aFolderGoesFromTheConfigFileToACommandAndBack keeps what is known
// of it on the way.
func TestFolders_aFolderGoesFromTheConfigFileToACommandAndBack(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	with := func(c *dropfolder.Config) {
		c.Configured = []config.Folder{{Dir: dir, FolderOptions: quick(nil)}}
	}
	f := start(t, home, with)
	f.work()
	drop(t, dir, "call.mp3", "once")
	f.count(dropfolder.ConfigID(dir), "done", 1)
	f.stop()

	f = start(t, home, nil)
	id := f.add(dir, nil)
	f.count(id, "done", 1)
	if v := f.view(id); v.Counts["queued"] != 0 {
		t.Errorf("got %v, want what was transcribed known", v.Counts)
	}
	f.stop()

	f = start(t, home, nil)
	f.scanned(id)
	f.stop()

	f = start(t, home, with) // both name it
	if p := f.trouble("folder_conflict", f.Unwatched); !strings.Contains(p.Message, "watch rm "+id) {
		t.Errorf("got %+v, want what to do", p)
	}
	if err := f.Remove(f.ctx, id); err != nil {
		t.Fatal(err)
	}
	f.stop()

	f = start(t, home, with)
	if p := f.Unwatched(); len(p) != 0 {
		t.Errorf("got %+v, want the config file followed", p)
	}
	all, err := f.Views(f.ctx)
	if err != nil || len(all) != 1 || all[0].Counts["done"] != 1 {
		t.Fatalf("got %+v (%v), want the folder with what was transcribed", all, err)
	}
	if err := f.Remove(f.ctx, all[0].ID); !errors.Is(err, api.Conflict) {
		t.Errorf("got %v, want a conflict: the config file owns it", err)
	}
}
