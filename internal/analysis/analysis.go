package analysis

import (
	"context"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/redact"
	"github.com/voxparse/voxparse/internal/spoken"
)

// Options are what an analysis depends on besides the transcript.
type Options struct {
	Plan         api.Plan  // PlanLite: no analysis
	Instructions string    // what the submitter wants to know; only an endpoint can follow them
	Endpoint     *Endpoint // nil: the built-in tier
}

// Analyze returns the analysis of r, nil on plan lite. It never fails: where
// the endpoint does not answer well, the built-in tier does, and Note says
// why. It does not change r, and blocks at most as long as the endpoint's time
// limits and ctx allow.
func Analyze(ctx context.Context, r *api.Result, opts Options) *api.Analysis {
	if opts.Plan == api.PlanLite {
		return nil
	}
	a := Builtin(r)
	if opts.Endpoint == nil || opts.Endpoint.URL == "" {
		if strings.TrimSpace(opts.Instructions) != "" {
			addNote(a, "instructions need a model: set [analysis] endpoint; the built-in analysis does not read them")
		}
		return a
	}
	if len(r.Segments) == 0 {
		return a
	}
	instructions := opts.Instructions
	if r.Redactions != nil {
		instructions, _ = redact.Text(instructions)
	}
	asked, err := opts.Endpoint.ask(ctx, r, instructions)
	if err != nil {
		addNote(a, "the analysis endpoint "+reason(err)+"; this is the built-in analysis")
		return a
	}
	// What can be counted is counted, not asked for.
	asked.Financial, asked.Compliance = a.Financial, a.Compliance
	asked.TalkRatio, asked.Interruptions, asked.TalkOverlap = a.TalkRatio, a.Interruptions, a.TalkOverlap
	if r.Redactions != nil {
		redact.Analysis(asked)
	}
	return asked
}

// addNote adds a sentence to the note of a.
func addNote(a *api.Analysis, s string) {
	if a.Note != "" {
		a.Note += "; "
	}
	a.Note += s
}

// Builtin returns the analysis of r by rules alone: no network, and the same
// answer for the same transcript. Rules of words know English; for another
// language it gives what does not depend on it, and says so.
func Builtin(r *api.Result) *api.Analysis {
	a := &api.Analysis{
		Method:  api.MethodBuiltin,
		Summary: []api.Quote{}, Topics: []api.Topic{}, ActionItems: []api.ActionItem{}, Questions: []api.Quote{},
		Financial: []api.Amount{}, Compliance: concerns(r),
	}
	share(a, r)
	t := newTalk(r)
	a.Summary = t.summary()
	if !spoken.English(r.Language) {
		addNote(a, "the built-in analysis knows English only: no sentiment, topics, action items, questions or amounts")
		return a
	}
	a.Sentiment = t.sentiment()
	a.Topics = t.topics()
	a.ActionItems = t.actionItems()
	a.Questions = t.questions()
	a.Financial = t.financial()
	return a
}

// Limits of an analysis, so that it fits into a webhook.
const (
	maxSummary    = 7
	maxTopics     = 10
	maxItems      = 25 // of action items, and of questions
	maxAmounts    = 50
	maxConcerns   = 50
	maxQuote      = 300 // characters of one quotation
	maxInterrupts = 50
)
