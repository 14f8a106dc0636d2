package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// turns finds out who speaks when, where the job asks for it. A model that
// cannot be had costs an attempt: the transcript is wanted with speakers or
// not at all, but it is not waited for without end.
func (r *Runner) turns(ctx context.Context, x *run, req engine.Request) ([]engine.Turn, error) {
	if req.Options.Speakers == "" {
		return nil, nil
	}
	count, err := req.Options.SpeakerCount()
	if err != nil {
		return nil, &engine.Error{Code: api.JobUnsupported, Message: "speakers: " + err.Error()}
	}
	if r.pool == nil {
		return nil, &engine.Error{Code: api.JobUnsupported, Message: "this daemon has no worker processes, which tell speakers apart: submit the file without speakers"}
	}
	req.Attempt = 0 // they may have been a remote engine's
	name := r.cfg.SpeakerModel()
	m := engine.Model{Name: name, Family: "pyannote"}
	var turns []engine.Turn
	if m.Files, err = r.files(ctx, x, name); err == nil {
		turns, err = r.pool.Turns(ctx, req, m, count, func(p api.Progress) { r.report(x, p, "") })
	}
	var e *engine.Error
	if errors.As(err, &e) && e.Code == api.JobModelMissing {
		return nil, &engine.Error{Code: e.Code, Retry: true, RetryAfter: transientWait,
			Message: fmt.Sprintf("speakers cannot be told apart: %s; run voxparse models pull %s and retry, or submit the file without speakers", e.Message, name)}
	}
	return turns, err
}
