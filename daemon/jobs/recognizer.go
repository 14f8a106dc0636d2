package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/models"
)

// recognizer returns what transcribes a job and the model for it. A model that
// is not here is fetched first, while the job waits in its slot.
func (r *Runner) recognizer(ctx context.Context, x *run) (engine.Transcriber, engine.Model, error) {
	name := r.cfg.Model(x.job.Options)
	if e, ok := r.cfg.Engines[name]; ok {
		return r.configured(ctx, x, name, e)
	}
	entry, err := r.cfg.Models.Lookup(name)
	if errors.Is(err, api.NotFound) {
		return nil, engine.Model{}, &engine.Error{Code: api.JobModelMissing, Message: err.Error()}
	}
	if err != nil {
		return nil, engine.Model{}, err
	}
	m := engine.Model{Name: entry.Name, Family: entry.Family, Params: maps.Clone(entry.Params)}
	if len(entry.Languages) == 1 {
		m.Language = entry.Languages[0]
	}
	if r.pool == nil { // what was given needs no files
		return r.local, m, nil
	}
	m.Files, err = r.files(ctx, x, entry.Name)
	return r.local, m, err
}

// configured returns the recognizer of an [engines.NAME] table.
func (r *Runner) configured(ctx context.Context, x *run, name string, e config.Engine) (engine.Transcriber, engine.Model, error) {
	if e.Type != "sherpa" {
		remote, err := r.remotes.get(name, e)
		return remote, engine.Model{Name: name}, err
	}
	files := maps.Clone(e.Files)
	if files[models.RoleVAD] == "" {
		shared, err := r.files(ctx, x, models.Default)
		if err != nil {
			return nil, engine.Model{}, err
		}
		files[models.RoleVAD] = shared[models.RoleVAD]
	}
	return r.local, engine.Model{Name: name, Family: e.Family, Language: e.Language, Files: files, Params: e.Params}, nil
}

// files returns a model's files, fetching them first where they are missing.
func (r *Runner) files(ctx context.Context, x *run, name string) (map[string]string, error) {
	files, err := r.cfg.Models.Files(name)
	if !errors.Is(err, api.Unavailable) {
		return files, err
	}
	err = r.fetches.wait(ctx, name, func(p models.Progress) {
		waiting, percent := "model "+name+" is missing: fetching", 0.0
		if p.Total > 0 {
			percent = 100 * float64(p.Done) / float64(p.Total)
			waiting = fmt.Sprintf("%s (%.0f%%)", waiting, percent)
		}
		r.report(x, api.Progress{Stage: "model", Percent: percent}, waiting)
	})
	if err != nil {
		return nil, &engine.Error{Code: api.JobModelMissing, Transient: true, Message: fmt.Sprintf("the model %s cannot be fetched: %v", name, err)}
	}
	return r.cfg.Models.Files(name)
}
