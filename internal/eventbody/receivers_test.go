package eventbody_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/internal/eventbody"
	"github.com/voxparse/voxparse/internal/sender"
	"github.com/voxparse/voxparse/internal/webhooktest"
	"github.com/voxparse/voxparse/webhook"
)

const (
	secretA = "whsec_" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	secretB = "whsec_" + "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
	secretC = "whsec_" + "00000000000000000000000000000000ffffffffffffffffffffffffffffffff"
)

func newSender(t *testing.T) *sender.Sender {
	t.Helper()
	s := sender.New(sender.Options{})
	t.Cleanup(s.Close)
	return s
}

func TestRealReceiversVerifyEveryEventAndRefuseForgeries(t *testing.T) {
	dir := webhooktest.Install(t)
	events := eventbody.NastyEvents(t, 160)
	for _, r := range webhooktest.Receivers {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			secretFile := filepath.Join(t.TempDir(), "secret")
			keep := func(secret string) {
				if err := os.WriteFile(secretFile, []byte(secret+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			keep(secretA)
			p, port := r.Start(t, dir, secretFile)
			b := &bench{t: t, p: p, s: newSender(t), url: fmt.Sprintf("http://127.0.0.1:%d/", port)}
			for _, e := range events {
				b.send(e, webhook.Signing{Secret: secretA}, nil, true)
			}
			e := events[1]
			b.send(e, webhook.Signing{Secret: secretC}, nil, false)
			b.send(e, webhook.Signing{Secret: secretA}, func(body []byte) []byte { return bytes.Replace(body, []byte(`"job_1"`), []byte(`"job_2"`), 1) }, false)
			// A rotation: the receiver has the old secret, then the new one,
			// which is the one in use from then on, then the overlap ends.
			b.send(e, webhook.Signing{Secret: secretA, Next: secretB}, nil, true)
			keep(secretB)
			b.send(e, webhook.Signing{Secret: secretB, Previous: secretA}, nil, true)
			keep(secretA)
			b.send(e, webhook.Signing{Secret: secretB}, nil, false)
		})
	}
}

// bench sends signed events to one receiver and compares what it says.
type bench struct {
	t    *testing.T
	p    *webhooktest.Program
	s    *sender.Sender
	url  string
	sent int
}

func (b *bench) send(e eventbody.Event, s webhook.Signing, tamper func([]byte) []byte, verified bool) {
	b.t.Helper()
	body := e.Body
	b.sent++
	s.Now, s.EventID, s.EventType, s.AttemptID, s.Attempt = time.Now(), e.ID, e.Type, fmt.Sprintf("dlv_%d", b.sent), 1+b.sent%4
	h := http.Header{}
	if err := webhook.Sign(h, body, s); err != nil {
		b.t.Fatal(err)
	}
	sent := body
	if tamper != nil {
		sent = tamper(body)
	}
	a := b.s.Send(b.t.Context(), sender.Target{URL: b.url, AllowPrivate: true}, h, sent)
	if sender.Delivered(a) != verified || (!verified && a.Status != http.StatusUnauthorized) {
		b.t.Fatalf("event %s: got %d %q, want verified %t; body %.300q", e.ID, a.Status, a.Error, verified, sent)
	}
	got := b.p.Told(b.t)
	want := webhooktest.Told{Receiver: got.Receiver, Verified: verified, Reason: got.Reason, EventID: e.ID}
	if verified {
		want.Event, want.DeliveryID, want.Attempt, want.JobID = e.Type, s.AttemptID, s.Attempt, got.JobID
	}
	if got != want {
		b.t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheLockFileNamesNoHost(t *testing.T) {
	raw, err := os.ReadFile("../../testdata/receivers/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), `"resolved"`) {
		t.Error("got a resolved address in package-lock.json, want none: run npm install with the .npmrc beside it")
	}
	if n := strings.Count(string(raw), `"integrity"`); n < 10 {
		t.Errorf("got %d hashes in package-lock.json, want one for each library", n)
	}
}
