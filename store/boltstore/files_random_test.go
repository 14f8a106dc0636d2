package boltstore

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// Whatever happens to files, a content has at most one job that is open or
// done while its dedupe scope holds it, and the indexes agree (openTest checks
// them at the end).
func TestRandomFilesAreTranscribedOnce(t *testing.T) {
	d := newDrop(t)
	rapid.Check(t, func(rt *rapid.T) {
		d.refill(t, api.FolderOptions{}, api.FolderOptions{Dedupe: api.DedupeGlobal})
		for range rapid.IntRange(10, 60).Draw(rt, "steps") {
			folder := rapid.IntRange(0, 1).Draw(rt, "folder")
			path := rapid.SampledFrom([]string{"a", "b", "c/d"}).Draw(rt, "path")
			d.step(folder, path, rapid.SampledFrom([]string{"X", "Y"}).Draw(rt, "content"), rapid.IntRange(0, 10).Draw(rt, "what"))
			d.once(rt)
		}
	})
}

// step does one thing; that it may be refused is part of it.
func (d *drop) step(folder int, path, content string, what int) {
	ctx := d.t.Context()
	switch what {
	case 0, 1, 2:
		d.claim(folder, d.newFile(path, content))
	case 3, 4:
		if js, _ := d.DB.Claim(ctx, d.folders[folder], "w", time.Hour, 1); len(js) == 1 {
			d.CompleteFile(ctx, js[0].Token(), []byte("{}"), store.Event{}, store.Finish{Action: store.FinishMove, To: "done"})
		}
	case 5:
		if js, _ := d.DB.Claim(ctx, d.folders[folder], "w", time.Hour, 1); len(js) == 1 {
			d.Fail(ctx, js[0].Token(), store.JobError{Code: "x"}, time.Time{}, store.Event{})
		}
	case 6:
		for _, f := range d.pending() {
			if err := d.FinishDone(ctx, f, store.FinishResult{Gone: content == "X"}); err != nil {
				d.t.Error(err)
			}
		}
	case 7:
		d.RetryFile(ctx, d.folders[folder], path)
	case 8:
		if f, err := d.File(ctx, d.folders[folder], path); err == nil {
			d.Cancel(ctx, f.JobID, 0)
		}
	case 9:
		d.DropFile(ctx, d.folders[folder], path)
	case 10: // removed, and added again
		f, err := d.Folder(ctx, d.folders[folder])
		if err = errors.Join(err, d.DeleteFolder(ctx, f.ID)); err != nil {
			d.t.Fatal(err)
		}
		if _, err := d.CreateFolder(ctx, store.FolderRecord{ID: f.ID, Dir: f.Dir, Options: f.Options}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// once finds contents that several jobs of the folder that dedupes globally,
// or of one folder, are open for.
func (d *drop) once(rt *rapid.T) {
	for i, folder := range d.folders {
		fs, err := d.Files(d.t.Context(), folder, store.FileQueued, "", 100)
		if err != nil {
			rt.Fatal(err)
		}
		jobs := map[string]string{}
		for _, f := range fs {
			j, err := d.Job(d.t.Context(), f.JobID)
			if err != nil || j.Status.Terminal() {
				rt.Fatalf("queued file %q of folder %d: got job %s, error %v, want an open one", f.Path, i, j.Status, err)
			}
			if j.Generation > 0 {
				continue // somebody asked for it again
			}
			if first := jobs[f.SHA256]; first != "" && first != f.JobID {
				rt.Fatalf("content %s of folder %d: got the open jobs %s and %s, want one", f.SHA256, i, first, f.JobID)
			}
			jobs[f.SHA256] = f.JobID
		}
	}
}
