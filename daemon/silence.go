package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/engine"
	"github.com/voxparse/voxparse/redact"
	"github.com/voxparse/voxparse/store"
)

// The silenced copy of a job's audio is one file, named after the job. It is
// there before the job is completed and goes with the job: a file whose job is
// gone, or did not complete, is of no use and is swept away.
const (
	copiesDir = "silenced"
	copyExt   = ".wav"
)

func (d *Daemon) copyPath(jobID string) string {
	return filepath.Join(d.cfg.DataDir, copiesDir, jobID+copyExt)
}

// silence makes a copy of the job's audio with silence in the place of quiet,
// and makes it durable.
func (w *work) silence(ctx context.Context, r *run, quiet []engine.Span) error {
	if w.pool == nil {
		return &engine.Error{Code: api.JobUnsupported, Message: "this daemon has no worker processes, which silence audio: submit the file without redact_audio"}
	}
	path, release, err := w.audio(r.job)
	if err != nil {
		return err
	}
	defer release()
	target := w.d.copyPath(r.job.ID)
	if err := privateDir(filepath.Dir(target), true); err != nil {
		return fmt.Errorf("make the folder of silenced audio: %w", err)
	}
	part := fmt.Sprintf("%s.%d.part", target, r.job.Revision)
	req := engine.Request{JobID: r.job.ID, Path: path, Name: r.job.Source.Name, Options: r.job.Options} // attempts may have been a remote engine's
	err = w.pool.Silence(ctx, req, engine.Silence{Out: part, Spans: quiet}, func(p api.Progress) { w.tell(r, p, "") })
	if err == nil {
		err = keep(part, target)
	}
	if err == nil {
		return nil
	}
	if gone := os.Remove(part); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		w.d.log.Warn("remove silenced audio that is not whole", "job", r.job.ID, "error", gone)
	}
	var e *engine.Error
	if errors.As(err, &e) && e.Transient { // a full disk, say: all of the work will be done again
		e.RetryAfter = max(e.RetryAfter, outputReturn)
	}
	return err
}

// keep makes the file part durable under the name target.
func keep(part, target string) error {
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("keep silenced audio: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keep silenced audio: %w", err)
	}
	if err := os.Rename(part, target); err != nil {
		return fmt.Errorf("keep silenced audio: %w", err)
	}
	if err := store.SyncFolder(filepath.Dir(target)); err != nil {
		return fmt.Errorf("keep silenced audio: %w", err)
	}
	return nil
}

// silenceEdge is silenced around what was masked, in seconds: the times of
// words and segments are not exact.
const silenceEdge = 0.4

// silences returns what is to be silenced where masked was found in segments.
// Where the engine timed the words, which are those of api.WordsBySegment
// before the masking, it is their time. Elsewhere it is the whole segment:
// where in it a number is said is a guess, and none of it may be left. Where
// the engine gave no times at all, it is everything.
func silences(segments []api.Segment, words [][]int, masked []redact.Span) []engine.Span {
	if len(masked) == 0 {
		return nil
	}
	if !timed(segments) {
		return []engine.Span{{End: math.MaxInt32}}
	}
	var out []engine.Span
	for _, m := range masked {
		for i, s := range segments {
			guessed := words == nil || words[i] == nil
			if guessed && s.Start < m.End && m.Start < s.End {
				m.Start, m.End = min(m.Start, s.Start), max(m.End, s.End)
			}
		}
		out = append(out, engine.Span{Start: max(0, m.Start-silenceEdge), End: m.End + silenceEdge})
	}
	return out
}

// timed reports whether every segment has a length.
func timed(segments []api.Segment) bool {
	for _, s := range segments {
		if !(s.End > s.Start) {
			return false
		}
	}
	return len(segments) > 0
}

// showAudio serves GET /v1/jobs/{id}/audio: the silenced copy.
func (d *Daemon) showAudio(w http.ResponseWriter, r *http.Request) error {
	job, err := d.db.Job(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	switch {
	case !job.Options.RedactAudio:
		return api.Errorf(api.NotFound, "%s has no silenced audio: it was submitted without redact_audio", job.ID)
	case job.State != api.Completed:
		return api.Errorf(api.NotFound, "%s has no silenced audio yet: it is %s", job.ID, job.State)
	}
	f, err := os.Open(d.copyPath(job.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return api.Errorf(api.NotFound, "the silenced audio of %s is gone from the data folder", job.ID)
	}
	if err != nil {
		return fmt.Errorf("open silenced audio: %w", err)
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", "audio/wav")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": copyName(job)}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	http.ServeContent(&pacedAnswer{w, http.NewResponseController(w)}, r, "", job.FinishedAt, f)
	return nil
}

// copyName is what the copy is called where it is saved.
func copyName(job store.Job) string {
	name := cleanName(job.Source.Name)
	return strings.TrimSuffix(name, filepath.Ext(name)) + ".redacted" + copyExt
}

// pacedAnswer gives the client of a long answer a deadline for each stretch.
type pacedAnswer struct {
	http.ResponseWriter
	rc *http.ResponseController
}

// Write writes to the client.
func (p *pacedAnswer) Write(b []byte) (int, error) {
	if err := p.rc.SetWriteDeadline(time.Now().Add(writePause)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.ResponseWriter.Write(b)
}

// dropCopy removes the silenced copy of a job that is gone. What cannot be
// removed now is swept away later.
func (d *Daemon) dropCopy(jobID string) {
	if err := os.Remove(d.copyPath(jobID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.log.Warn("remove silenced audio", "job", jobID, "error", err)
	}
}

// sweepCopies removes the copies that no job needs, and returns how many.
func (d *Daemon) sweepCopies(ctx context.Context) (n int) {
	dir := filepath.Join(d.cfg.DataDir, copiesDir)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.log.Error("look for silenced audio without a job", "error", err)
	}
	for _, e := range entries {
		id, part, _ := strings.Cut(e.Name(), copyExt)
		job, err := d.db.Job(ctx, id)
		switch {
		case err != nil && !isGone(err) && !errors.Is(err, api.Invalid):
			return n // the store is closing
		case err == nil && (!job.State.Terminal() || job.State == api.Completed && part == ""):
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			d.log.Warn("remove silenced audio", "file", e.Name(), "error", err)
			continue
		}
		n++
	}
	return n
}
