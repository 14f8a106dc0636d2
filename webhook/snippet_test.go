package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/eventbody"
	"github.com/voxparse/voxparse/internal/sender"
	"github.com/voxparse/voxparse/internal/webhooktest"
	"github.com/voxparse/voxparse/webhook"
)

// writeSnippet puts a snippet into a file of its own.
func writeSnippet(t *testing.T, lang, name string, p webhook.SnippetParams) string {
	t.Helper()
	code, err := webhook.Snippet(lang, p)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(code, "{{") || strings.Contains(code, "<no value>") {
		t.Errorf("got an unfilled place in the snippet for %s", lang)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSnippets_receiveEvents(t *testing.T) {
	if testing.Short() {
		t.Skip("needs node, python and the go command")
	}
	params := webhook.SnippetParams{SecretEnv: "MY_SECRET", Path: "/calls/done"}
	tests := []struct {
		lang    string
		command func(t *testing.T) []string
	}{
		{"node", func(t *testing.T) []string { return []string{"node", writeSnippet(t, "node", "receiver.mjs", params)} }},
		{"python", func(t *testing.T) []string {
			return []string{"python3", writeSnippet(t, "python", "receiver.py", params)}
		}},
		{"go", func(t *testing.T) []string {
			source := writeSnippet(t, "go", "main.go", params)
			bin := filepath.Join(filepath.Dir(source), "receiver")
			if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, source).CombinedOutput(); err != nil {
				t.Fatalf("build the snippet: %v\n%s", err, out)
			}
			return []string{bin}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.lang, func(t *testing.T) {
			t.Parallel()
			p := webhooktest.Start(t, "", []string{"MY_SECRET=" + webhook.SecretA, "PORT=0"}, tt.command(t)...)
			port, ok := strings.CutPrefix(p.Line(t), "listening on ")
			if !ok {
				t.Fatal("got no port")
			}
			sendToSnippet(t, p, "http://127.0.0.1:"+port)
		})
	}
}

func sendToSnippet(t *testing.T, p *webhooktest.Program, base string) {
	t.Helper()
	s := sender.New(sender.Options{})
	defer s.Close()
	body, err := eventbody.Completed(webhook.SampleMeta, webhooktest.Result(), "")
	if err != nil {
		t.Fatal(err)
	}
	tampered := bytes.Replace(body, []byte("T-1234"), []byte("T-9999"), 1)
	other := bytes.Replace(body, []byte(webhook.SampleMeta.ID), []byte("evt_other"), 1)
	steps := []struct {
		name    string
		path    string
		signed  []byte
		sent    []byte
		signing webhook.Signing
		age     time.Duration
		status  int
		says    bool
	}{
		{"an event", "/calls/done", body, body, webhook.Signing{Secret: webhook.SecretA}, 0, 204, true},
		{"it again", "/calls/done", body, body, webhook.Signing{Secret: webhook.SecretA}, 0, 204, false},
		{"tampered", "/calls/done", body, tampered, webhook.Signing{Secret: webhook.SecretA}, 0, 401, false},
		{"by another secret", "/calls/done", body, body, webhook.Signing{Secret: webhook.SecretC}, 0, 401, false},
		{"old", "/calls/done", body, body, webhook.Signing{Secret: webhook.SecretA}, time.Hour, 401, false},
		{"from the future", "/calls/done", body, body, webhook.Signing{Secret: webhook.SecretA}, -time.Hour, 401, false},
		{"during a rotation", "/calls/done", other, other, webhook.Signing{Secret: webhook.SecretB, Previous: webhook.SecretA}, 0, 204, true},
		{"elsewhere", "/other", body, body, webhook.Signing{Secret: webhook.SecretA}, 0, 404, false},
	}
	for _, step := range steps {
		h := http.Header{}
		step.signing.Now, step.signing.EventID = time.Now().Add(-step.age), webhook.SampleMeta.ID
		if err := webhook.Sign(h, step.signed, step.signing); err != nil {
			t.Fatal(err)
		}
		a := s.Send(t.Context(), sender.Target{URL: base + step.path, AllowPrivate: true}, h, step.sent)
		if a.Status != step.status {
			t.Errorf("%s: got %d %s, want %d", step.name, a.Status, a.Error, step.status)
		}
		if step.says {
			want := "transcription.completed " + webhook.SampleMeta.JobID + " Hello & welcome. <Hi>"
			if got := p.Line(t); got != want {
				t.Errorf("%s: got %q, want %q", step.name, got, want)
			}
		}
	}
	if !p.Quiet() {
		t.Errorf("got %q, want nothing more said", p.Line(t))
	}
	a := s.Send(t.Context(), sender.Target{URL: base + "/calls/done", AllowPrivate: true}, nil, body)
	if a.Status != http.StatusUnauthorized {
		t.Errorf("without headers: got %d, want 401", a.Status)
	}
}

// shell runs the curl snippet.
func shell(ctx context.Context, script string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), "MY_SECRET="+webhook.SecretA, "no_proxy=*")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestSnippets_curlSendsAndVerifies(t *testing.T) {
	if testing.Short() {
		t.Skip("calls curl and openssl")
	}
	script := writeSnippet(t, "curl", "webhook.sh", webhook.SnippetParams{SecretEnv: "MY_SECRET"})
	events := make(chan webhook.Event, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := new(bytes.Buffer)
		body.ReadFrom(r.Body)
		if err := webhook.Verify(body.Bytes(), r.Header, webhook.SecretA, 0); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		e, err := webhook.Parse(body.Bytes())
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		events <- e
	}))
	t.Cleanup(receiver.Close)
	if out, err := shell(t.Context(), script, "send", receiver.URL); err != nil || out != "200" {
		t.Fatalf("send: got %q, %v, want 200", out, err)
	}
	if e := <-events; e.Type != api.EventTest || e.ID == "" {
		t.Errorf("got %+v, want a test event", e)
	}
	body, h := webhook.SignedAt(t, time.Now(), "")
	stored := filepath.Join(t.TempDir(), "body.json")
	for _, tt := range []struct {
		name, body string
		valid      bool
	}{{"as it came", string(body), true}, {"with a line end", string(body) + "\n", false}} {
		if err := os.WriteFile(stored, []byte(tt.body), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := shell(t.Context(), script, "verify", stored, h.Get(webhook.HeaderTimestamp), h.Get(webhook.HeaderSignature))
		if (err == nil) != tt.valid || (out == "valid") != tt.valid {
			t.Errorf("verify a body %s: got %q, %v, want valid %t", tt.name, out, err, tt.valid)
		}
	}
	if out, err := shell(t.Context(), script); err == nil || !strings.Contains(out, "sh webhook.sh send") {
		t.Errorf("without arguments: got %q, %v, want the usage", out, err)
	}
}

