// Package webhook is everything that voxparse promises about webhooks: the
// bytes of an event, their signature, and one POST of them. It hides the rules
// under which a body survives JSON.parse and JSON.stringify, the two signature
// schemes that every request bears, and the guard that keeps a webhook from
// reaching into a private network.
//
// Receivers written in Go import it for Verify and Parse, which are public API:
//
//	err := webhook.Verify(body, r.Header, secret, webhook.DefaultTolerance)
//	event, err := webhook.Parse(body)
//
// What Verify returns tells its reasons apart: errors.Is(err, ReasonStale) is an
// old request or a fast clock, ReasonMissingHeader one without a signature,
// ReasonWrongSecret a forgery or another webhook's secret, and
// ReasonReserialized a body that was parsed and written again on the way.
//
// The daemon uses the rest: Canonical checks metadata at submit, CompletedBody,
// FailedBody and TestBody make the bytes of an event once, Sign makes the
// headers of each attempt, a Sender posts them, and a Schedule says when to try
// again.
package webhook
