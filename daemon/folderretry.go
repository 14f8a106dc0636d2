package daemon

import (
	"context"
	"time"

	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/watch"
)

// retryLoop looks now and then, until ctx ends, whether the error file of a
// source in failed/ was deleted. Nothing else tells of it: that folder is not
// watched.
func (fs *folders) retryLoop(ctx context.Context) {
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
		recs, err := f.d.db.Files(ctx, f.id, store.FileFailed, after, finishChunk)
		if err != nil {
			if ctx.Err() == nil && !isGone(err) {
				f.d.log.Error("look for files to be tried again", "folder", f.id, "error", err)
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
					f.d.log.Warn("a file that is to be tried again stays in failed/", "folder", f.id, "job", rec.JobID, "error", err)
				case back:
					f.d.log.Info("error file deleted: trying again", "folder", f.id, "job", rec.JobID)
				}
			}
		}
		if len(recs) < finishChunk {
			return
		}
		after = recs[len(recs)-1].Path
	}
}
