package dropfolder_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dropfolder"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// patience is how long something may take that should come soon.
const patience = 20 * time.Second

// fixture is Folders over a real store and real folders. Their jobs lie in the
// store until work is called.
type fixture struct {
	*dropfolder.Folders
	t     *testing.T
	db    *boltstore.DB
	home  string
	ctx   context.Context
	tasks sync.WaitGroup
	stop  func() // ends the folders, and the store: once
}

// start watches the folders that the store in home knows.
func start(t *testing.T, home string, change func(*dropfolder.Config)) *fixture {
	t.Helper()
	db, err := boltstore.Open(t.Context(), home, boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &fixture{t: t, db: db, home: home, ctx: ctx}
	cfg := dropfolder.Config{
		Store: db, Catalog: everything{}, DataDir: home, ConfigFile: "voxparse.toml",
		Accepting: func() error { return nil }, View: func(j store.Job) api.Job { return api.Job{Status: j.Status, Waiting: j.Waiting} },
		Wake: func() {}, Recheck: func(context.Context) {}, Logger: slog.New(slog.DiscardHandler),
		Intervals: dropfolder.Intervals{Finish: 20 * time.Millisecond, Keep: 30 * time.Millisecond, Probe: 20 * time.Millisecond},
	}
	if change != nil {
		change(&cfg)
	}
	f.Folders = dropfolder.New(cfg)
	if err := f.Start(ctx); err != nil {
		t.Fatal(err)
	}
	f.tasks.Go(func() { f.Run(ctx) })
	f.stop = sync.OnceFunc(func() {
		cancel()
		f.tasks.Wait()
		f.Wait()
		if err := db.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	t.Cleanup(f.stop)
	return f
}

// work does the jobs of folders from now on, one after the other.
func (f *fixture) work() {
	f.tasks.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			f.round()
			select {
			case <-f.ctx.Done():
				return
			case <-f.db.JobsReady():
			case <-tick.C:
			}
		}
	})
}

// round does each job that is due once.
func (f *fixture) round() {
	queues, err := f.db.Queues(f.ctx)
	if err != nil && f.ctx.Err() == nil {
		f.t.Errorf("list the queues: %v", err)
	}
	for _, queue := range queues {
		if f.Paused(queue) {
			continue
		}
		claimed, err := f.db.Claim(f.ctx, queue, "test", time.Minute, 1)
		if err != nil && f.ctx.Err() == nil {
			f.t.Errorf("claim a job: %v", err)
		}
		for _, job := range claimed {
			f.end(job, f.transcribe(job))
		}
	}
}

// transcribe takes what a file says as its transcript, and one that begins with
// "damaged" as damaged.
func (f *fixture) transcribe(job store.Job) error {
	name, release, err := f.Open(f.ctx, job)
	if err != nil {
		return err
	}
	defer release()
	said, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text := strings.TrimPrefix(string(said), "ID3\x00")
	if strings.HasPrefix(text, "damaged") {
		return &engine.Error{Code: api.JobDamaged, Message: "the file is damaged"}
	}
	result := &api.Result{JobID: job.ID, Text: text, Segments: []api.Segment{{End: 1, Text: text}}}
	stored, err := json.Marshal(result)
	if err != nil {
		return err
	}
	_, err = f.Complete(f.ctx, jobs.Completion{
		Job: job, Result: result, Stored: stored, Event: event(job, api.EventCompleted),
		Retry: func(_ context.Context, commit func() error) error { return commit() }, Report: func(string) {},
	})
	return err
}

// end says in the store what kept a job from being completed, as the runner of
// jobs does.
func (f *fixture) end(job store.Job, why error) {
	var known *engine.Error
	var err error
	switch {
	case why == nil, f.ctx.Err() != nil, errors.Is(why, api.Conflict):
	case errors.As(why, &known) && !known.Transient:
		_, err = f.db.Fail(f.ctx, job.Token(), store.JobError{Code: known.Code, Message: known.Message}, time.Time{}, event(job, api.EventFailed))
	default:
		err = f.db.Release(f.ctx, job.Token(), time.Now().Add(10*time.Millisecond), why.Error())
	}
	if err != nil && f.ctx.Err() == nil && !errors.Is(err, api.Conflict) { // it was cancelled meanwhile
		f.t.Errorf("end the job %s: %v", job.ID, err)
	}
}

