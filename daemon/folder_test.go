package daemon_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/daemon"
	"github.com/voxparse/voxparse/daemon/dropfolder"
	"github.com/voxparse/voxparse/internal/config"
)

// quick are options that make a folder settle at once.
func quick(change func(*api.FolderOptions)) api.FolderOptions {
	o := api.FolderOptions{Recursive: true, Settle: "50ms"}
	if change != nil {
		change(&o)
	}
	return o
}

// drop writes a file under another name and renames it in.
func drop(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".part", audio(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		t.Fatal(err)
	}
	return path
}

func (f *fixture) addFolder(dir string, o api.FolderOptions) api.Folder {
	f.t.Helper()
	v, err := f.client.AddWatch(f.t.Context(), api.FolderRequest{Dir: dir, Options: o, Existing: "process"})
	if err != nil {
		f.t.Fatalf("add folder %s: %v", dir, err)
	}
	until(f.t, "the watch of the folder", func() bool {
		now, err := f.client.Watch(f.t.Context(), v.ID)
		return err == nil && !now.LastScan.IsZero()
	})
	return v
}

// counts waits until the folder's count of a state is n.
func (f *fixture) counts(id, state string, n int) {
	f.t.Helper()
	until(f.t, "the folder's count of "+state, func() bool {
		v, err := f.client.Watch(f.t.Context(), id)
		if err != nil {
			f.t.Fatal(err)
		}
		return v.Counts[state] == n
	})
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func readText(t testing.TB, path string) string {
	t.Helper()
	until(t, path, func() bool { return exists(path) })
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestADroppedFileBecomesATranscriptAndAWebhook(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, nil)
	r.register(f, nil)
	dir := t.TempDir()
	folder := f.addFolder(dir, quick(func(o *api.FolderOptions) {
		o.Formats = []string{"txt", "json"}
		o.Metadata = map[string]string{"ticket": "{stem}", "team": "{dir}"}
	}))
	drop(t, dir, "sales/T-17.mp3", "hello from the folder")
	got := r.next()
	if want := `"metadata":{"team":"sales","ticket":"T-17"}`; !strings.Contains(string(got.body), want) {
		t.Errorf("got body %s, want it to hold %s", got.body, want)
	}
	if got := readText(t, filepath.Join(dir, "sales/T-17.txt")); !strings.Contains(got, "hello from the folder") {
		t.Errorf("got transcript %q", got)
	}
	var res api.Result
	if err := json.Unmarshal([]byte(readText(t, filepath.Join(dir, "sales/T-17.json"))), &res); err != nil || res.JobID != got.jobID() {
		t.Errorf("got result of %q (%v), want of %s", res.JobID, err, got.jobID())
	}
	f.counts(folder.ID, "done", 1)
	if !exists(filepath.Join(dir, "sales/T-17.mp3")) {
		t.Error("the source is gone, though after is leave")
	}
}

func TestTheSameContentIsTranscribedOnce(t *testing.T) {
	f := start(t, nil)
	dir := t.TempDir()
	folder := f.addFolder(dir, quick(func(o *api.FolderOptions) { o.After = "move" }))
	drop(t, dir, "a.mp3", "same words")
	f.counts(folder.ID, "done", 1)
	drop(t, dir, "b.mp3", "same words")
	f.counts(folder.ID, "skipped", 1)
	until(t, "the move of both", func() bool {
		return exists(filepath.Join(dir, "done/a.mp3")) && exists(filepath.Join(dir, "done/b.mp3"))
	})
	jobs, err := f.client.Jobs(t.Context(), client.JobQuery{})
	if err != nil || len(jobs) != 1 {
		t.Errorf("got %d jobs (%v), want 1", len(jobs), err)
	}
}

func TestAfterSaysWhatHappensToTheSource(t *testing.T) {
	for _, c := range []struct {
		after       api.After
		text        string
		there, gone []string
	}{
		{"leave", "x", []string{"call.mp3", "call.txt"}, nil},
		{"move", "x", []string{"done/call.mp3", "call.txt"}, []string{"call.mp3"}},
		{"delete", "x", []string{"call.txt"}, []string{"call.mp3", "done"}},
		{"delete", "fail damaged", []string{"call.mp3", "call.mp3.error.json"}, []string{"call.txt"}},
		{"move", "fail damaged", []string{"call.mp3", "call.mp3.error.json"}, []string{"done"}},
	} {
		t.Run(string(c.after)+" "+c.text, func(t *testing.T) {
			f := start(t, nil)
			dir := t.TempDir()
			f.addFolder(dir, quick(func(o *api.FolderOptions) { o.After = c.after }))
			drop(t, dir, "call.mp3", c.text)
			until(t, "the end of it", func() bool {
				for _, p := range c.there {
					if !exists(filepath.Join(dir, p)) {
						return false
					}
				}
				for _, p := range c.gone {
					if exists(filepath.Join(dir, p)) {
						return false
					}
				}
				return true
			})
		})
	}
}

func TestDeletingTheErrorFileTriesAgain(t *testing.T) {
	f := start(t, nil)
	dir := t.TempDir()
	folder := f.addFolder(dir, quick(func(o *api.FolderOptions) { o.Failed = "leave" }))
	drop(t, dir, "call.mp3", "fail no_speech")
	report := filepath.Join(dir, "call.mp3.error.json")
	var said struct {
		Code  string `json:"error_code"`
		JobID string `json:"job_id"`
	}
	if err := json.Unmarshal([]byte(readText(t, report)), &said); err != nil || said.Code != api.JobNoSpeech {
		t.Fatalf("got error file %+v (%v), want no_speech", said, err)
	}
	f.counts(folder.ID, "failed", 1)
	until(t, "the record of the error file", func() bool {
		fins, err := f.Store().PendingFinishes(t.Context(), nil, 1)
		return err == nil && len(fins) == 0
	})
	if err := os.Remove(report); err != nil {
		t.Fatal(err)
	}
	until(t, "the second failure", func() bool {
		f.fake.mu.Lock()
		defer f.fake.mu.Unlock()
		return f.fake.started[said.JobID] >= 2 && exists(report)
	})
}

func TestDeletingTheErrorFileInFailedTriesAgain(t *testing.T) {
	f := start(t, nil)
	dir := t.TempDir()
	folder := f.addFolder(dir, quick(func(o *api.FolderOptions) { o.Failed = "move" }))
	drop(t, dir, "sub/call.mp3", "fail damaged")
	moved := filepath.Join(dir, "failed/sub/call.mp3")
	var first, second struct {
		JobID string `json:"job_id"`
	}
	read := func(into any) {
		t.Helper()
		if err := json.Unmarshal([]byte(readText(t, moved+".error.json")), into); err != nil {
			t.Fatal(err)
		}
	}
	read(&first)
	until(t, "the record of the error file", func() bool {
		fins, err := f.Store().PendingFinishes(t.Context(), nil, 1)
		return err == nil && len(fins) == 0
	})
	if _, err := f.client.RescanWatch(t.Context(), folder.ID); err != nil {
		t.Fatal(err)
	}
	if !exists(moved) {
		t.Fatal("the file came back while its error file is there")
	}
	if err := os.Remove(moved + ".error.json"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.RescanWatch(t.Context(), folder.ID); err != nil {
		t.Fatal(err)
	}
	read(&second)
	if first.JobID == second.JobID || !exists(moved) {
		t.Errorf("got the jobs %s and %s, want another try, and the file in failed/ again", first.JobID, second.JobID)
	}
}

func TestReplacingTheAudioTriesAgainAndClearsTheError(t *testing.T) {
	f := start(t, nil)
	dir := t.TempDir()
	folder := f.addFolder(dir, quick(nil))
	drop(t, dir, "call.mp3", "fail damaged")
	report := filepath.Join(dir, "call.mp3.error.json")
	until(t, "the error file", func() bool { return exists(report) })
	drop(t, dir, "call.mp3", "now it is whole")
	f.counts(folder.ID, "done", 1)
	until(t, "the end of the error file", func() bool { return !exists(report) })
	if got := readText(t, filepath.Join(dir, "call.txt")); !strings.Contains(got, "now it is whole") {
		t.Errorf("got transcript %q", got)
	}
}

func TestAFileReplacedWhileItIsTranscribedIsTranscribedAnew(t *testing.T) {
	f := start(t, nil)
	dir := t.TempDir()
	folder := f.addFolder(dir, quick(nil))
	drop(t, dir, "call.mp3", "block old")
	old := <-f.fake.begun
	drop(t, dir, "call.mp3", "the new words")
	f.counts(folder.ID, "done", 1)
	if got := f.wait(old); got.Status != api.Cancelled {
		t.Errorf("got the old job %s, want cancelled", got.Status)
	}
	if got := readText(t, filepath.Join(dir, "call.txt")); !strings.Contains(got, "the new words") {
		t.Errorf("got transcript %q, want the new file's", got)
	}
}

func TestAFileThatIsNotOursIsNeverOverwritten(t *testing.T) {
	f := start(t, nil)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "call.txt"), []byte("my own notes"), 0o644); err != nil {
		t.Fatal(err)
	}
	folder := f.addFolder(dir, quick(nil))
	drop(t, dir, "call.mp3", "the words")
	f.counts(folder.ID, "done", 1)
	if got := readText(t, filepath.Join(dir, "call.txt")); got != "my own notes" {
		t.Errorf("got %q, want the notes untouched", got)
	}
	if got := readText(t, filepath.Join(dir, "call.mp3.txt")); !strings.Contains(got, "the words") {
		t.Errorf("got %q, want the transcript", got)
	}
}

