package daemon_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/daemon"
)

// The calls as their documentation writes them: $BASE and $KEY stand for the
// address and the key, $HOOK for the id that the first call answers.
func TestTheDocumentedCurlCommandsWork(t *testing.T) {
	if testing.Short() {
		t.Skip("calls curl")
	}
	f, key := startTCP(t, func(o *daemon.Options) { o.Config.AllowPrivate = true })
	r := newReceiver(t, nil)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "call.mp3"), audio("words"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "BASE=http://"+f.Addr(), "KEY="+key, "RECEIVER="+r.URL)
	curl := func(command, status, want string) string {
		t.Helper()
		return runCurl(t, folder, env, command, status, want)
	}
	created := curl(`curl -si -X POST "$BASE/v1/webhooks" -H "X-API-Key: $KEY" -H "Content-Type: application/json" \
		-d "{\"url\":\"$RECEIVER/hook\",\"events\":[\"transcription.completed\",\"transcription.failed\"],\"description\":\"CRM\"}"`,
		"201", `^{"id":"whk_\w+",.*"secret":"whsec_[0-9a-f]{64}"`)
	env = append(env, "HOOK="+regexp.MustCompile(`whk_\w+`).FindString(created))
	r.mu.Lock()
	r.secret = regexp.MustCompile(`whsec_\w+`).FindString(created)
	r.mu.Unlock()

	curl(`curl -si -X POST "$BASE/v1/transcribe" -H "X-API-Key: $KEY" -F file=@call.mp3 -F async=true -F 'metadata={"ticket_id":"T-1234","agent":"jane"}'`,
		"202", `^{"job_id":"job_\w+","status":"processing","message":"Job accepted. Results will be delivered via webhook."}\n$`)
	if got := r.next(); !strings.Contains(string(got.body), `"metadata":{"ticket_id":"T-1234","agent":"jane"}`) {
		t.Errorf("got %s, want the metadata in it", got.body)
	}
	curl(`curl -si "$BASE/v1/transcribe" -H "Authorization: Bearer $KEY" -F file=@call.mp3`, "200", `"text":"[Ww]ords`)
	r.next()

	for _, step := range []struct{ command, status, want string }{
		{`curl -si "$BASE/v1/webhooks" -H "X-API-Key: $KEY"`, "200", `^{"items":\[{"id":"whk_`},
		{`curl -si "$BASE/v1/webhooks/$HOOK" -H "X-API-Key: $KEY"`, "200", `"description":"CRM","active":true,"secret_last4":"\.\.\.[0-9a-f]{4}"`},
		{`curl -si -X PATCH "$BASE/v1/webhooks/$HOOK" -H "X-API-Key: $KEY" -H "Content-Type: application/json" -d '{"description":"phones","active":true}'`, "200", `"description":"phones"`},
		{`curl -si -X POST "$BASE/v1/webhooks/$HOOK/test" -H "X-API-Key: $KEY"`, "202", `"event_type":"webhook.test".*"status":200`},
		{`curl -si "$BASE/v1/webhooks/$HOOK/deliveries?status=delivered&limit=2" -H "X-API-Key: $KEY"`, "200", `^{"items":\[{"id":"dlv_\w+","status":"delivered".*{"id":"dlv_`},
		{`curl -si "$BASE/v1/webhooks/$HOOK/deliveries?state=failed_permanent&since=24h" -H "X-API-Key: $KEY"`, "200", `^{"items":\[\],"has_more":false}`},
		{`curl -si -X POST "$BASE/v1/webhooks/$HOOK/rotate-secret" -H "X-API-Key: $KEY" -d '{"overlap_seconds":3600}'`, "200", `"secret":"whsec_[0-9a-f]{64}","previous_secret_expires_at":"20`},
		{`curl -si -X POST "$BASE/v1/webhooks/$HOOK/enable" -H "X-API-Key: $KEY"`, "200", `"active":true`},
		{`curl -si -X POST "$BASE/v1/webhooks/$HOOK/replay" -H "X-API-Key: $KEY" -d '{"since":"2026-05-03T12:00:00Z"}'`, "202", `^{"deliveries":0}`},
		{`curl -si -X DELETE "$BASE/v1/webhooks/$HOOK" -H "X-API-Key: $KEY"`, "204", `^$`},
		{`curl -si "$BASE/v1/webhooks/$HOOK" -H "X-API-Key: $KEY"`, "404", `^{"error":{"message":".*","code":404,"type":"not_found"}}`},
		{`curl -si "$BASE/v1/webhooks"`, "401", `^{"error":{"message":".*","code":401,"type":"unauthorized"}}`},
	} {
		curl(step.command, step.status, step.want)
	}
}

// runCurl runs a shell command that prints an answer with its headers, and
// returns the body.
func runCurl(t *testing.T, folder string, env []string, command, status, want string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir, cmd.Env = folder, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	head, body, _ := strings.Cut(string(out), "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.1 "+status+" ") || !regexp.MustCompile(want).MatchString(body) {
		t.Errorf("%s: got %s\n%s, want %s and a body like %s", command, head, body, status, want)
	}
	return body
}
