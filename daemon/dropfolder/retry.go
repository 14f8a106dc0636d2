package dropfolder

import (
	"context"
	"time"

	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

// retryLoop looks now and then, until ctx ends, whether the error file of a
// source in failed/ was deleted. Nothing else tells of it: that folder is not
// watched.
func (fs *Folders) retryLoop(ctx context.Context) {
	tick := time.NewTicker(watch.RescanEvery)
	defer tick.Stop()
	for {
		for _, f := range fs.list() {
			f.retryMoved(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// retryMoved moves sources whose error files were deleted from failed/ back to
// where they came from, for the watcher to name them again.
func (f *folder) retryMoved(ctx context.Context) {
	after := ""
	for {
		recs, err := f.fs.cfg.Store.Files(ctx, f.id, store.FileFailed, after, finishChunk)
		if err != nil {
			if ctx.Err() == nil && !isGone(err) {
				f.fs.cfg.Logger.Error("look for files to be tried again", "folder", f.id, "error", err)
			}
			return
		}
		for _, rec := range recs {
			for _, o := range outputsOf(rec) {
				if rec.MovedTo == "" || !watch.IsErrorFile(o.Path) {
					continue
				}
				switch back, err := f.finisher().Restore(rec.MovedTo, rec.Path, o.Path); {
				case err != nil:
					f.fs.cfg.Logger.Warn("a file that is to be tried again stays in failed/", "folder", f.id, "job", rec.JobID, "error", err)
				case back:
					f.fs.cfg.Logger.Info("error file deleted: trying again", "folder", f.id, "job", rec.JobID)
				}
			}
		}
		if len(recs) < finishChunk {
			return
		}
		after = recs[len(recs)-1].Path
	}
}
