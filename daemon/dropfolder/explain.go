package dropfolder

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

// Explain says in one line what is thought of the file at an absolute path, which
// may lead there through a link or a mount.
func (fs *Folders) Explain(ctx context.Context, path string) (api.FolderFile, error) {
	if !filepath.IsAbs(path) {
		return api.FolderFile{}, api.Errorf(api.Invalid, "path: %q is not an absolute path", path)
	}
	path = filepath.Clean(path)
	for _, f := range fs.list() {
		if path != f.dir() && within(path, f.dir()) {
			return f.explain(ctx, path)
		}
	}
	if at, err := fsx.Locate(filepath.Dir(path)); err == nil {
		for _, f := range fs.list() {
			folder, err := fsx.Locate(f.dir())
			if err != nil {
				continue // the file cannot be found in it either
			}
			if rel, ok := at.Below(folder); ok {
				return f.explain(ctx, filepath.Join(f.dir(), rel, filepath.Base(path)))
			}
		}
	}
	return api.FolderFile{}, api.Errorf(api.NotFound, "%s is in no watched folder; watch its folder with: voxparse watch add %s", watch.Printable(path), watch.Printable(filepath.Dir(path)))
}

// explain says in one line what we think of a file. What the watcher has given
// away is explained by its record.
func (f *folder) explain(ctx context.Context, path string) (api.FolderFile, error) {
	v, err := f.watcher.Explain(ctx, path)
	if err != nil {
		return v, err
	}
	rel, err := filepath.Rel(f.dir(), path)
	if err != nil {
		return v, err
	}
	rec, err := f.fs.cfg.Store.File(ctx, f.id, filepath.ToSlash(rel))
	if isGone(err) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	if v.Status != "done" && v.Status != "missing" {
		return v, nil
	}
	v.Status, v.JobID, v.Reason = string(rec.Status), rec.JobID, rec.Reason
	switch {
	case rec.Status == store.FileQueued:
		v.Reason = f.explainJob(ctx, rec.JobID)
	case rec.Status == store.FileIgnored:
		v.Reason += "; to have it transcribed: voxparse watch rescan " + f.id + " --existing"
	case rec.MovedTo != "":
		v.Reason = "transcribed, and moved to " + watch.Printable(rec.MovedTo)
	case rec.Gone:
		v.Reason = "transcribed, and deleted as the folder's options say"
	case rec.Status == store.FileDone:
		v.Reason = fmt.Sprintf("transcribed at %s", rec.ChangedAt.Local().Format("2006-01-02 15:04:05"))
	}
	v.Reason = v.Status + ": " + v.Reason
	return v, nil
}

func (f *folder) explainJob(ctx context.Context, id string) string {
	job, err := f.fs.cfg.Store.Job(ctx, id)
	if err != nil {
		return "its job is " + id
	}
	switch v := f.fs.cfg.View(job); {
	case v.Waiting != "":
		return "accepted, but waiting: " + v.Waiting
	case v.Status == api.Processing:
		return "being transcribed"
	}
	if b := f.blocked.Load(); b != nil {
		return "accepted, but waiting: its transcript could not be written: " + b.err.Error()
	}
	return "accepted, waiting for its turn"
}
