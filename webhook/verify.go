package webhook

import (
	"bytes"
	"crypto/hmac"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/eventbody"
)

// DefaultTolerance is how far a timestamp may lie from the receiver's clock, in
// either direction, when Verify is given no tolerance.
const DefaultTolerance = 5 * time.Minute

// Verify reports whether body was sent by voxparse with secret and is not older,
// or further in the future, than tolerance; a tolerance of 0 or less means
// DefaultTolerance. body must be the bytes as they arrived, before any parsing.
//
// It accepts the headers of voxparse and those of Standard Webhooks, and, while
// a secret is rotated, the signature of the new one and of the old one. It takes
// the same time wherever a signature differs.
//
// A nil error means that every byte of body can be trusted. Every other error is
// a *VerifyError, for which errors.Is(err, api.BadSignature) holds, and likewise
// its reason, such as ReasonStale or ReasonMissingHeader; its Explain says what
// is wrong and what to do. Events are delivered at least once: keep the
// Event.ID of what you have done, and answer 2xx to a repetition.
func Verify(body []byte, h http.Header, secret string, tolerance time.Duration) error {
	return verifyAt(body, h, secret, tolerance, time.Now())
}

func verifyAt(body []byte, h http.Header, secret string, tolerance time.Duration, now time.Time) error {
	if tolerance <= 0 {
		tolerance = DefaultTolerance
	}
	if strings.TrimPrefix(strings.TrimSpace(secret), api.SecretPrefix) == "" {
		// Anyone can sign with an empty key.
		return &VerifyError{Reason: ReasonWrongSecret, Header: HeaderSignature, detail: "the secret is empty: is its environment variable set?"}
	}
	own := readOwn(h)
	standard := readStandard(h)
	if own.fault == nil && own.match(secret, body) {
		return checkAge(own.at, HeaderTimestamp, tolerance, now)
	}
	if standard.fault == nil && standard.match(secret, body) {
		return checkAge(standard.at, HeaderStandardTimestamp, tolerance, now)
	}
	// Nothing matches: the rest only finds out why.
	switch {
	case own.fault == nil:
		return diagnose(own, body, secret)
	case standard.fault == nil:
		return diagnose(standard, body, secret)
	case standard.fault.Reason == ReasonMalformed && own.fault.Reason != ReasonMalformed:
		return standard.fault
	}
	return own.fault
}

// signed is what one scheme's headers say.
type signed struct {
	header     string   // the one that bears the signature
	signatures []string // any may match
	timestamp  string   // as written: it is part of what is signed
	at         time.Time
	id         string // Standard Webhooks only
	standard   bool
	fault      *VerifyError // why the headers cannot be used
}

func readOwn(h http.Header) signed {
	s := signed{header: HeaderSignature, timestamp: h.Get(HeaderTimestamp)}
	for _, name := range []string{HeaderSignature, HeaderSignaturePrevious, HeaderSignatureNext} {
		if sig := strings.TrimSpace(h.Get(name)); sig != "" {
			s.signatures = append(s.signatures, strings.ToLower(sig))
		}
	}
	switch {
	case len(s.signatures) == 0:
		s.fault = &VerifyError{Reason: ReasonMissingHeader, Header: HeaderSignature}
		return s
	case s.timestamp == "":
		s.fault = &VerifyError{Reason: ReasonMissingHeader, Header: HeaderTimestamp}
		return s
	}
	for _, sig := range s.signatures {
		if len(sig) != 64 || strings.Trim(sig, "0123456789abcdef") != "" {
			s.fault = &VerifyError{Reason: ReasonMalformed, Header: HeaderSignature, detail: "it is not 64 hex characters"}
		}
	}
	at, err := time.Parse(time.RFC3339Nano, s.timestamp)
	if err != nil {
		s.fault = &VerifyError{Reason: ReasonMalformed, Header: HeaderTimestamp, detail: "it is not a time like 2026-05-03T12:00:00Z"}
	}
	s.at = at
	return s
}