func event(job store.Job, kind string) store.Event {
	return store.Event{ID: store.NewID(api.EventPrefix), Type: kind, JobID: job.ID, CreatedAt: time.Now(), Body: []byte("{}")}
}

// add watches a folder whose files settle soon, and waits for its first scan.
func (f *fixture) add(dir string, change func(*api.FolderOptions)) string {
	f.t.Helper()
	v, err := f.Add(f.ctx, api.FolderRequest{Dir: dir, Options: quick(change), Existing: api.ExistingProcess})
	if err != nil {
		f.t.Fatalf("add the folder %s: %v", dir, err)
	}
	f.scanned(v.ID)
	return v.ID
}

func (f *fixture) scanned(id string) {
	f.t.Helper()
	until(f.t, "the first scan of the folder", func() bool { return !f.view(id).LastScan.IsZero() })
}

func (f *fixture) view(id string) api.Folder {
	f.t.Helper()
	v, err := f.View(f.ctx, id)
	if err != nil {
		f.t.Fatalf("look at the folder %s: %v", id, err)
	}
	return v
}

// count waits until the folder has n files of a status.
func (f *fixture) count(id, status string, n int) {
	f.t.Helper()
	until(f.t, "the folder's count of "+status, func() bool { return f.view(id).Counts[status] == n })
}

// claimed waits for the record of a file, and returns it.
func (f *fixture) claimed(id, path string) (rec store.FileRecord) {
	f.t.Helper()
	until(f.t, "the claim of "+path, func() bool {
		var err error
		rec, err = f.db.File(f.ctx, id, path)
		return err == nil
	})
	return rec
}

// explained waits until a file is explained with some words, and returns that.
func (f *fixture) explained(path, words string) (v api.FolderFile) {
	f.t.Helper()
	until(f.t, "the explanation "+words, func() bool {
		var err error
		if v, err = f.Explain(f.ctx, path); err != nil {
			f.t.Fatalf("explain %s: %v", path, err)
		}
		return strings.Contains(v.Reason, words)
	})
	return v
}

// finished waits until nothing is left to be done with sources.
func (f *fixture) finished() {
	f.t.Helper()
	until(f.t, "the end of what is to be done with sources", func() bool {
		fins, err := f.db.PendingFinishes(f.ctx, nil, 1)
		return err == nil && len(fins) == 0
	})
}

// trouble waits for a problem of a kind, and returns it.
func (f *fixture) trouble(code string, list func() []api.Problem) (found api.Problem) {
	f.t.Helper()
	until(f.t, "the problem "+code, func() bool {
		for _, p := range list() {
			if p.Code == code {
				found = p
				return true
			}
		}
		return false
	})
	return found
}

// quick are options with which files settle soon.
func quick(change func(*api.FolderOptions)) api.FolderOptions {
	o := api.FolderOptions{Recursive: true, Settle: "50ms"}
	if change != nil {
		change(&o)
	}
	return o
}

// drop writes a file under another name and renames it into place.
func drop(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path+".part", []byte("ID3\x00"+text), 0o600), os.Rename(path+".part", path))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// read waits for a file and returns what it says.
func read(t *testing.T, path string) string {
	t.Helper()
	until(t, path, func() bool { return exists(path) })
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// until waits, for as long as patience lasts, until ok says true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick, late := time.NewTicker(2*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s did not happen within %s", what, patience)
		}
	}
}

// receive waits for a signal.
func receive(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("%s did not come within %s", what, patience)
	}
}

// signal says something on a channel of capacity 1, once.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
