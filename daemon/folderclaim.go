package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/watch"
	"github.com/voxparse/voxparse/webhook"
)

func stamp(st watch.Stat) store.FileStamp {
	return store.FileStamp{Device: st.Dev, Inode: st.Inode, Size: st.Size, MTime: st.Modified()}
}

func statOf(s store.FileStamp) watch.Stat {
	return watch.Stat{Dev: s.Device, Inode: s.Inode, Size: s.Size, MTime: s.MTime.UnixNano()}
}

// sameFile reports whether a file still looks as it is recorded. The device is
// left out: a volume that is plugged in anew may get another number.
func sameFile(rec store.FileStamp, st watch.Stat) bool {
	return rec.Inode == st.Inode && rec.Size == st.Size && rec.MTime.UnixNano() == st.MTime
}

// known tells the watcher what is recorded of a file. When the store cannot be
// read the file counts as unknown: claiming it again changes nothing.
func (f *folder) known(p string, st watch.Stat) watch.Seen {
	rec, err := f.d.db.File(context.Background(), f.id, p)
	if err != nil || rec.Gone || !sameFile(rec.Stamp, st) {
		return watch.Seen{}
	}
	seen := watch.Seen{Accounted: true}
	if rec.State == store.FileFailed {
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
	if err := f.d.accepting(); err != nil {
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
	recs, err := f.d.db.ClaimFiles(ctx, f.id, claims)
	if err != nil {
		return err
	}
	for i, rec := range recs {
		f.d.log.Info("file accepted", "folder", f.id, "state", rec.State, "job", rec.JobID,
			"bytes", rec.Stamp.Size, "waited", time.Since(files[min(i, len(files)-1)].Settled).Round(time.Millisecond))
	}
	return nil
}

// retry queues the job of a failed file again. A file whose job is purged is
// forgotten, to be claimed as a new one.
func (f *folder) retry(ctx context.Context, c watch.Candidate) (retried bool, err error) {
	job, err := f.d.db.RetryFile(ctx, f.id, c.Path)
	switch {
	case err == nil:
		f.d.log.Info("error file deleted: trying again", "folder", f.id, "job", job.ID)
		return true, nil
	case isGone(err):
		err := f.d.db.ForgetFile(ctx, f.id, c.Path)
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
	opts := api.Options{Language: o.Language, Model: o.Model, RedactPII: o.RedactPII || o.RedactAudio, RedactAudio: o.RedactAudio, Channels: o.Channels, Speakers: o.Speakers}
	action, to := f.rules.Done(c.Path)
	return store.FileClaim{
		Path: c.Path, Stamp: stamp(c.Stat), SHA256: c.SHA256, Options: optionsKey(opts),
		Job: store.Job{
			ID: store.NewID(api.JobPrefix), Options: opts, Webhooks: o.Webhooks, Metadata: f.metadata(c),
			MaxAttempts: f.d.maxAttempts(opts),
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
		raw, err = webhook.Canonical(raw)
	}
	if err != nil {
		f.d.log.Warn("a file's metadata is left out", "folder", f.id, "error", err)
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
