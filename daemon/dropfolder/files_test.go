package dropfolder_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dropfolder"
	"github.com/voxparse/voxparse/store"
)

func TestFolders_aDroppedFileBecomesItsOutputs(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), t.TempDir()
	id := f.add(dir, func(o *api.FolderOptions) {
		o.Formats = []api.Format{"txt", "json"}
		o.Metadata = map[string]string{"ticket": "{stem}", "team": "{dir}"}
	})
	f.work()
	path := drop(t, dir, "sales/T-17.mp3", "hello from the folder")
	if got := read(t, filepath.Join(dir, "sales/T-17.txt")); !strings.Contains(got, "hello from the folder") {
		t.Errorf("got the transcript %q, want what the file says", got)
	}
	var res api.Result
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "sales/T-17.json"))), &res); err != nil {
		t.Fatal(err)
	}
	job, err := f.db.Job(f.ctx, res.JobID)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(job.Metadata), `{"team":"sales","ticket":"T-17"}`; got != want {
		t.Errorf("got the metadata %s, want %s", got, want)
	}
	f.count(id, "done", 1)
	if v := f.explained(path, "transcribed at"); v.Status != "done" || v.JobID != job.ID {
		t.Errorf("got %+v, want it done by %s", v, job.ID)
	}
	if !exists(path) {
		t.Error("the source is gone, though it was to be left")
	}
}

// A file may bear any time: one from a camera without a clock, from a restored
// archive, or from a machine that is wrong by centuries.
func TestFolders_anyTimeOfAFileIsATime(t *testing.T) {
	times := map[string]time.Time{
		"epoch": time.Unix(0, 0), "before": time.Unix(-1, 999), "nineteen.hundred": time.Date(1902, 1, 1, 0, 0, 0, 0, time.UTC),
		"far": time.Date(2400, 1, 1, 0, 0, 0, 1, time.UTC), "sub.second": time.Unix(0, 1), "tomorrow": time.Now().Add(24 * time.Hour),
	}
	home := t.TempDir()
	f, dir := start(t, home, nil), t.TempDir()
	staging := t.TempDir()
	for name, at := range times {
		path := drop(t, staging, name+".mp3", "said in "+name)
		setTime(t, path, at)
	}
	id := f.add(dir, nil)
	f.work()
	for name := range times {
		if err := os.Rename(filepath.Join(staging, name+".mp3"), filepath.Join(dir, name+".mp3")); err != nil {
			t.Fatal(err)
		}
	}
	f.count(id, "done", len(times))
	jobs := map[string]string{}
	for name := range times {
		path := filepath.Join(dir, name+".mp3")
		if got := read(t, filepath.Join(dir, name+".txt")); !strings.Contains(got, "said in "+name) {
			t.Errorf("%s: got the transcript %q, want what the file says", name, got)
		}
		fi, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := f.db.File(f.ctx, id, name+".mp3")
		if err != nil || !rec.Stamp.MTime.Equal(fi.ModTime()) {
			t.Errorf("%s: got the time %v in the record, %v, want %v as the file has it", name, rec.Stamp.MTime, err, fi.ModTime())
		}
		jobs[name] = rec.JobID
	}
	f.finished()
	f.stop()
	f = start(t, home, nil)
	for name, job := range jobs {
		f.explained(filepath.Join(dir, name+".mp3"), "transcribed at")
		if rec, err := f.db.File(f.ctx, id, name+".mp3"); err != nil || rec.JobID != job {
			t.Errorf("%s: got the job %s after a restart, %v, want %s: it is known", name, rec.JobID, err, job)
		}
	}
}

