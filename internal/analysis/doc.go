// Package analysis says what a talk was about: summary, sentiment, topics,
// action items, questions, amounts, compliance, and how the talk was shared.
// It has two tiers. The built-in one is rules and a published lexicon: no
// network, the same answer every time. The other asks any server that speaks
// OpenAI's chat completions, and falls back to the built-in one. The package
// hides the lexicon's library, the prompts and the protocol, and that a
// model's answer cannot be trusted.
//
// The order of work on a finished transcript is:
//
//	polish.Apply(r, mode)            // text for people
//	spans := redact.Apply(r)         // where redact_pii is asked for
//	r.AIAnalysis = analysis.Analyze(ctx, r, opts)
//
// so that nothing masked reaches an analysis, a model or a disk. Compliance
// finds card data by the masks too.
package analysis
