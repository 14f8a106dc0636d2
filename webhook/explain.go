package webhook

import (
	"fmt"
	"time"

	"github.com/voxparse/voxparse/api"
)

// Reason says why a request does not verify. It is an error, so that
// errors.Is(err, ReasonStale) holds for what Verify returned.
type Reason string

// Error returns the reason as one word.
func (r Reason) Error() string { return string(r) }

// The reasons of a VerifyError.
const (
	ReasonMissingHeader Reason = "missing_header"    // no signature or no timestamp
	ReasonMalformed     Reason = "malformed_header"  // a header that voxparse would not send
	ReasonStale         Reason = "stale_timestamp"   // signed by the secret, but too long ago
	ReasonFuture        Reason = "future_timestamp"  // signed by the secret, but in the future
	ReasonReserialized  Reason = "body_reserialized" // the JSON was parsed and written again before it was verified
	ReasonBodyChanged   Reason = "body_changed"      // empty, cut off, or no JSON any more
	ReasonWrongSecret   Reason = "wrong_secret"      // the body looks untouched: the secret is another one, or the request is forged
)

// VerifyError is why a request does not verify. errors.Is finds its Reason and
// api.BadSignature in it.
type VerifyError struct {
	Reason    Reason
	Header    string        // the header concerned
	Age       time.Duration // of the timestamp; negative in the future; only with ReasonStale and ReasonFuture
	Tolerance time.Duration // what was allowed; only with ReasonStale and ReasonFuture

	detail  string
	certain bool // the signature matches the body as it was before
}

// Unwrap returns the reason and api.BadSignature.
func (e *VerifyError) Unwrap() []error { return []error{e.Reason, api.BadSignature} }

// Error returns what is wrong in one line.
func (e *VerifyError) Error() string {
	var s string
	switch e.Reason {
	case ReasonMissingHeader:
		s = "the header " + e.Header + " is missing"
	case ReasonMalformed:
		s = "the header " + e.Header + " is malformed"
	case ReasonStale:
		s = fmt.Sprintf("the timestamp is %s old, more than %s", round(e.Age), round(e.Tolerance))
	case ReasonFuture:
		s = fmt.Sprintf("the timestamp is %s in the future, more than %s", round(-e.Age), round(e.Tolerance))
	case ReasonReserialized:
		s = "the body was parsed and written again before it was verified"
	case ReasonBodyChanged:
		s = "the body is not what was signed"
	default:
		s = "no signature matches this secret"
	}
	if e.detail != "" {
		s += ": " + e.detail
	}
	return s
}

// Explain returns what is wrong and what to do about it, in a few sentences.
func (e *VerifyError) Explain() string {
	return e.Error() + ". " + e.fix()
}

func (e *VerifyError) fix() string {
	switch e.Reason {
	case ReasonMissingHeader:
		return "The request does not come from voxparse, or a proxy in between drops the header: let it pass every X-VoxParse-* and webhook-* header."
	case ReasonMalformed:
		return "Something between voxparse and the receiver rewrites headers: pass them on as they are."
	case ReasonStale:
		return "The secret and the body are right. Either this is an old request that is played again, or the receiver's clock is fast: synchronize it. To check a stored request, allow a longer tolerance."
	case ReasonFuture:
		return "The secret and the body are right. The receiver's clock is slow, or the sender's is fast: synchronize them."
	case ReasonReserialized:
		if e.certain {
			return "The secret is right: the signature matches the body in its original form. Verify the raw bytes of the request before any JSON parser sees them (express.raw, request.get_data(), io.ReadAll)."
		}
		return "voxparse sends no white space and keeps the order of keys; this body has other spacing, escapes, numbers or order. Verify the raw bytes of the request before any JSON parser sees them (express.raw, request.get_data(), io.ReadAll)."
	case ReasonBodyChanged:
		return "Read the body once, whole and as bytes, verify those bytes, and parse them afterwards."
	}
	return "The body looks as voxparse sent it, so use the secret of exactly this webhook, prefix included, and the newest one if it was rotated (voxparse webhooks show tells its last four characters). If the secret is right, the request is forged: answer 401."
}

// round drops what nobody wants to read of a duration.
func round(d time.Duration) time.Duration {
	if d > time.Minute {
		return d.Round(time.Second)
	}
	return d.Round(10 * time.Millisecond)
}
