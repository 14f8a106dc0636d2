package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/eventbody"
	"github.com/voxparse/voxparse/internal/webhooktest"
)

var sampleMeta = eventbody.Meta{
	ID:        "evt_01kqe5v4n0exampleexample00",
	CreatedAt: time.Date(2026, 5, 3, 14, 0, 0, 999, time.FixedZone("CEST", 7200)),
	JobID:     webhooktest.JobID,
	Source:    api.Source{Name: "call <3>.mp3", Size: 1234567, SHA256: strings.Repeat("0f", 32), Folder: "wat_01kqe5v4n0exampleexample03", Path: "2026/call <3>.mp3"},
	Metadata:  []byte(`{"7":true,"ticket_id":"T-1234","agent":"jane <jane@example.com>"}`),
}

const (
	secretA = "whsec_" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	secretB = "whsec_" + "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
	secretC = "whsec_" + "00000000000000000000000000000000ffffffffffffffffffffffffffffffff"
)

// signedAt returns a body and its headers, signed by secretA and perhaps an old
// secret.
func signedAt(t *testing.T, at time.Time, previous string) ([]byte, http.Header) {
	t.Helper()
	body, err := eventbody.Failed(sampleMeta, api.JobEmpty, "The file is empty; <send> another.")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	s := Signing{Secret: secretA, Previous: previous, Now: at, EventID: sampleMeta.ID, EventType: api.EventFailed, AttemptID: "dlv_01", Attempt: 2}
	if err := Sign(h, body, s); err != nil {
		t.Fatal(err)
	}
	return body, h
}

func TestSign_standardWebhooksVector(t *testing.T) {
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	for _, secret := range []string{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
		got, err := standardSignature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
		if err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestSign_setsEveryHeader(t *testing.T) {
	at := time.Date(2026, 5, 3, 12, 0, 0, 500e6, time.UTC)
	_, h := signedAt(t, at, secretB)
	got, err := json.MarshalIndent(h, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "golden", "headers.json"))
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSuffix(string(want), "\n"); string(got) != want {
		t.Errorf("got headers %s, want %s", got, want)
	}
	if _, again := signedAt(t, at, ""); again.Get(HeaderSignaturePrevious) != "" || strings.Contains(again.Get(HeaderStandardSignature), " ") {
		t.Errorf("got %v without a previous secret, want one signature of each kind", again)
	}
}

func TestSign_refusesASecretThatNoLibraryCouldUse(t *testing.T) {
	for _, s := range []Signing{{Secret: ""}, {Secret: "whsec_"}, {Secret: "whsec_not base64!"}, {Secret: secretA, Previous: "x"}} {
		h := http.Header{}
		if err := Sign(h, []byte("{}"), s); !errors.Is(err, api.Invalid) || len(h) != 0 {
			t.Errorf("Sign with %+v: got %v and %d headers, want invalid and none", s, err, len(h))
		}
	}
}

func TestNewSecret_differs(t *testing.T) {
	a, err1 := NewSecret()
	b, err2 := NewSecret()
	if err := errors.Join(err1, err2); err != nil || a == b || len(a) != 70 || strings.Trim(strings.TrimPrefix(a, "whsec_"), "0123456789abcdef") != "" {
		t.Errorf("got %q and %q, %v, want two of whsec_ and 64 hex characters", a, b, err)
	}
}

func TestVerify_acceptsWhatSignMade(t *testing.T) {
	at := time.Now()
	body, h := signedAt(t, at, secretB)
	only := func(names ...string) http.Header {
		out := http.Header{}
		for _, n := range names {
			out.Set(n, h.Get(n))
		}
		return out
	}
	standard := []string{HeaderStandardID, HeaderStandardTimestamp, HeaderStandardSignature}
	tests := []struct {
		name   string
		h      http.Header
		secret string
	}{
		{"all headers, new secret", h, secretA},
		{"all headers, old secret", h, secretB},
		{"own headers, new secret", only(HeaderSignature, HeaderTimestamp), secretA},
		{"own headers, old secret", only(HeaderSignature, HeaderSignaturePrevious, HeaderTimestamp), secretB},
		{"only the previous signature", only(HeaderSignaturePrevious, HeaderTimestamp), secretB},
		{"standard headers, new secret", only(standard...), secretA},
		{"standard headers, old secret", only(standard...), secretB},
		{"own headers damaged, standard ones whole", only(append(standard, HeaderSignature)...), secretA},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := Verify(body, tt.h, tt.secret, 0); err != nil {
				t.Errorf("Verify: got %v, want nil", err)
			}
			if err := Verify(append(bytes.Clone(body), ' '), tt.h, tt.secret, 0); !errors.Is(err, api.BadSignature) {
				t.Errorf("Verify of a longer body: got %v, want bad_signature", err)
			}
			if err := Verify(body, tt.h, secretC, 0); !errors.Is(err, api.BadSignature) {
				t.Errorf("Verify by another secret: got %v, want bad_signature", err)
			}
		})
	}
}

