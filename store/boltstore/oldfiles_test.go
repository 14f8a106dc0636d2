package boltstore_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// unpack writes a database of testdata into a folder of the test.
func unpack(t *testing.T, name string) (dir string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, boltstore.FileName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// old is a database of an older program, opened by this one.
type old struct {
	*boltstore.DB
	t   *testing.T
	ctx context.Context
}

func oldID(prefix string, n int) string {
	return fmt.Sprintf("%s01j0000000000000000000%04d", prefix, n)
}

var oldMade = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)

func same[T any](t *testing.T, what string, got T, err error, want string) {
	t.Helper()
	if s := fmt.Sprintf("%+v", got); err != nil || s != want {
		t.Errorf("%s: got %s, error %v, want %s", what, s, err, want)
	}
}

// What is compared here is what testdata/makeold put in.
func TestFilesOfOlderProgramsAreReadWhole(t *testing.T) {
	names, err := filepath.Glob("testdata/*.db.gz")
	if err != nil || len(names) != 6 {
		t.Fatalf("got %d files, error %v, want 6", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".db.gz"), func(t *testing.T) {
			dir := unpack(t, name)
			path := filepath.Join(dir, boltstore.FileName)
			if strings.Contains(name, "killed") {
				if err := os.WriteFile(path+".open", nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := boltstore.Check(path); err != nil { // as doctor does
				t.Errorf("check before it is migrated: %v", err)
			}
			checks := 0
			check := func(_ context.Context, path string) error { checks++; return boltstore.Check(path) }
			for range 2 { // the second time there is nothing to migrate
				db, err := boltstore.Open(t.Context(), dir, boltstore.Config{Check: check})
				if err != nil {
					t.Fatal(err)
				}
				o := old{DB: db, t: t, ctx: t.Context()}
				o.jobs()
				o.webhooks()
				o.deliveries()
				o.files()
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				if err := boltstore.Check(filepath.Join(dir, boltstore.FileName)); err != nil {
					t.Error(err)
				}
			}
			if checks != 1 {
				t.Errorf("got %d checks, want one: of the file that another program left", checks)
			}
			if copies, err := filepath.Glob(filepath.Join(dir, "*.schema-?")); err != nil || len(copies) != 1 {
				t.Errorf("got copies %v, error %v, want the one of before", copies, err)
			}
			works(t, dir)
		})
	}
}

// works goes on with the database as a daemon does at its start.
func works(t *testing.T, dir string) {
	t.Helper()
	db, err := boltstore.Open(t.Context(), dir, boltstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Recover(t.Context(), "here", "now"); err != nil {
		t.Fatal(err)
	}
	js, err := db.Claim(t.Context(), "q3", "here/now", time.Minute, 9)
	if err != nil || len(js) != 1 {
		t.Fatalf("claim what an older program had: got %d jobs, error %v, want 1", len(js), err)
	}
	if _, err := db.Complete(t.Context(), js[0].Token(), []byte("{}"), store.Event{}); err != nil {
		t.Error(err)
	}
}

// words joins facts by spaces.
func words(facts ...any) string { return strings.TrimSuffix(fmt.Sprintln(facts...), "\n") }

func (o old) jobs() {
	for n, status := range []api.JobStatus{api.Completed, api.Queued, api.Processing, api.Failed, api.Cancelled} {
		j, err := o.Job(o.ctx, oldID("job_", n+1))
		what := fmt.Sprintf("job %d", n+1)
		same(o.t, what, j.Status, err, string(status))
		same(o.t, what, words(j.Queue, j.Dedupe, j.MaxAttempts, j.CreatedAt, j.Source.Name, j.Source.Size, j.Source.SHA256, j.Options.Language, string(j.Metadata), len(j.Webhooks)),
			nil, words(fmt.Sprintf("q%d", n+1), fmt.Sprintf("key%d", n+1), 4, oldMade, "a.wav", 12345, "abc", "de", `{"n":1}`, 3))
		used, err := o.BlobInUse(o.ctx, fmt.Sprintf("blob%d", n+1))
		same(o.t, what+": its audio is in use", used, err, fmt.Sprintf("%v", n > 0))
	}
	result, err := o.Result(o.ctx, oldID("job_", 1))
	same(o.t, "result", string(result), err, `{"text":"hello"}`)
	j, err := o.Job(o.ctx, oldID("job_", 3))
	same(o.t, "work under way", words(j.Owner, j.Attempts, j.Progress.Percent, j.LeaseUntil.After(j.StartedAt)), err, "run_of_old 1 42 true")
	j, err = o.Job(o.ctx, oldID("job_", 4))
	same(o.t, "error", j.Error, err, "{Code:corrupt_audio Message:it is broken}")
	counts, err := o.CountJobs(o.ctx)
	same(o.t, "counts", counts, err, "map[cancelled:1 completed:2 failed:2 interrupted:0 processing:1 queued:2]")
	_, created, err := o.Submit(o.ctx, store.Job{ID: store.NewID(api.JobPrefix), Dedupe: "key2"})
	same(o.t, "a job with a known key is new", created, err, "false")
}

func (o old) webhooks() {
	w, err := o.Webhook(o.ctx, oldID("whk_", 1))
	w.ConsecutiveFailures, w.Revision = 0, 0
	want := store.Webhook{ID: oldID("whk_", 1), URL: "https://one.example/", Events: []string{"transcription.completed", "transcription.failed"},
		Description: "one", Active: true, CreatedAt: oldMade, Timeout: 7 * time.Second, Ordered: true, AllowPrivate: true,
		Secret: []byte("sealed"), PreviousSecret: []byte("before"), PreviousUntil: oldMade, SecretLast4: "last"}
	same(o.t, "webhook 1", w, err, fmt.Sprintf("%+v", want))
	w, err = o.Webhook(o.ctx, oldID("whk_", 2))
	same(o.t, "webhook 2", words(w.URL, w.Active, w.RateLimit, w.ConsecutiveFailures, w.FirstFailureAt.IsZero()), err, "https://two.example/ true 2.5 1 false")
	w, err = o.Webhook(o.ctx, oldID("whk_", 3))
	same(o.t, "webhook 3", words(w.Active, w.DisabledReason), err, "false user")
}

func (o old) deliveries() {
	n, err := o.CountDeliveries(o.ctx)
	same(o.t, "counts", n, err, "map[cancelled:0 delivered:1 delivering:0 failed_permanent:0 held:4 pending:9]")
	all, err := o.EventsSince(o.ctx, 0, 100)
	same(o.t, "events", len(all), err, "5")
	var ev store.Event
	for _, e := range all {
		if e.ID == store.EventID(oldID("job_", 1), 0, "transcription.completed") {
			ev = e
		}
	}
	same(o.t, "event", words(ev.Type, ev.JobID, ev.CreatedAt, string(ev.Body)), nil, words("transcription.completed", oldID("job_", 1), oldMade, `{"job":1}`))
	d, attempts, err := o.Delivery(o.ctx, store.DeliveryID(ev, oldID("whk_", 2)))
	if len(attempts) != 1 {
		o.t.Fatalf("attempts: got %d, error %v, want 1", len(attempts), err)
	}
	attempts[0].ID = ""
	want := api.Attempt{Number: 1, StartedAt: oldMade, DurationMS: 1.25, Status: 503, Error: "busy", ErrorKind: "status",
		ResponseHeaders: map[string]string{"A": "b"}, ResponseBody: "later", Truncated: true}
	same(o.t, "attempt", attempts[0], err, fmt.Sprintf("%+v", want))
	same(o.t, "delivery", words(d.Status, d.Attempts, d.Due, d.EventID, d.JobID), nil, words("pending", 1, oldMade.Add(time.Hour), ev.ID, oldID("job_", 1)))
	first := store.DeliveryID(ev, oldID("whk_", 1))
	ds, _, err := o.Deliveries(o.ctx, store.DeliveryFilter{Webhook: oldID("whk_", 1), Job: oldID("job_", 1)}, "", 9)
	if err != nil || len(ds) != 2 {
		o.t.Fatalf("deliveries of webhook 1: got %d, error %v, want 2", len(ds), err)
	}
	same(o.t, "redelivery", words(ds[0].RedeliveryOf, ds[0].Manual, ds[0].Status, ds[1].ID, ds[1].Status), nil, words(first, true, "pending", first, "delivered"))
}

func (o old) files() {
	f, err := o.Folder(o.ctx, oldID("wat_", 1))
	same(o.t, "folder", fmt.Sprintf("%q %s %v %v %v %d %s", f.Dir, f.Options.Settle, f.Options.Formats, f.CreatedAt.Equal(oldMade), f.LastScan.Equal(oldMade), f.Device, f.Marker), err,
		`"/in\xff" 9s [srt] true true 7 m`)
	want := map[string]string{
		"done.wav":    words(store.FileDone, oldID("job_", 11), 11, "s1", "[done.srt]"),
		"failed.wav":  words(store.FileFailed, oldID("job_", 12), 12, "s2", "[]"),
		"open.wav":    words(store.FileQueued, oldID("job_", 13), 13, "s3", "[]"),
		"twin.wav":    words(store.FileSkipped, oldID("job_", 13), 14, "s3", "[]"),
		"old\xff.wav": words(store.FileIgnored, "", 15, "", "[]"),
	}
	fs, err := o.Files(o.ctx, f.ID, "", "", 99)
	same(o.t, "files", len(fs), err, "5")
	for _, r := range fs {
		same(o.t, r.Path, words(r.Status, r.JobID, r.Stamp.Inode, r.SHA256, r.Outputs), nil, want[r.Path])
	}
	fins, err := o.PendingFinishes(o.ctx, nil, 99)
	if err != nil || len(fins) != 2 {
		o.t.Fatalf("left to do: got %+v, error %v, want 2", fins, err)
	}
	same(o.t, "left to do with done.wav", words(fins[0].Path, fins[0].Action, fins[0].To, fins[0].Outputs, fins[0].Stamp.Size), nil, "done.wav move done/done.wav [done.srt] 10")
	same(o.t, "left to do with failed.wav", words(fins[1].Path, fins[1].Action, fins[1].Reason), nil, "failed.wav decide silence")
}