func TestExistingFilesAreIgnoredIfAskedFor(t *testing.T) {
	f := start(t, nil)
	dir := t.TempDir()
	old := drop(t, dir, "old.mp3", "from before")
	_, err := f.client.AddWatch(t.Context(), api.FolderRequest{Dir: dir, Options: quick(nil)})
	if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "--existing") {
		t.Fatalf("got %v, want a refusal that names --existing", err)
	}
	v, err := f.client.AddWatch(t.Context(), api.FolderRequest{Dir: dir, Options: quick(nil), Existing: "ignore"})
	if err != nil {
		t.Fatal(err)
	}
	drop(t, dir, "new.mp3", "from after")
	f.counts(v.ID, "done", 1)
	f.counts(v.ID, "ignored", 1)
	if said, err := f.client.ExplainFile(t.Context(), old); err != nil || said.Status != "ignored" {
		t.Errorf("got %+v (%v), want ignored", said, err)
	}
}

func TestFoldersThatWouldTakeAFileTwiceAreRefused(t *testing.T) {
	f := start(t, nil)
	dir := t.TempDir()
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	f.addFolder(dir, quick(nil))
	for _, c := range []string{dir, inner, filepath.Dir(dir), f.config.DataDir} {
		if _, err := f.client.AddWatch(t.Context(), api.FolderRequest{Dir: c, Options: api.FolderOptions{Recursive: true}, Existing: "ignore"}); !errors.Is(err, api.Conflict) {
			t.Errorf("%s: got %v, want a conflict", c, err)
		}
	}
}

