package jobs

import (
	"context"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/analysis"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/polish"
	"github.com/voxparse/voxparse/internal/redact"
	"github.com/voxparse/voxparse/internal/vault"
)

// refine is what happens to every transcript between recognition and storage:
// its text is made readable, what must not be kept is masked, and what is left
// is analyzed. Masking comes before all that is stored, sent or shown to a
// model, so the unmasked text is nowhere but in the memory of this run.
// It returns what is to be silenced in a copy of the audio.
func (r *Runner) refine(ctx context.Context, o api.Options, result *api.Result) (quiet []engine.Span, err error) {
	mode := o.Mode
	if mode == "" {
		mode = r.cfg.Defaults.Mode
	}
	polish.Apply(result, mode)
	if o.RedactPII {
		words := result.WordsBySegment()
		masked := redact.Apply(result)
		quiet = silences(result.Segments, words, result.Words, masked)
	}
	if !r.cfg.Analysis.Enabled {
		return quiet, nil
	}
	result.AIAnalysis = analysis.Analyze(ctx, result, analysis.Options{
		Plan: r.cfg.Plan(o), Instructions: o.Instructions, Endpoint: r.analyst(),
	})
	return quiet, ctx.Err()
}

// analyst is the endpoint of the settings, nil for the built-in tier. A key
// that cannot be had does not keep the job waiting: the endpoint will refuse,
// and the built-in tier answers with a note.
func (r *Runner) analyst() *analysis.Endpoint {
	a := r.cfg.Analysis
	if a.Endpoint == "" {
		return nil
	}
	e := &analysis.Endpoint{URL: a.Endpoint, Model: a.Model, Timeout: a.Timeout}
	if a.Key != "" {
		key, err := vault.Resolve(a.Key)
		if err != nil {
			r.log.Warn("the key of the analysis endpoint cannot be had", "error", err)
		}
		e.Key = key
	}
	return e
}
