package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/redact"
)

// silence makes a copy of the job's audio with silence in the place of quiet,
// of the track that was transcribed, and makes it durable.
func (r *Runner) silence(ctx context.Context, x *run, track int, quiet []engine.Span) error {
	if r.pool == nil {
		return &engine.Error{Code: api.JobUnsupported, Message: "this daemon has no worker processes, which silence audio: submit the file without redact_audio"}
	}
	path, release, err := r.source(x.job).Open(ctx, x.job)
	if err != nil {
		return err
	}
	defer release()
	target := r.cfg.Copies.Path(x.job.ID)
	if err := fsx.PrivateDir(filepath.Dir(target)); err != nil {
		return fmt.Errorf("make the folder of silenced audio: %w", err)
	}
	part := fmt.Sprintf("%s.%d.part", target, x.job.Revision)
	req := engine.Request{JobID: x.job.ID, Path: path, Name: x.job.Source.Name, Options: x.job.Options, Track: track} // attempts may have been a remote engine's
	err = r.pool.Silence(ctx, req, engine.Silence{Out: part, Spans: quiet}, func(p api.Progress) { r.report(x, p, "") })
	if err == nil {
		err = r.cfg.Copies.keep(part, x.job.ID)
	}
	if err == nil {
		return nil
	}
	if gone := os.Remove(part); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		r.log.Warn("remove silenced audio that is not whole", "job", x.job.ID, "error", gone)
	}
	var e *engine.Error
	if errors.As(err, &e) && e.Transient { // a full disk, say: all of the work will be done again
		e.RetryAfter = max(e.RetryAfter, fullDiskWait)
	}
	return err
}

// fullDiskWait is before the work is done again whose copy could not be written.
const fullDiskWait = 5 * time.Minute

// silenceEdge is silenced around what was masked, in seconds: the times of
// words and segments are not exact.
const silenceEdge = 0.4

// silences returns what is to be silenced where masked was found in segments.
// Where the engine timed the words, which are those of api.WordsBySegment
// before the masking, it is their time and the pause up to the words beside
// them, as nothing says where in it the number ends; timed are the words as
// they are after the masking. Elsewhere it is the whole segment: where in it a
// number is said is a guess, and none of it may be left. Where the engine gave
// no times at all, it is everything.
func silences(segments []api.Segment, words [][]int, timed []api.Word, masked []redact.Span) []engine.Span {
	if len(masked) == 0 {
		return nil
	}
	if !haveLength(segments) {
		return []engine.Span{{End: math.MaxInt32}}
	}
	var out []engine.Span
	for _, m := range masked {
		for i, s := range segments {
			if !(s.Start < m.End && m.Start < s.End) {
				continue
			}
			from, to := s.Start, s.End
			if words != nil && words[i] != nil {
				from, to = between(timed, m, from, to)
			}
			m.Start, m.End = min(m.Start, from), max(m.End, to)
		}
		out = append(out, engine.Span{Start: max(0, m.Start-silenceEdge), End: m.End + silenceEdge})
	}
	return out
}

// between narrows from and to, around m, to the words beside m.
func between(timed []api.Word, m redact.Span, from, to float64) (float64, float64) {
	for _, w := range timed {
		if w.End <= m.Start {
			from = max(from, w.End)
		}
		if w.Start >= m.End {
			to = min(to, w.Start)
		}
	}
	return from, to
}

// haveLength reports whether every segment has a length.
func haveLength(segments []api.Segment) bool {
	for _, s := range segments {
		if !(s.End > s.Start) {
			return false
		}
	}
	return len(segments) > 0
}
