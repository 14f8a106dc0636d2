package dropfolder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/eventbody"
	"github.com/voxparse/voxparse/internal/watch"
	"github.com/voxparse/voxparse/store"
)

func stamp(st watch.Stat) store.FileStamp {
	return store.FileStamp{Device: st.Dev, Inode: st.Inode, Size: st.Size, MTime: st.Modified()}
}

func statOf(s store.FileStamp) watch.Stat {
	return watch.Stat{Dev: s.Device, Inode: s.Inode, Size: s.Size}.At(s.MTime)
}

// sameFile reports whether a file still looks as it is recorded. The device is
// left out: a volume that is plugged in anew may get another number.
func sameFile(rec store.FileStamp, st watch.Stat) bool {
	return rec.Inode == st.Inode && rec.Size == st.Size && rec.MTime.Equal(st.Modified())
}

// known tells the watcher what is recorded of files. While the store cannot be
// read they count as unknown: claiming them again changes nothing, and says why
// that cannot be done either.
func (f *folder) known(ctx context.Context, files []watch.Found) []watch.Seen {
	paths := make([]string, len(files))
	for i, found := range files {
		paths[i] = found.Path
	}
	all := make([]watch.Seen, len(files))
	recs, err := f.fs.cfg.Store.LookFiles(ctx, f.id, paths)
	if err != nil {
		return all
	}
	for i, found := range files {
		if rec, ok := recs[found.Path]; ok {
			all[i] = seenAs(rec, found.Stat)
		}
	}
	return all
}

// seenAs is what the record of a file says while the file looks like st.
func seenAs(rec store.FileRecord, st watch.Stat) watch.Seen {
	if rec.Gone || !sameFile(rec.Stamp, st) {
		return watch.Seen{}
	}
	seen := watch.Seen{Accounted: true}
	if rec.Status == store.FileFailed {
		for _, o := range outputsOf(rec) {
			if watch.IsErrorFile(o.Path) {
				seen.ErrorFile = o.Path
			}
		}
	}
	return seen
}

// take records complete files and makes their jobs.
func (f *folder) take(ctx context.Context, files []watch.Candidate) error {
	if err := f.fs.cfg.Accepting(); err != nil {
		return err
	}
	claims := make([]store.FileClaim, 0, len(files))
	for _, c := range files {
		if c.Retry {
			retried, err := f.retry(ctx, c)
			if err != nil {
				return err
			}
			if retried {
				continue
			}
		}
		claims = append(claims, f.claim(c))
	}
	recs, err := f.fs.cfg.Store.ClaimFiles(ctx, f.id, claims)
	if err != nil {
		return err
	}
	f.fs.cfg.Recheck(ctx) // one may have been replaced while its job runs
	for i, rec := range recs {
		f.fs.cfg.Logger.Info("file accepted", "folder", f.id, "state", rec.Status, "job", rec.JobID,
			"bytes", rec.Stamp.Size, "waited", time.Since(files[min(i, len(files)-1)].Complete).Round(time.Millisecond))
	}
	return nil
}

// retry queues the job of a failed file again. A file whose job is purged is
// forgotten, to be claimed as a new one.
func (f *folder) retry(ctx context.Context, c watch.Candidate) (retried bool, err error) {
	job, err := f.fs.cfg.Store.RetryFile(ctx, f.id, c.Path)
	switch {
	case err == nil:
		f.fs.cfg.Logger.Info("error file deleted: trying again", "folder", f.id, "job", job.ID)
		return true, nil
	case isGone(err):
		err := f.fs.cfg.Store.DropFile(ctx, f.id, c.Path)
		f.fs.cfg.Recheck(ctx)
		if isGone(err) {
			return false, nil
		}
		return false, err
	case errors.Is(err, api.Conflict): // it is on its way already
		return true, nil
	}
	return false, err
}

// claim asks for one file to be transcribed by the folder's options.
func (f *folder) claim(c watch.Candidate) store.FileClaim {
	o := f.record().Options
	opts := o.Complete()
	action, to := f.rules.Done(c.Path)
	return store.FileClaim{
		Path: c.Path, Stamp: stamp(c.Stat), SHA256: c.SHA256, Options: optionsKey(opts),
		Job: store.Job{
			ID: store.NewID(api.JobPrefix), Options: opts, Webhooks: o.Webhooks, Metadata: f.metadata(c),
			MaxAttempts: f.fs.cfg.Catalog.MaxAttempts(opts),
			Source:      api.Source{Name: path.Base(c.Path), Size: c.Stat.Size, SHA256: c.SHA256},
		},
		Skip: store.Finish{Action: action, To: to},
	}
}

// metadata expands the folder's templates for a file. Where a name makes them
// too long, the file is transcribed without: a name must not stop it.
func (f *folder) metadata(c watch.Candidate) []byte {
	fields := f.rules.Expand(c.Path, c.Stat)
	if fields == nil {
		return nil
	}
	raw, err := json.Marshal(fields)
	if err == nil {
		raw, err = eventbody.Metadata(raw)
	}
	if err != nil {
		f.fs.cfg.Logger.Warn("a file's metadata is left out", "folder", f.id, "error", err)
		return nil
	}
	return raw
}

// optionsKey is a hash of all that changes the transcript.
func optionsKey(o api.Options) string {
	raw, err := json.Marshal(o)
	if err != nil {
		panic("options are plain data: " + err.Error())
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// outputsOf reads the outputs of a file's record. What cannot be read is not
// ours, and stays.
func outputsOf(rec store.FileRecord) []watch.Output {
	var out []watch.Output
	for _, s := range rec.Outputs {
		if o, err := watch.ParseOutput(s); err == nil {
			out = append(out, o)
		}
	}
	return out
}

func outputStrings(outs []watch.Output) []string {
	s := make([]string, 0, len(outs))
	for _, o := range outs {
		s = append(s, o.String())
	}
	return s
}