func TestAFolderOfTheConfigFileIsKnownAgain(t *testing.T) {
	home, dir := shortDir(t), t.TempDir()
	with := func(o *daemon.Options) {
		o.Config.Folders = []config.Folder{{Dir: dir, Existing: "process", FolderOptions: quick(nil)}}
	}
	f := startIn(t, home, with)
	drop(t, dir, "call.mp3", "once")
	f.counts(dropfolder.ConfigID(dir), "done", 1)
	if err := f.client.RemoveWatch(t.Context(), dropfolder.ConfigID(dir)); !errors.Is(err, api.Conflict) {
		t.Errorf("got %v from removing a folder of the config file, want a conflict", err)
	}
	if err := f.shutdown(); err != nil {
		t.Fatal(err)
	}
	without := startIn(t, home, nil)
	if all, err := without.client.Watches(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("got %d folders (%v), want none", len(all), err)
	}
	if err := without.shutdown(); err != nil {
		t.Fatal(err)
	}
	again := startIn(t, home, with)
	drop(t, dir, "other.mp3", "twice")
	again.counts(dropfolder.ConfigID(dir), "done", 2)
	if n := len(again.fake.started); n != 1 {
		t.Errorf("got %d files transcribed after the restart, want 1: the new one", n)
	}
}

func TestPausedFoldersTakeNothingUntilResumed(t *testing.T) {
	f := start(t, nil)
	dir := t.TempDir()
	folder := f.addFolder(dir, quick(nil))
	if v, err := f.client.PauseWatch(t.Context(), folder.ID); err != nil || v.Status != "paused" {
		t.Fatalf("got %s (%v), want paused", v.Status, err)
	}
	drop(t, dir, "call.mp3", "later")
	f.counts(folder.ID, "queued", 0)
	if _, err := f.client.ResumeWatch(t.Context(), folder.ID); err != nil {
		t.Fatal(err)
	}
	f.counts(folder.ID, "done", 1)
}

func TestOptionsChangeWhileWatching(t *testing.T) {
	f := start(t, nil)
	dir := t.TempDir()
	folder := f.addFolder(dir, quick(func(o *api.FolderOptions) { o.Metadata = map[string]string{"a": "1"} }))
	v, err := f.client.UpdateWatch(t.Context(), folder.ID, api.FolderPatch{Options: json.RawMessage(`{"formats":["srt"],"metadata":{"b":"2"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	if v.Options.Settle != "50ms" || v.Options.Formats[0] != "srt" || len(v.Options.Metadata) != 1 || v.Options.Metadata["b"] != "2" {
		t.Errorf("got %+v, want formats and metadata replaced and the rest kept", v.Options)
	}
	for _, bad := range []string{`{"nonsense":1}`, `{"formats":["docx"]}`, `{"after":"burn"}`, `[]`} {
		if _, err := f.client.UpdateWatch(t.Context(), folder.ID, api.FolderPatch{Options: json.RawMessage(bad)}); !errors.Is(err, api.Invalid) {
			t.Errorf("%s: got %v, want invalid", bad, err)
		}
	}
	for _, bad := range []api.FolderPatch{{}, {Existing: api.ExistingIgnore}} {
		if _, err := f.client.UpdateWatch(t.Context(), folder.ID, bad); !errors.Is(err, api.Invalid) {
			t.Errorf("%+v: got %v, want invalid", bad, err)
		}
	}
	if v, err := f.client.UpdateWatch(t.Context(), folder.ID, api.FolderPatch{Existing: api.ExistingProcess}); err != nil || v.Options.Formats[0] != "srt" {
		t.Errorf("got %+v (%v), want the options kept where existing alone is given", v.Options, err)
	}
	drop(t, dir, "call.mp3", "words to be read")
	until(t, "the subtitles", func() bool { return exists(filepath.Join(dir, "call.srt")) })
}