func TestFolders_afterSaysWhatHappensToTheSource(t *testing.T) {
	for _, c := range []struct {
		after, failed api.After
		text, reason  string
		there, gone   []string
	}{
		{"leave", "", "x", "transcribed at", []string{"call.mp3", "call.txt"}, nil},
		{"move", "", "x", "moved to done/call.mp3", []string{"done/call.mp3", "call.txt"}, []string{"call.mp3"}},
		{"delete", "", "x", "deleted as the folder's options say", []string{"call.txt"}, []string{"call.mp3", "done"}},
		{"delete", "leave", "damaged", "damaged", []string{"call.mp3", "call.mp3.error.json"}, []string{"call.txt"}},
		{"leave", "move", "damaged", "moved to failed/call.mp3", []string{"failed/call.mp3", "failed/call.mp3.error.json"}, []string{"call.mp3"}},
	} {
		t.Run(string(c.after+" "+c.failed)+" "+c.text, func(t *testing.T) {
			f, dir := start(t, t.TempDir(), nil), t.TempDir()
			f.add(dir, func(o *api.FolderOptions) { o.After, o.Failed = c.after, c.failed })
			f.work()
			path := drop(t, dir, "call.mp3", c.text)
			f.explained(path, c.reason)
			f.finished()
			for _, p := range c.there {
				if !exists(filepath.Join(dir, p)) {
					t.Errorf("%s is not there", p)
				}
			}
			for _, p := range c.gone {
				if exists(filepath.Join(dir, p)) {
					t.Errorf("%s is there", p)
				}
			}
		})
	}
}

func TestFolders_theSameContentIsTranscribedOnce(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), t.TempDir()
	id := f.add(dir, func(o *api.FolderOptions) { o.After = api.AfterMove })
	f.work()
	drop(t, dir, "a.mp3", "same words")
	f.count(id, "done", 1)
	drop(t, dir, "b.mp3", "same words")
	f.count(id, "skipped", 1)
	for _, p := range []string{"done/a.mp3", "done/b.mp3"} {
		until(t, "the move to "+p, func() bool { return exists(filepath.Join(dir, p)) })
	}
	if all, err := f.db.JobsPage(f.ctx, store.JobFilter{}, 0, 10); err != nil || len(all) != 1 {
		t.Errorf("got %d jobs (%v), want 1", len(all), err)
	}
}

// TestFolders_aDuplicateTakesThePlaceOfALostOriginal removes a file whose
// duplicate was skipped before it is transcribed.
func TestFolders_aDuplicateTakesThePlaceOfALostOriginal(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), t.TempDir()
	id := f.add(dir, func(o *api.FolderOptions) { o.After = api.AfterDelete })
	first := drop(t, dir, "first.mp3", "the same words")
	f.claimed(id, "first.mp3")
	second := drop(t, dir, "second.mp3", "the same words")
	f.count(id, "skipped", 1)
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	f.work()
	if got := read(t, filepath.Join(dir, "second.txt")); !strings.Contains(got, "the same words") {
		t.Errorf("got %q, want the duplicate's transcript", got)
	}
	until(t, "the duplicate's end", func() bool { return !exists(second) })
	f.count(id, "done", 1)
	f.count(id, "failed", 1)
	v, err := f.db.File(f.ctx, id, "first.mp3")
	if err != nil {
		t.Fatal(err)
	}
	if job, err := f.db.Job(f.ctx, v.JobID); err != nil || job.Error.Code != api.JobSourceGone {
		t.Errorf("got the first file's job ended by %q (%v), want %q", job.Error.Code, err, api.JobSourceGone)
	}
}

// errorFile is what an error file says.
type errorFile struct {
	File  string `json:"file"`
	JobID string `json:"job_id"`
	Code  string `json:"error_code"`
	Error string `json:"error"`
}