func TestSign_standardWebhooksLibraryVerifies(t *testing.T) {
	body, h := signedAt(t, time.Now(), secretB)
	for _, secret := range []string{secretA, secretB} {
		lib, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := lib.Verify(body, h); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if err := lib.Verify(append(body, ' '), h); err == nil {
			t.Error("got a longer body verified, want it refused")
		}
	}
}

func TestVerify_saysWhy(t *testing.T) {
	now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	pretty := func(b []byte) []byte {
		var out bytes.Buffer
		if err := json.Indent(&out, b, "", "  "); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	sorted := func(b []byte) []byte {
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	drop := func(names ...string) func(http.Header) {
		return func(h http.Header) {
			for _, n := range names {
				h.Del(n)
			}
		}
	}
	set := func(name, value string) func(http.Header) {
		return func(h http.Header) {
			drop(HeaderStandardSignature)(h)
			h.Set(name, value)
		}
	}
	tests := []struct {
		name    string
		age     time.Duration
		body    func([]byte) []byte
		header  func(http.Header)
		secret  string
		reason  Reason
		explain string
	}{
		{name: "stale", age: 6 * time.Minute, reason: ReasonStale, explain: "the timestamp is 6m0s old, more than 5m0s. The secret and the body are right."},
		{name: "future", age: -6 * time.Minute, reason: ReasonFuture, explain: "clock is slow"},
		{name: "stale by the standard headers", age: time.Hour, header: drop(HeaderSignature), reason: ReasonStale, explain: "allow a longer tolerance"},
		{name: "no signature at all", header: drop(HeaderSignature, HeaderStandardSignature), reason: ReasonMissingHeader, explain: "the header X-VoxParse-Signature is missing"},
		{name: "no timestamp", header: drop(HeaderTimestamp, HeaderStandardTimestamp), reason: ReasonMissingHeader, explain: "X-VoxParse-Timestamp is missing"},
		{name: "signature that is no hex", header: set(HeaderSignature, strings.Repeat("g", 64)), reason: ReasonMalformed, explain: "64 hex characters"},
		{name: "signature cut off", header: set(HeaderSignature, "abc"), reason: ReasonMalformed, explain: "pass them on as they are"},
		{name: "timestamp in another format", header: set(HeaderTimestamp, "yesterday"), reason: ReasonMalformed, explain: "like 2026-05-03T12:00:00Z"},
		{name: "standard timestamp in another format", header: func(h http.Header) { drop(HeaderSignature)(h); h.Set(HeaderStandardTimestamp, "x") }, reason: ReasonMalformed, explain: "seconds since 1970"},
		{name: "standard signature of another version", header: func(h http.Header) { drop(HeaderSignature)(h); h.Set(HeaderStandardSignature, "v2,x") }, reason: ReasonMalformed, explain: "v1,"},
		{name: "pretty-printed", body: pretty, reason: ReasonReserialized, explain: "The secret is right"},
		{name: "pretty-printed, wrong secret", body: pretty, secret: secretC, reason: ReasonReserialized, explain: "other spacing"},
		{name: "keys sorted", body: sorted, reason: ReasonReserialized, explain: "raw bytes"},
		{name: "empty body", body: func([]byte) []byte { return nil }, reason: ReasonBodyChanged, explain: "something read it before"},
		{name: "body cut off", body: func(b []byte) []byte { return b[:len(b)-9] }, reason: ReasonBodyChanged, explain: "only a part"},
		{name: "huge body", body: func([]byte) []byte { return bytes.Repeat([]byte(" "), 2<<20) }, reason: ReasonBodyChanged, explain: "larger than any event"},
		{name: "one value changed", body: func(b []byte) []byte { return bytes.Replace(b, []byte("T-1234"), []byte("T-1235"), 1) }, reason: ReasonWrongSecret, explain: "forged"},
		{name: "wrong secret", secret: secretC, reason: ReasonWrongSecret, explain: "exactly this webhook"},
		{name: "secret with a line end", secret: secretA + "\n", reason: ReasonWrongSecret, explain: "once white space and quotes around the secret are removed"},
		{name: "secret in quotes", secret: `"` + secretA + `"`, reason: ReasonWrongSecret, explain: "quotes around"},
		{name: "secret without prefix", secret: secretA[6:], header: drop(HeaderStandardSignature), reason: ReasonWrongSecret, explain: "the prefix is part of the secret"},
		{name: "empty secret", secret: " ", reason: ReasonWrongSecret, explain: "environment variable"},
		{name: "secret that is only a prefix", secret: "whsec_", reason: ReasonWrongSecret, explain: "the secret is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, h := signedAt(t, now.Add(-tt.age), "")
			if tt.body != nil {
				body = tt.body(body)
			}
			if tt.header != nil {
				tt.header(h)
			}
			secret := secretA
			if tt.secret != "" {
				secret = tt.secret
			}
			err := verifyAt(body, h, secret, 0, now)
			var got *VerifyError
			if !errors.As(err, &got) || !errors.Is(err, api.BadSignature) || !errors.Is(err, tt.reason) {
				t.Fatalf("got %v, want a *VerifyError of code bad_signature and of %s", err, tt.reason)
			}
			if got.Reason != tt.reason || !strings.Contains(got.Explain(), tt.explain) {
				t.Errorf("got %s: %q, want %s and %q in it", got.Reason, got.Explain(), tt.reason, tt.explain)
			}
			if strings.Contains(got.Explain(), secretA[6:20]) {
				t.Errorf("got the secret in %q", got.Explain())
			}
		})
	}
}

func TestVerify_toleranceIsInclusive(t *testing.T) {
	now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	for _, age := range []time.Duration{time.Hour, -time.Hour} {
		body, h := signedAt(t, now.Add(-age), "")
		if err := verifyAt(body, h, secretA, time.Hour, now); err != nil {
			t.Errorf("age %v within 1h: got %v, want nil", age, err)
		}
	}
}

func TestParse_givesTypedEvents(t *testing.T) {
	r := webhooktest.Result()
	completed, err1 := eventbody.Completed(sampleMeta, r, "")
	failed, err2 := eventbody.Failed(sampleMeta, api.JobDamaged, "why")
	ping, err3 := eventbody.Test(sampleMeta, "whk_1")
	long, err4 := eventbody.Completed(sampleMeta, webhooktest.Call(300), "http://127.0.0.1/r")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	parse := func(body []byte) Event {
		t.Helper()
		e, err := Parse(body)
		if err != nil || e.ID != sampleMeta.ID || !e.CreatedAt.Equal(sampleMeta.CreatedAt.Truncate(time.Second)) || e.APIVersion != api.APIVersion {
			t.Fatalf("Parse: got %+v, %v", e, err)
		}
		return e
	}
	if d, ok := parse(completed).Data.(*Completed); !ok || d.Result.Text != r.Text || d.Result.Truncated || len(d.Result.Segments) != 2 || string(d.Metadata) != string(sampleMeta.Metadata) {
		t.Errorf("completed: got %+v", d)
	}
	if d, ok := parse(long).Data.(*Completed); !ok || !d.Result.Truncated || d.Result.ResultURL != "http://127.0.0.1/r" {
		t.Errorf("truncated: got %+v", d)
	}
	if d, ok := parse(failed).Data.(*Failed); !ok || d.ErrorCode != api.JobDamaged || d.Error != "why" || d.JobID != sampleMeta.JobID {
		t.Errorf("failed: got %+v", d)
	}
	if d, ok := parse(ping).Data.(*Test); !ok || d.WebhookID != "whk_1" || d.Message != eventbody.TestMessage {
		t.Errorf("test: got %+v", d)
	}
	later := bytes.Replace(ping, []byte("webhook.test"), []byte("webhook.later"), 1)
	if d, ok := parse(later).Data.(*Other); !ok || !json.Valid(d.Raw) {
		t.Errorf("unknown type: got %+v", d)
	}
}

func FuzzVerifyAndParse(f *testing.F) {
	f.Add([]byte(`{}`), "", "", "", "", "")
	f.Add([]byte(`{"api_version":"2026-05-01","event":"webhook.test","event_id":"evt_1","created_at":"2026-05-03T12:00:00Z","data":{}}`), strings.Repeat("a", 64), "2026-05-03T12:00:00Z", "v1,abc v1a,d", "1614265330", secretA)
	f.Add([]byte(`{"data":`), "x", "9", "v1,", "-1", "whsec_")
	f.Fuzz(func(t *testing.T, body []byte, sig, ts, std, unix, secret string) {
		h := http.Header{}
		h.Set(HeaderSignature, sig)
		h.Set(HeaderTimestamp, ts)
		h.Set(HeaderStandardID, "evt_1")
		h.Set(HeaderStandardSignature, std)
		h.Set(HeaderStandardTimestamp, unix)
		var why *VerifyError
		if err := Verify(body, h, secret, 0); !errors.As(err, &why) || why.Explain() == "" {
			t.Errorf("got %v for made-up headers, want a *VerifyError", err)
		}
		if _, err := Parse(body); err != nil && !errors.Is(err, api.Invalid) {
			t.Errorf("Parse: got %v, want code invalid", err)
		}
	})
}
