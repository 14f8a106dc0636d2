package daemon_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/webhooktest"
)

// nastyMetadata survives a round trip through JavaScript only if the body is
// made with care.
var nastyMetadata = []string{
	`{"ticket_id":"T-1234","agent":"jane"}`,
	`{"b":1,"10":2,"9":3,"a":4,"4294967295":5,"4294967294":6,"01":7}`,
	"{\"s\":\"<b>&amp;</b> \u2028\u2029 \u007f \ufeff \u202e \U0001f469\u200d\U0001f680 \\u0000\\u001f\\\"\\\\\\/\"}",
	`{"n":[0,1e21,1e-7,123456789012345680000,5e-324,1.7976931348623157e308,-1.5,0.1,100]}`,
	`{"constructor":{"prototype":1},"toString":null,"":{"":[[],{}]},"length":true}`,
	`{"wide":"` + strings.Repeat("ü€😀", 400) + `"}`,
}

// nastyTexts are what callers say.
var nastyTexts = []string{
	"plain words",
	"fail " + api.JobDamaged,
	"<script>alert(\"&\")</script> \u2028\u2029 line\nfeed\ttab \\ \u007f",
	"\U0001f1e6\U0001f1f9 e\u0301 \u200f\u05e9\u05dc\u05d5\u05dd \ud7ff\ue000\uffff",
	strings.Repeat("a long call \U0001f4de with <words> & more. ", 8000), // cut: over 96 KiB
}

// hooked is a receiver of testdata/receivers with a webhook of its own.
type hooked struct {
	t          *testing.T
	name       string
	p          *webhooktest.Program
	secretFile string
	hook       api.Webhook
	secret     string // the newest
}

// use gives the receiver a secret.
func (h *hooked) use(secret string) {
	h.t.Helper()
	if err := os.WriteFile(h.secretFile, []byte(secret+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// verifies takes what the receiver says of as many requests as there are
// events: one of each, verified. Before each it may refuse as many.
func (h *hooked) verifies(phase string, types map[string]int, refusals int) {
	h.t.Helper()
	seen := map[string]bool{}
	got := map[string]int{}
	for _, n := range types {
		for range n {
			told := h.p.Told(h.t)
			for range refusals {
				if !told.Verified {
					told = h.p.Told(h.t)
				}
			}
			if !told.Verified || seen[told.EventID] {
				h.t.Errorf("%s, %s: got %+v, want a verified event that is new", phase, h.name, told)
			}
			seen[told.EventID] = true
			got[told.Event]++
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(types) {
		h.t.Errorf("%s, %s: got events %v, want %v", phase, h.name, got, types)
	}
}

// hookAll starts every receiver and makes a webhook for each.
func hookAll(t *testing.T, f *fixture) (all []*hooked) {
	t.Helper()
	dir := webhooktest.Install(t)
	for _, r := range webhooktest.Receivers {
		h := &hooked{t: t, name: r.Name, secretFile: filepath.Join(t.TempDir(), "secret")}
		h.use("")
		var port int
		h.p, port = r.Start(t, dir, h.secretFile)
		var err error
		if h.hook, err = f.client.CreateWebhook(t.Context(), api.WebhookPatch{URL: ptr(fmt.Sprintf("http://127.0.0.1:%d/", port))}); err != nil {
			t.Fatal(err)
		}
		h.secret = h.hook.Secret
		h.use(h.secret)
		all = append(all, h)
	}
	return all
}

func TestRealReceiversVerifyEveryEventOfTheDaemon(t *testing.T) {
	f := start(t, nil)
	all := hookAll(t, f)
	each := func(phase string, types map[string]int, refusals int, before func(*hooked)) {
		t.Helper()
		for _, h := range all {
			if before != nil {
				before(h)
			}
		}
		f.submitNasty(types[api.EventCompleted] + types[api.EventFailed])
		for _, h := range all {
			if types[api.EventTest] > 0 {
				if d, err := f.client.TestWebhook(t.Context(), h.hook.ID); err != nil || d.Status != api.DeliveryDelivered {
					t.Errorf("%s, %s: got %+v, %v from the test, want it delivered", phase, h.name, d, err)
				}
			}
			h.verifies(phase, types, refusals)
		}
	}

	n := len(nastyMetadata) * len(nastyTexts)
	whole := map[string]int{api.EventCompleted: n - len(nastyMetadata), api.EventFailed: len(nastyMetadata), api.EventTest: 1}
	each("fresh", whole, 0, nil)
	few := map[string]int{api.EventCompleted: 4, api.EventFailed: 1, api.EventTest: 1}
	each("rotated, receiver with the old secret", few, 0, func(h *hooked) {
		rotated, err := f.client.RotateSecret(t.Context(), h.hook.ID, api.RotateRequest{OverlapSeconds: ptr(3600)})
		if err != nil {
			t.Fatal(err)
		}
		h.secret = rotated.Secret
	})
	// The receivers with one signature header refuse what was signed before the
	// first answer: at most a webhook's share of claims.
	each("rotated, receiver with the new secret", few, 8, func(h *hooked) { h.use(h.secret) })
	each("rotated, the new secret is in use", few, 0, nil)
	for _, h := range all {
		if _, err := f.client.RotateSecret(t.Context(), h.hook.ID, api.RotateRequest{Finish: true}); err != nil {
			t.Fatal(err)
		}
	}
	each("rotation finished", few, 0, nil)
	for _, h := range all {
		if _, err := f.client.RotateSecret(t.Context(), h.hook.ID, api.RotateRequest{OverlapSeconds: ptr(0)}); err != nil {
			t.Fatal(err)
		}
		d, err := f.client.TestWebhook(t.Context(), h.hook.ID)
		if err != nil || len(d.Attempts) == 0 || d.Attempts[0].Status != 401 {
			t.Errorf("%s: got %+v, %v with a secret that was rotated out, want 401", h.name, d, err)
		}
	}
}

// submitNasty submits n files, each with another text or metadata.
func (f *fixture) submitNasty(n int) {
	f.t.Helper()
	for i := range n {
		u := upload(audio(nastyTexts[i%len(nastyTexts)]))
		u.Metadata = json.RawMessage(nastyMetadata[i/len(nastyTexts)%len(nastyMetadata)])
		if _, err := f.client.Submit(f.t.Context(), u); err != nil {
			f.t.Fatalf("submit %d: %v", i, err)
		}
	}
}