func readErrorFile(t *testing.T, path string) (got errorFile) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, path)), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestFolders_deletingTheErrorFileTriesAgain lets a file fail, where failed
// files stay and where they are moved, and deletes the file that says so.
func TestFolders_deletingTheErrorFileTriesAgain(t *testing.T) {
	for _, c := range []struct {
		failed api.After
		at     string
		purged bool
	}{
		{api.AfterLeave, "sub/call.mp3", false},
		{api.AfterLeave, "sub/call.mp3", true},
		{api.AfterMove, "failed/sub/call.mp3", false},
	} {
		name := string(c.failed)
		if c.purged {
			name += " and its job is purged"
		}
		t.Run(name, func(t *testing.T) {
			f, dir := start(t, t.TempDir(), nil), t.TempDir()
			id := f.add(dir, func(o *api.FolderOptions) { o.Failed = c.failed })
			f.work()
			drop(t, dir, "sub/call.mp3", "damaged")
			report := filepath.Join(dir, c.at+".error.json")
			first := readErrorFile(t, report)
			if want := (errorFile{"sub/call.mp3", first.JobID, api.JobDamaged, "the file is damaged"}); first != want {
				t.Errorf("got the error file %+v, want %+v", first, want)
			}
			f.finished()
			if _, err := f.Rescan(f.ctx, id); err != nil {
				t.Fatal(err)
			}
			if !exists(filepath.Join(dir, c.at)) {
				t.Fatal("the file came back while its error file is there")
			}
			before, err := f.db.Job(f.ctx, first.JobID)
			if err != nil {
				t.Fatal(err)
			}
			if c.purged {
				if err := f.db.DeleteJob(f.ctx, first.JobID, false); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Remove(report); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Rescan(f.ctx, id); err != nil {
				t.Fatal(err)
			}
			second := readErrorFile(t, report)
			job, err := f.db.Job(f.ctx, second.JobID)
			if err != nil {
				t.Fatal(err)
			}
			if job.ID == before.ID && job.Revision == before.Revision {
				t.Errorf("got the job %s as it was, want another try", job.ID)
			}
		})
	}
}

func TestFolders_aReplacedFileIsTranscribedAnew(t *testing.T) {
	for _, c := range []struct {
		name, old string
		done      bool // the old one's job has ended before
	}{
		{"before its turn", "the old words", false},
		{"after it failed", "damaged", true},
		{"after it was transcribed", "the old words", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, dir := start(t, t.TempDir(), nil), t.TempDir()
			id := f.add(dir, nil)
			path := drop(t, dir, "call.mp3", c.old)
			old := f.claimed(id, "call.mp3")
			f.explained(path, "waiting for its turn")
			if c.done {
				f.work()
				f.count(id, "queued", 0)
				f.finished()
			}
			drop(t, dir, "call.mp3", "the new words")
			until(t, "the new file's record", func() bool {
				now, err := f.db.File(f.ctx, id, "call.mp3")
				return err == nil && now.JobID != old.JobID
			})
			if !c.done {
				f.work()
			}
			f.count(id, "done", 1)
			f.finished()
			if got := read(t, filepath.Join(dir, "call.txt")); !strings.Contains(got, "the new words") {
				t.Errorf("got the transcript %q, want the new file's", got)
			}
			if exists(filepath.Join(dir, "call.mp3.error.json")) {
				t.Error("the old file's error file is still there")
			}
			if job, err := f.db.Job(f.ctx, old.JobID); err != nil || !c.done && job.Status != api.Cancelled {
				t.Errorf("got the old job %s (%v), want it cancelled", job.Status, err)
			}
		})
	}
}

// What the recognizer still does with a file that was replaced, or whose folder
// is watched no more, is to end at once: the runner is told after the commit.
func TestFolders_theRunnerIsToldOfJobsThatWereCancelled(t *testing.T) {
	told := make(chan struct{}, 100)
	f, dir := start(t, t.TempDir(), func(c *dropfolder.Config) { c.Recheck = func(context.Context) { told <- struct{}{} } }), t.TempDir()
	cancelled := func(what, job string) {
		t.Helper()
		for limit := time.After(patience); ; {
			select {
			case <-told:
				if j, err := f.db.Job(f.ctx, job); err == nil && j.Status == api.Cancelled {
					return
				}
			case <-limit:
				t.Fatalf("%s: the runner was not told that %s is cancelled", what, job)
			}
		}
	}
	id := f.add(dir, nil)
	drop(t, dir, "call.mp3", "the old words")
	old := f.claimed(id, "call.mp3")
	drop(t, dir, "call.mp3", "the new words")
	cancelled("replaced", old.JobID)
	now, err := f.db.File(f.ctx, id, "call.mp3")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(f.ctx, id); err != nil {
		t.Fatal(err)
	}
	cancelled("folder removed", now.JobID)
}

func TestFolders_aFileThatIsNotOursIsNeverOverwritten(t *testing.T) {
	f, dir := start(t, t.TempDir(), nil), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "call.txt"), []byte("my own notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.add(dir, nil)
	f.work()
	drop(t, dir, "call.mp3", "the words")
	if got := read(t, filepath.Join(dir, "call.mp3.txt")); !strings.Contains(got, "the words") {
		t.Errorf("got %q, want the transcript", got)
	}
	if got := read(t, filepath.Join(dir, "call.txt")); got != "my own notes" {
		t.Errorf("got %q, want the notes untouched", got)
	}
}
