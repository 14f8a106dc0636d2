package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/engine"
	"github.com/voxparse/voxparse/models"
)

// speakerModel is the model that tells speakers apart.
func (d *Daemon) speakerModel() string {
	if d.cfg.SpeakerModel != "" {
		return d.cfg.SpeakerModel
	}
	return models.Speakers
}

// checkSpeakers refuses at submit what can never be told apart.
func (d *Daemon) checkSpeakers(o api.Options) error {
	if o.Speakers == "" {
		return nil
	}
	if _, err := api.ParseSpeakers(o.Speakers); err != nil {
		return err
	}
	if o.Channels == "split" {
		return api.Errorf(api.Invalid, "speakers: with channels=split each channel is a speaker; leave one of the two out")
	}
	entry, err := d.models.Lookup(d.speakerModel())
	switch {
	case errors.Is(err, api.NotFound):
		return api.Errorf(api.Invalid, "speakers: the setting speaker_model is wrong: %v", err)
	case err != nil:
		return err
	case entry.Kind != models.KindSpeakers:
		return api.Errorf(api.Invalid, "speakers: the setting speaker_model is wrong: %s tells no speakers apart", entry.Name)
	}
	return nil
}

// turns finds out who speaks when, where the job asks for it. A model that
// cannot be had costs an attempt: the transcript is wanted with speakers or
// not at all, but it is not waited for without end.
func (w *work) turns(ctx context.Context, r *run, req engine.Request) ([]engine.Turn, error) {
	if req.Options.Speakers == "" {
		return nil, nil
	}
	count, err := api.ParseSpeakers(req.Options.Speakers)
	if err != nil {
		return nil, &engine.Error{Code: api.JobUnsupported, Message: err.Error()}
	}
	if w.pool == nil {
		return nil, &engine.Error{Code: api.JobUnsupported, Message: "this daemon has no worker processes, which tell speakers apart: submit the file without speakers"}
	}
	req.Attempt = 0 // they may have been a remote engine's
	name := w.d.speakerModel()
	m := engine.Model{Name: name, Family: "pyannote"}
	var turns []engine.Turn
	if m.Files, err = w.files(ctx, r, name); err == nil {
		turns, err = w.pool.Turns(ctx, req, m, count, func(p api.Progress) { w.tell(r, p, "") })
	}
	var e *engine.Error
	if errors.As(err, &e) && e.Code == api.JobModelMissing {
		return nil, &engine.Error{Code: e.Code, Retry: true, RetryAfter: transientGap,
			Message: fmt.Sprintf("speakers cannot be told apart: %s; run voxparse models pull %s and retry, or submit the file without speakers", e.Message, name)}
	}
	return turns, err
}