func readStandard(h http.Header) signed {
	s := signed{header: HeaderStandardSignature, standard: true, id: h.Get(HeaderStandardID), timestamp: h.Get(HeaderStandardTimestamp)}
	list := h.Get(HeaderStandardSignature)
	for _, missing := range []struct{ value, name string }{{list, HeaderStandardSignature}, {s.id, HeaderStandardID}, {s.timestamp, HeaderStandardTimestamp}} {
		if missing.value == "" {
			s.fault = &VerifyError{Reason: ReasonMissingHeader, Header: missing.name}
			return s
		}
	}
	for sig := range strings.FieldsSeq(list) {
		if strings.HasPrefix(sig, "v1,") {
			s.signatures = append(s.signatures, sig)
		}
	}
	if len(s.signatures) == 0 {
		s.fault = &VerifyError{Reason: ReasonMalformed, Header: HeaderStandardSignature, detail: `no entry begins with "v1,"`}
	}
	unix, err := strconv.ParseInt(s.timestamp, 10, 64)
	if err != nil {
		s.fault = &VerifyError{Reason: ReasonMalformed, Header: HeaderStandardTimestamp, detail: "it is not a number of seconds since 1970"}
	}
	s.at = time.Unix(unix, 0)
	return s
}

// match compares every signature in constant time.
func (s signed) match(secret string, body []byte) bool {
	var want string
	if s.standard {
		sig, err := standardSignature(secret, s.id, s.timestamp, body)
		if err != nil {
			return false
		}
		want = sig
	} else {
		want = signature(secret, s.timestamp, body)
	}
	found := false
	for _, sig := range s.signatures {
		if hmac.Equal([]byte(sig), []byte(want)) {
			found = true
		}
	}
	return found
}

func checkAge(at time.Time, header string, tolerance time.Duration, now time.Time) error {
	switch age := now.Sub(at); {
	case age > tolerance:
		return &VerifyError{Reason: ReasonStale, Header: header, Age: age, Tolerance: tolerance}
	case age < -tolerance:
		return &VerifyError{Reason: ReasonFuture, Header: header, Age: age, Tolerance: tolerance}
	}
	return nil
}

// maxDiagnosed bounds the bodies that diagnose rewrites: no event is larger.
const maxDiagnosed = 1 << 20

// diagnose finds out why a well-formed signature does not match.
func diagnose(s signed, body []byte, secret string) *VerifyError {
	if hint := secretHint(s, body, secret); hint != "" {
		return &VerifyError{Reason: ReasonWrongSecret, Header: s.header, detail: hint}
	}
	if len(body) == 0 {
		return &VerifyError{Reason: ReasonBodyChanged, Header: s.header, detail: "the body is empty: something read it before"}
	}
	if len(body) > maxDiagnosed {
		return &VerifyError{Reason: ReasonBodyChanged, Header: s.header, detail: "the body is larger than any event"}
	}
	form, err := eventbody.Canonical(body)
	switch {
	case err != nil:
		return &VerifyError{Reason: ReasonBodyChanged, Header: s.header, detail: "the body is not JSON, or only a part of it"}
	case bytes.Equal(form, body) && inOrder(body):
		return &VerifyError{Reason: ReasonWrongSecret, Header: s.header}
	case s.match(secret, form):
		return &VerifyError{Reason: ReasonReserialized, Header: s.header, certain: true}
	}
	return &VerifyError{Reason: ReasonReserialized, Header: s.header}
}

// inOrder reports whether body begins as every event does. One whose keys were
// sorted does not.
func inOrder(body []byte) bool {
	return bytes.HasPrefix(body, []byte(`{"api_version":"`)) && bytes.Contains(body[:min(len(body), 100)], []byte(`,"event":"`))
}

// secretHint tries the usual accidents with a secret.
func secretHint(s signed, body []byte, secret string) string {
	bare := strings.Trim(strings.TrimSpace(secret), `"'`)
	switch {
	case bare != secret && s.match(bare, body):
		return "it matches once white space and quotes around the secret are removed"
	case !strings.HasPrefix(bare, api.SecretPrefix) && s.match(api.SecretPrefix+bare, body):
		return "it matches with " + api.SecretPrefix + " in front: the prefix is part of the secret"
	}
	return ""
}
