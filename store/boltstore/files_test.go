package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// drop is a store with drop folders.
type drop struct {
	*DB
	t       *testing.T
	folders []string
	inode   uint64
}

func newDrop(t *testing.T, opts ...api.FolderOptions) *drop {
	t.Helper()
	d := &drop{DB: openTest(t, store.Options{}), t: t}
	d.refill(t, opts...)
	return d
}

// refill deletes the folders that there are, and makes others.
func (d *drop) refill(t *testing.T, opts ...api.FolderOptions) {
	t.Helper()
	for _, id := range d.folders {
		if err := d.DeleteFolder(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	d.folders = nil
	for i, o := range opts {
		f, err := d.CreateFolder(t.Context(), store.FolderRecord{ID: store.NewID(api.FolderPrefix), Dir: fmt.Sprintf("/in/%d\xff", i), Options: o})
		if err != nil {
			t.Fatal(err)
		}
		d.folders = append(d.folders, f.ID)
	}
}

// newFile is the claim of a file that has just appeared.
func (d *drop) newFile(path, content string) store.FileClaim {
	d.inode++
	return store.FileClaim{Path: path, Stamp: store.FileStamp{Inode: d.inode, Size: int64(len(content)), MTime: time.Unix(int64(d.inode), 0)},
		SHA256: content, Options: "o", Job: store.Job{ID: store.NewID(api.JobPrefix)}, Skip: store.Finish{Action: store.FinishMove, To: "done/" + path}}
}

func (d *drop) claim(folder int, cs ...store.FileClaim) []store.FileRecord {
	d.t.Helper()
	got, err := d.ClaimFiles(d.t.Context(), d.folders[folder], cs)
	if err != nil {
		d.t.Fatal(err)
	}
	return got
}

// work claims the next job of a folder.
func (d *drop) work(folder int) store.Job {
	d.t.Helper()
	js, err := d.DB.Claim(d.t.Context(), d.folders[folder], "w", time.Hour, 1)
	if err != nil || len(js) != 1 {
		d.t.Fatalf("claim a job of folder %d: got %d, error %v", folder, len(js), err)
	}
	return js[0]
}

func (d *drop) complete(folder int, fin store.Finish) store.Job {
	d.t.Helper()
	j := d.work(folder)
	j, err := d.CompleteFile(d.t.Context(), j.Token(), []byte("{}"), store.Event{}, fin)
	if err != nil {
		d.t.Fatal(err)
	}
	return j
}

func (d *drop) file(folder int, path string) store.FileRecord {
	d.t.Helper()
	f, err := d.File(d.t.Context(), d.folders[folder], path)
	if err != nil {
		d.t.Fatal(err)
	}
	return f
}

func (d *drop) pending() []store.Finish {
	d.t.Helper()
	var all []store.Finish
	for after := (*store.Finish)(nil); ; {
		fs, err := d.PendingFinishes(d.t.Context(), after, 2)
		if err != nil {
			d.t.Fatal(err)
		}
		if len(fs) == 0 {
			return all
		}
		all, after = append(all, fs...), &fs[len(fs)-1]
	}
}

func (d *drop) want(folder int, path string, status store.FileStatus) store.FileRecord {
	d.t.Helper()
	f := d.file(folder, path)
	if f.Status != status {
		d.t.Errorf("file %q: got %s (%s), want %s", path, f.Status, f.Reason, status)
	}
	return f
}

func TestAFileIsClaimedOnce(t *testing.T) {
	d := newDrop(t, api.FolderOptions{})
	c := d.newFile("a\xfe.mp3", "A")
	first := d.claim(0, c)[0]
	c.Job.ID = store.NewID(api.JobPrefix)
	c.Stamp.MTime = time.Unix(99, 0) // touched
	again := d.claim(0, c)[0]
	if again.JobID != first.JobID || again.Status != store.FileQueued || !again.Stamp.Equal(c.Stamp) {
		t.Errorf("second claim: got %+v, want the first job and the new stamp", again)
	}
	j := d.work(0)
	if j.ID != first.JobID || j.Source.Path != "a\xfe.mp3" || j.Source.Folder != d.folders[0] || j.Queue != d.folders[0] {
		t.Errorf("job: got %+v, want it to name its file by raw bytes", j)
	}
	n, err := d.CountFiles(t.Context(), d.folders[0])
	if err != nil || n[store.FileQueued] != 1 {
		t.Errorf("counts: got %v, error %v, want one queued", n, err)
	}
	if _, err := d.ClaimFiles(t.Context(), store.NewID(api.FolderPrefix), []store.FileClaim{c}); !errors.Is(err, api.NotFound) {
		t.Errorf("claim in an unknown folder: got %v, want NotFound", err)
	}
}

func TestDuplicatesAreSkippedWithinTheirScope(t *testing.T) {
	for _, tt := range []struct {
		dedupe      api.Dedupe
		same, other store.FileStatus
	}{
		{"", store.FileSkipped, store.FileQueued},
		{api.DedupeFolder, store.FileSkipped, store.FileQueued},
		{api.DedupeGlobal, store.FileSkipped, store.FileSkipped},
		{api.DedupeOff, store.FileQueued, store.FileQueued},
	} {
		t.Run(string(tt.dedupe), func(t *testing.T) {
			d := newDrop(t, api.FolderOptions{Dedupe: tt.dedupe}, api.FolderOptions{Dedupe: tt.dedupe})
			first := d.claim(0, d.newFile("a", "A"), d.newFile("b", "A"))[0]
			d.claim(1, d.newFile("c", "A"))
			otherOptions := d.newFile("d", "A")
			otherOptions.Options = "p"
			d.claim(0, otherOptions)
			b := d.want(0, "b", tt.same)
			d.want(1, "c", tt.other)
			d.want(0, "d", store.FileQueued)
			if tt.same == store.FileSkipped {
				if b.JobID != first.JobID || b.Reason == "" {
					t.Errorf("duplicate: got %+v, want it to name job %s", b, first.JobID)
				}
				if fs := d.pending(); len(fs) != 0 {
					t.Errorf("left to do: got %+v, want nothing before the original is transcribed", fs)
				}
				d.complete(0, store.Finish{Action: store.FinishLeave})
				if fs := d.pending(); len(fs) == 0 || fs[0].Path != "b" || fs[0].To != "done/b" {
					t.Errorf("left to do: got %+v, want the duplicate's own step", fs)
				}
			}
		})
	}
}

func TestADuplicateTakesThePlaceOfAFileThatIsNotTranscribed(t *testing.T) {
	for name, end := range map[string]func(d *drop, job string) error{
		"failed": func(d *drop, _ string) error {
			_, err := d.Fail(d.t.Context(), d.work(0).Token(), store.JobError{Code: api.JobSourceGone}, time.Time{}, store.Event{})
			return err
		},
		"cancelled": func(d *drop, job string) error { _, err := d.Cancel(d.t.Context(), job, 0); return err },
		"replaced":  func(d *drop, _ string) error { d.claim(0, d.newFile("a", "B")); return nil },
		"dropped":   func(d *drop, _ string) error { return d.DropFile(d.t.Context(), d.folders[0], "a") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrop(t, api.FolderOptions{})
			again := d.newFile("b", "A")
			first := d.claim(0, d.newFile("a", "A"), again)[0]
			d.claim(0, again) // asked twice, as after a crash
			d.want(0, "b", store.FileSkipped)
			if err := end(d, first.JobID); err != nil {
				t.Fatal(err)
			}
			select {
			case <-d.FilesDropped():
			default:
				t.Error("got no word that files are to be claimed anew")
			}
			if _, err := d.File(t.Context(), d.folders[0], "b"); !errors.Is(err, api.NotFound) {
				t.Errorf("duplicate: got %v, want NotFound", err)
			}
			if got := d.claim(0, again)[0]; got.Status != store.FileQueued || got.JobID == first.JobID {
				t.Errorf("claimed anew: got %s of %s, want it queued with a job of its own", got.Status, got.JobID)
			}
		})
	}
}

func TestAFolderWithDuplicatesCanBeDeleted(t *testing.T) {
	d := newDrop(t, api.FolderOptions{Dedupe: api.DedupeGlobal}, api.FolderOptions{Dedupe: api.DedupeGlobal})
	d.claim(0, d.newFile("a", "A"), d.newFile("b", "A"))
	d.claim(1, d.newFile("c", "A"))
	if err := d.DeleteFolder(t.Context(), d.folders[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := d.File(t.Context(), d.folders[1], "c"); !errors.Is(err, api.NotFound) {
		t.Errorf("duplicate in another folder: got %v, want it dropped", err)
	}
	d.folders = d.folders[1:]
}

func TestAFileOfAKnownNameAfterItsMoveIsAnother(t *testing.T) {
	d := newDrop(t, api.FolderOptions{})
	d.claim(0, d.newFile("a", "A"))
	d.complete(0, store.Finish{Action: store.FinishMove, To: "done/a", Outputs: []string{"a.txt"}})
	fin := d.pending()[0]
	if fin.Path != "a" || fin.SHA256 != "A" || fin.Stamp.Inode != 1 {
		t.Fatalf("left to do: got %+v, want what was hashed", fin)
	}
	for range 2 {
		if err := d.FinishDone(t.Context(), fin, store.FinishResult{Gone: true, MovedTo: "done/a (2)"}); err != nil {
			t.Fatal(err)
		}
	}
	f := d.want(0, "a", store.FileDone)
	if !f.Gone || f.MovedTo != "done/a (2)" || !slices.Equal(f.Outputs, []string{"a.txt"}) || len(d.pending()) != 0 {
		t.Errorf("finished file: got %+v and %v left, want it moved", f, d.pending())
	}
	again := d.claim(0, d.newFile("a", "A"))[0]
	if again.Status != store.FileSkipped || again.JobID != f.JobID || len(d.pending()) != 1 {
		t.Errorf("the same content again: got %+v, want a duplicate with its step", again)
	}
	d.claim(0, d.newFile("b", "A"))
	d.want(0, "b", store.FileSkipped)
	other := d.claim(0, d.newFile("a", "B"))[0]
	if other.Status != store.FileQueued || len(d.pending()) != 1 {
		t.Errorf("another content: got %+v and %d left to do, want a job, and the old step dropped", other, len(d.pending()))
	}
}

func TestAReplacedFileGivesUpItsJob(t *testing.T) {
	d := newDrop(t, api.FolderOptions{})
	first := d.claim(0, d.newFile("a", "A"))[0]
	j := d.work(0)
	second := d.claim(0, d.newFile("a", "B"))[0]
	if second.JobID == first.JobID || second.Status != store.FileQueued {
		t.Errorf("replaced file: got %+v, want another job", second)
	}
	if err := d.Extend(t.Context(), j.Token(), time.Hour, api.Progress{}); !errors.Is(err, api.LeaseLost) {
		t.Errorf("old worker: got %v, want LeaseLost", err)
	}
	if _, err := d.Retry(t.Context(), first.JobID); !errors.Is(err, api.Conflict) {
		t.Errorf("retry of the old job: got %v, want Conflict", err)
	}
	d.claim(0, d.newFile("b", "A")) // its content is free again
	d.want(0, "b", store.FileQueued)
	d.want(0, "a", store.FileQueued)
}

func TestAFailedFileCanBeTriedAgain(t *testing.T) {
	d := newDrop(t, api.FolderOptions{})
	ctx := t.Context()
	d.claim(0, d.newFile("a", "A"))
	j := d.work(0)
	_, err := d.Fail(ctx, j.Token(), store.JobError{Code: api.JobDamaged, Message: "it is damaged"}, time.Time{}, store.Event{})
	if err != nil {
		t.Fatal(err)
	}
	f := d.want(0, "a", store.FileFailed)
	if f.Reason != "it is damaged" || len(d.pending()) != 1 {
		t.Errorf("failed file: got %+v, want its reason, and something left to do", f)
	}
	d.claim(0, d.newFile("b", "A")) // no duplicate of a failure
	d.want(0, "b", store.FileQueued)
	got, err := d.RetryFile(ctx, d.folders[0], "a")
	if err != nil || got.ID != j.ID || got.Status != api.Queued || got.Generation != 1 {
		t.Errorf("retry: got %+v, error %v, want the job queued again", got, err)
	}
	d.want(0, "a", store.FileQueued)
	if len(d.pending()) != 0 {
		t.Errorf("left to do after a retry: got %v, want nothing", d.pending())
	}
	if _, err := d.RetryFile(ctx, d.folders[0], "a"); !errors.Is(err, api.Conflict) {
		t.Errorf("retry of a queued file: got %v, want Conflict", err)
	}
	if err := d.DropFile(ctx, d.folders[0], "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.File(ctx, d.folders[0], "a"); !errors.Is(err, api.NotFound) {
		t.Errorf("dropped file: got %v, want NotFound", err)
	}
	if j, err := d.Job(ctx, j.ID); err != nil || j.Status != api.Cancelled {
		t.Errorf("job of a dropped file: got %s, error %v, want it cancelled", j.Status, err)
	}
}

func TestAJobThatTheStoreFailsLeavesTheFileToDecide(t *testing.T) {
	d := newDrop(t, api.FolderOptions{})
	c := d.newFile("a", "A")
	c.Job.MaxAttempts = 1
	d.claim(0, c)
	if _, err := d.DB.Claim(t.Context(), d.folders[0], "w", -time.Second, 1); err != nil {
		t.Fatal(err)
	}
	if js, err := d.DB.Claim(t.Context(), d.folders[0], "w", time.Hour, 1); err != nil || len(js) != 0 {
		t.Fatalf("claim: got %v, error %v, want the job failed", js, err)
	}
	f := d.want(0, "a", store.FileFailed)
	fs := d.pending()
	if len(fs) != 1 || fs[0].Action != store.FinishDecide || fs[0].JobID != f.JobID {
		t.Fatalf("left to do: got %+v, want it to be decided", fs)
	}
	if err := d.FinishDone(t.Context(), fs[0], store.FinishResult{Outputs: []string{"a.error.json"}}); err != nil {
		t.Fatal(err)
	}
	if f := d.file(0, "a"); !slices.Equal(f.Outputs, []string{"a.error.json"}) {
		t.Errorf("outputs: got %v, want the error file", f.Outputs)
	}
}

func TestOutputsAreKnownBeforeTheyAreWritten(t *testing.T) {
	d := newDrop(t, api.FolderOptions{})
	d.claim(0, d.newFile("a", "A"))
	j := d.work(0)
	if err := d.RecordOutputs(t.Context(), j.Token(), []string{"a.txt"}); err != nil {
		t.Fatal(err)
	}
	d.claim(0, d.newFile("a", "B")) // replaced: what we wrote for it is still ours
	if f := d.file(0, "a"); !slices.Equal(f.Outputs, []string{"a.txt"}) {
		t.Errorf("outputs: got %v, want a.txt", f.Outputs)
	}
	if err := d.RecordOutputs(t.Context(), j.Token(), nil); !errors.Is(err, api.LeaseLost) {
		t.Errorf("outputs of a lost job: got %v, want LeaseLost", err)
	}
}

func TestCancellingAJobCancelsItsFile(t *testing.T) {
	d := newDrop(t, api.FolderOptions{})
	f := d.claim(0, d.newFile("a", "A"))[0]
	if _, err := d.Cancel(t.Context(), f.JobID, 0); err != nil {
		t.Fatal(err)
	}
	d.want(0, "a", store.FileCancelled)
	if _, err := d.Retry(t.Context(), f.JobID); err != nil {
		t.Fatal(err)
	}
	d.want(0, "a", store.FileQueued)
	d.complete(0, store.Finish{Action: store.FinishLeave})
	d.want(0, "a", store.FileDone)
	if len(d.pending()) != 0 {
		t.Errorf("left to do: got %v, want nothing for a file that stays", d.pending())
	}
}

func TestIgnoredFilesStayIgnoredUntilTheyChange(t *testing.T) {
	d := newDrop(t, api.FolderOptions{})
	ctx := t.Context()
	c := d.newFile("old", "A")
	bare := c
	bare.SHA256 = ""
	if err := d.IgnoreFiles(ctx, d.folders[0], []store.FileClaim{bare}); err != nil {
		t.Fatal(err)
	}
	d.claim(0, c)
	d.want(0, "old", store.FileIgnored)
	d.claim(0, d.newFile("old", "B"))
	d.want(0, "old", store.FileQueued)
	if err := d.IgnoreFiles(ctx, d.folders[0], []store.FileClaim{c}); err != nil {
		t.Fatal(err)
	}
	d.want(0, "old", store.FileQueued)
}

// One record that cannot be read must not hide all the others of a folder.
func TestLookFiles_oneRecordCannotBeRead(t *testing.T) {
	d := newDrop(t, api.FolderOptions{})
	d.claim(0, d.newFile("a", "A"), d.newFile("b", "B"))
	u, err := store.ParseID(api.FolderPrefix, d.folders[0])
	if err != nil {
		t.Fatal(err)
	}
	whole := d.swapFile(fileKey(u, "a"), []byte{fileVersion})
	got, err := d.LookFiles(t.Context(), d.folders[0], []string{"a", "b", "c"})
	if err != nil || len(got) != 1 || got["b"].SHA256 != "B" {
		t.Errorf("look up: got %v, error %v, want b alone", got, err)
	}
	if _, err := d.File(t.Context(), d.folders[0], "a"); err == nil || errors.Is(err, api.NotFound) {
		t.Errorf("the damaged one: got error %v, want what is wrong with it", err)
	}
	d.swapFile(fileKey(u, "a"), whole)
}

// swapFile puts another record of a file into the database, and returns what
// was there.
func (d *drop) swapFile(key, record []byte) (was []byte) {
	d.t.Helper()
	err := d.bolt.Update(func(b *bolt.Tx) error {
		files := b.Bucket(bucketNames[bFile])
		was = bytes.Clone(files.Get(key))
		return files.Put(key, record)
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return was
}
