package daemon

import (
	"context"

	"github.com/voxparse/voxparse/analysis"
	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/engine"
	"github.com/voxparse/voxparse/polish"
	"github.com/voxparse/voxparse/redact"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/vault"
)

// refine is what happens to every transcript between recognition and storage:
// its text is made readable, what must not be kept is masked, and what is left
// is analysed. Masking comes before all that is stored, sent or shown to a
// model, so the unmasked text is nowhere but in the memory of this run.
// It returns what is to be silenced in a copy of the audio.
func (d *Daemon) refine(ctx context.Context, job *store.Job, result *api.Result) (quiet []engine.Span, err error) {
	mode := job.Options.Mode
	if mode == "" {
		mode = d.cfg.Mode
	}
	polish.Apply(result, mode)
	if job.Options.RedactPII {
		words := result.WordsBySegment()
		masked := redact.Apply(result)
		quiet = silences(result.Segments, words, masked)
	}
	if !d.cfg.Analysis.Enabled {
		return quiet, nil
	}
	result.AIAnalysis = analysis.Analyse(ctx, result, analysis.Options{
		Plan: d.planOf(job.Options), Instructions: job.Options.Instructions, Endpoint: d.analyst(),
	})
	return quiet, ctx.Err()
}

// planOf is the plan that a job is done under.
func (d *Daemon) planOf(o api.Options) string {
	if o.Plan != "" {
		return o.Plan
	}
	return d.cfg.Plan
}

// analyst is the endpoint of the settings, nil for the built-in tier. A key
// that cannot be had does not keep the job waiting: the endpoint will refuse,
// and the built-in tier answers with a note.
func (d *Daemon) analyst() *analysis.Endpoint {
	a := d.cfg.Analysis
	if a.Endpoint == "" {
		return nil
	}
	e := &analysis.Endpoint{URL: a.Endpoint, Model: a.Model, Timeout: a.Timeout}
	if a.Key != "" {
		key, err := vault.Resolve(a.Key)
		if err != nil {
			d.log.Warn("the key of the analysis endpoint cannot be had", "error", err)
		}
		e.Key = key
	}
	return e
}