func TestSnippets_needNoParameters(t *testing.T) {
	for _, lang := range webhook.SnippetLangs() {
		code, err := webhook.Snippet(lang, webhook.SnippetParams{})
		if err != nil || !strings.Contains(code, "VOXPARSE_WEBHOOK_SECRET") || !strings.Contains(code, "/hook") || !strings.Contains(code, fmt.Sprint(3000)) {
			t.Errorf("%s: got %v and\n%s\nwant the defaults in it", lang, err, code)
		}
	}
}

func TestSnippets_refuseBadParameters(t *testing.T) {
	tests := []struct {
		lang string
		p    webhook.SnippetParams
	}{
		{"perl", webhook.SnippetParams{}}, {"pyhton", webhook.SnippetParams{}}, {"", webhook.SnippetParams{}},
		{"go", webhook.SnippetParams{Port: 65536}}, {"go", webhook.SnippetParams{Port: -1}},
		{"node", webhook.SnippetParams{Path: "hook"}}, {"node", webhook.SnippetParams{Path: "/'+x+'"}}, {"curl", webhook.SnippetParams{Path: "/$(id)"}},
		{"python", webhook.SnippetParams{SecretEnv: "A B"}}, {"python", webhook.SnippetParams{SecretEnv: "1A"}},
	}
	for _, tt := range tests {
		if got, err := webhook.Snippet(tt.lang, tt.p); !errors.Is(err, api.Invalid) || got != "" {
			t.Errorf("webhook.Snippet(%q, %+v): got %q, %v, want it refused", tt.lang, tt.p, got, err)
		}
	}
}
