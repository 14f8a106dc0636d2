package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/webhook/webhooktest"
)

// nastyEvents are events of every type, some of whose strings look for trouble.
func nastyEvents(t *testing.T, n int) []Event {
	t.Helper()
	g := &generator{rand.New(rand.NewPCG(5, 6))}
	var out []Event
	add := func(id, kind string, body []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Event{ID: id, Type: kind, Data: &Other{Raw: body}})
	}
	for i := range n {
		m := EventMeta{ID: fmt.Sprintf("evt_%05d", i), JobID: "job_1", CreatedAt: time.Now(), Metadata: g.accepted()}
		switch i % 8 {
		case 0:
			body, err := TestBody(m, "whk_1")
			add(m.ID, api.EventTest, body, err)
		case 1:
			body, err := FailedBody(m, api.JobDamaged, g.text(200))
			add(m.ID, api.EventFailed, body, err)
		case 2:
			body, err := CompletedBody(m, call(120), "http://127.0.0.1/result")
			add(m.ID, api.EventCompleted, body, err)
		default:
			body, err := CompletedBody(m, g.result(), "http://127.0.0.1/result")
			add(m.ID, api.EventCompleted, body, err)
		}
	}
	return out
}

func TestRealReceiversVerifyEveryEventAndRefuseForgeries(t *testing.T) {
	dir := webhooktest.Install(t)
	events := nastyEvents(t, 160)
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
			b := &bench{t: t, p: p, s: newSender(t, SenderOptions{}), url: fmt.Sprintf("http://127.0.0.1:%d/", port)}
			for _, e := range events {
				b.send(e, Signing{Secret: secretA}, nil, true)
			}
			e := events[1]
			b.send(e, Signing{Secret: secretC}, nil, false)
			b.send(e, Signing{Secret: secretA}, func(body []byte) []byte { return bytes.Replace(body, []byte(`"job_1"`), []byte(`"job_2"`), 1) }, false)
			// A rotation: the receiver has the old secret, then the new one,
			// then the overlap ends.
			b.send(e, Signing{Secret: secretB, Previous: secretA}, nil, true)
			keep(secretB)
			b.send(e, Signing{Secret: secretB, Previous: secretA}, nil, true)
			keep(secretA)
			b.send(e, Signing{Secret: secretB}, nil, false)
		})
	}
}

// bench sends signed events to one receiver and compares what it says.
type bench struct {
	t    *testing.T
	p    *webhooktest.Program
	s    *Sender
	url  string
	sent int
}

func (b *bench) send(e Event, s Signing, tamper func([]byte) []byte, verified bool) {
	b.t.Helper()
	body := e.Data.(*Other).Raw
	b.sent++
	s.Now, s.EventID, s.EventType, s.AttemptID, s.Attempt = time.Now(), e.ID, e.Type, fmt.Sprintf("dlv_%d", b.sent), 1+b.sent%4
	h := http.Header{}
	if err := Sign(h, body, s); err != nil {
		b.t.Fatal(err)
	}
	sent := []byte(body)
	if tamper != nil {
		sent = tamper(body)
	}
	a := b.s.Send(b.t.Context(), Target{URL: b.url, AllowPrivate: true}, h, sent)
	if Delivered(a) != verified || (!verified && a.Status != http.StatusUnauthorized) {
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

func TestSnippetsRefuseBadParameters(t *testing.T) {
	tests := []struct {
		lang string
		p    SnippetParams
	}{
		{"perl", SnippetParams{}}, {"pyhton", SnippetParams{}}, {"", SnippetParams{}},
		{"go", SnippetParams{Port: 65536}}, {"go", SnippetParams{Port: -1}},
		{"node", SnippetParams{Path: "hook"}}, {"node", SnippetParams{Path: "/'+x+'"}}, {"curl", SnippetParams{Path: "/$(id)"}},
		{"python", SnippetParams{SecretEnv: "A B"}}, {"python", SnippetParams{SecretEnv: "1A"}},
	}
	for _, tt := range tests {
		if got, err := Snippet(tt.lang, tt.p); !errors.Is(err, api.Invalid) || got != "" {
			t.Errorf("Snippet(%q, %+v): got %q, %v, want it refused", tt.lang, tt.p, got, err)
		}
	}
}

func TestTheLockFileNamesNoHost(t *testing.T) {
	raw, err := os.ReadFile("../testdata/receivers/package-lock.json")
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
