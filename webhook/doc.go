// Package webhook is what a receiver of voxparse's events imports: Verify and
// Parse, the types of the events, and the names of the headers. It hides the two
// signature schemes that every request bears, its own and Standard Webhooks, and
// how a request that does not verify is diagnosed.
//
//	err := webhook.Verify(body, r.Header, secret, webhook.DefaultTolerance)
//	event, err := webhook.Parse(body)
//
// What Verify returns tells its reasons apart: errors.Is(err, ReasonStale) is an
// old request or a fast clock, ReasonMissingHeader one without a signature,
// ReasonWrongSecret a forgery or another webhook's secret, and
// ReasonReserialized a body that was parsed and written again on the way.
//
// Sign and NewSecret make what a receiver's own tests need. Snippet returns a
// whole receiver in another language.
package webhook
