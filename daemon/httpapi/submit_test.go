package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/httpapi"
)

func TestSubmit_refused(t *testing.T) {
	f := serve(t, func(c *httpapi.Config) { c.Settings.MaxUpload = 1000 })
	good := audio("x")
	many := []part{good}
	for range 201 {
		many = append(many, part{"webhook_id", "whk_01jtaaaaaaaaaaaaaaaaaaaaaa"})
	}
	tests := []struct {
		name   string
		parts  []part
		status int
		want   string
	}{
		{"no file", []part{{"async", "true"}}, 400, "file"},
		{"two files", []part{good, {"@audio", "ID3\x00y"}}, 400, "two files"},
		{"empty file", []part{{"@file", ""}}, 400, "empty"},
		{"text", []part{{"@file", "Dear Sir or Madam,\n"}}, 415, "text"},
		{"an image", []part{{"@file", "\x89PNG\r\n\x1a\n\x00\x00"}}, 415, "PNG"},
		{"an archive", []part{{"@file", "PK\x03\x04\x00\x00\x00"}}, 415, "ZIP"},
		{"too large", []part{audio(strings.Repeat("x", 2000))}, 413, "max_upload"},
		{"unknown field", []part{{"metdata", "{}"}, good}, 400, `"metadata"`},
		{"unknown field after the file", []part{good, {"zzz", "1"}}, 400, `"zzz"`},
		{"field twice", []part{{"mode", "verbatim"}, {"mode", "verbatim"}, good}, 400, "mode"},
		{"bad bool", []part{{"async", "maybe"}, good}, 400, "async"},
		{"bad mode", []part{good, {"mode", "loud"}}, 400, "mode"},
		{"bad language", []part{{"language", "English please"}, good}, 400, "language"},
		{"language the model lacks", []part{{"language", "de"}, good}, 400, "language"},
		{"unknown model", []part{{"model", "moonshine-tinny"}, good}, 400, "moonshine-tiny"},
		{"not UTF-8", []part{{"instructions", "\xff"}, good}, 400, "UTF-8"},
		{"no JSON", []part{{"metadata", "{a:1}"}, good}, 400, "metadata"},
		{"duplicate key", []part{{"metadata", `{"a":1,"a":2}`}, good}, 400, "a"},
		{"long metadata", []part{{"metadata", `{"a":"` + strings.Repeat("x", 4096) + `"}`}, good}, 413, "metadata"},
		{"long instructions", []part{{"instructions", strings.Repeat("é", 2001)}, good}, 413, "instructions"},
		{"malformed webhook", []part{{"webhook_id", "mine"}, good}, 400, "webhook_id"},
		{"unknown webhook", []part{{"webhook_id", "whk_01jtaaaaaaaaaaaaaaaaaaaaaa"}, good}, 400, "webhook_id"},
		{"wrong size", []part{good, {"size", "17"}}, 400, "size"},
		{"size that is no number", []part{good, {"size", "many"}}, 400, "size"},
		{"too many fields", many, 400, "200"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := f.post(tt.parts)
			wantRefusal(t, status, body, tt.status, tt.want)
		})
	}
	f.wantNothing()
}

// wantNothing checks that neither a job nor audio came of what was refused.
func (f *fixture) wantNothing() {
	f.t.Helper()
	if n := must(f.db.CountJobs(f.t.Context()))(f.t); n[api.Queued] != 0 {
		f.t.Errorf("got jobs %v, want none", n)
	}
	if names := f.spooled(); len(names) > 0 {
		f.t.Errorf("got %v left in the spool, want nothing", names)
	}
}

func TestSubmit_refusesWhatIsNoWholeForm(t *testing.T) {
	f := serve(t, nil)
	status, body := f.ask("POST", "/v1/transcribe", "x", "Content-Type", "audio/mpeg")
	wantRefusal(t, status, body, 400, "multipart/form-data")
	form, contentType := encode(t, []part{audio("x")})
	for _, end := range []int{strings.Index(form, "ID3") + 2, len(form) - len("--\r\n")} { // in the audio, and in the last boundary
		status, body = f.ask("POST", "/v1/transcribe", form[:end], "Content-Type", contentType)
		wantRefusal(t, status, body, 400, "read the form")
	}
	status, body = f.post([]part{audio("x")}, "Idempotency-Key", strings.Repeat("k", 256))
	wantRefusal(t, status, body, 400, "Idempotency-Key")
	f.wantNothing()
}

// What is refused is refused at once: nobody sends 50 MB to be told then.
func TestSubmit_refusedBeforeTheEnd(t *testing.T) {
	f := serve(t, nil)
	const head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\n"
	for _, tt := range []struct {
		name   string
		length int
		sent   string
		want   string
	}{
		{"text", 1 << 20, head + strings.Repeat("Dear Sir or Madam, ", 1000), "HTTP/1.1 415"},
		{"over the limit, by what the client says", 200 << 20, "", "HTTP/1.1 413"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := must(net.Dial("unix", filepath.Join(f.dir, "s")))(t)
			defer c.Close()
			fmt.Fprintf(c, "POST /v1/transcribe HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s", tt.length, tt.sent)
			answer := make([]byte, len(tt.want))
			if _, err := c.Read(answer); err != nil || string(answer) != tt.want {
				t.Errorf("got %q, %v with most of the body unsent, want %s", answer, err, tt.want)
			}
		})
	}
}

func TestSubmit_fieldsMayFollowTheFile(t *testing.T) {
	f := serve(t, nil)
	hook := f.hook()
	status, body := f.post([]part{{"@audio", "ID3\x00late"}, {"metadata", `{"10":1, "9":2}`}, {"mode", "verbatim"}, {"webhook_id", hook.ID}, {"webhook_id", hook.ID}, {"size", "8"}, {"async", "1"}})
	var acc api.Accepted
	if err := json.Unmarshal([]byte(body), &acc); err != nil || status != 202 {
		t.Fatalf("got %d %s, want 202", status, body)
	}
	if want := fmt.Sprintf(`{"job_id":%q,"status":"processing","message":"Job accepted. Results will be delivered via webhook."}`, acc.JobID); strings.TrimSpace(body) != want {
		t.Errorf("got %s, want %s", body, want)
	}
	job := get[api.Job](f, 200, "GET", "/v1/jobs/"+acc.JobID, "")
	if string(job.Metadata) != `{"9":2,"10":1}` || job.Options.Mode != "verbatim" || len(job.Webhooks) != 1 {
		t.Errorf("got metadata %s, mode %s and webhooks %v, want the canonical form, verbatim and one", job.Metadata, job.Options.Mode, job.Webhooks)
	}
}

func TestSubmit_sameKey(t *testing.T) {
	f := serve(t, nil)
	hook := f.hook()
	one := []part{audio("one"), {"async", "true"}}
	key := func(parts []part, key string) (int, string) {
		status, body := f.post(parts, "Idempotency-Key", key)
		var acc api.Accepted
		if err := json.Unmarshal([]byte(body), &acc); err != nil {
			t.Fatal(err)
		}
		return status, acc.JobID
	}
	_, first := key(one, "k")
	if status, id := key(one, "k"); status != 202 || id != first {
		t.Errorf("got %d and job %s for the same request, want 202 and %s", status, id, first)
	}
	for name, parts := range map[string][]part{
		"another file":     {audio("two"), {"async", "true"}},
		"another option":   append(one[:2:2], part{"mode", "verbatim"}),
		"a webhook":        append(one[:2:2], part{"webhook_id", hook.ID}),
		"another metadata": append(one[:2:2], part{"metadata", `{"a":1}`}),
	} {
		if status, _ := key(parts, "k"); status != 409 {
			t.Errorf("%s: got %d, want 409", name, status)
		}
	}
	if names := f.spooled(); len(names) != 1 {
		t.Errorf("got %v in the spool, want one file", names)
	}
	f.complete("one")
	if status, body := f.post(one[:1], "Idempotency-Key", "k"); status != 200 || !strings.Contains(body, `"text":"one"`) {
		t.Errorf("got %d %s for a synchronous repeat of a finished job, want its result", status, body)
	}
	if status, id := key(one, "k2"); status != 202 || id == first {
		t.Errorf("got %d and job %s for another key, want 202 and a job of its own", status, id)
	}
}

// waitFor submits without async and returns where the answer will be, once the
// job is there.
func (f *fixture) waitFor(text string) <-chan string {
	f.t.Helper()
	body, contentType := encode(f.t, []part{audio(text)})
	answers := make(chan string, 1)
	go func() {
		req, err := http.NewRequestWithContext(f.t.Context(), "POST", "http://"+f.tcp+"/v1/transcribe", strings.NewReader(body))
		if err != nil {
			answers <- err.Error()
			return
		}
		resp, err := http.DefaultClient.Do(withHeader(req, []string{"Content-Type", contentType, "X-API-Key", f.key}))
		if err != nil {
			answers <- err.Error()
			return
		}
		defer resp.Body.Close()
		var b strings.Builder
		fmt.Fprintf(&b, "%d ", resp.StatusCode)
		if err := resp.Write(&b); err != nil {
			fmt.Fprint(&b, err)
		}
		answers <- b.String()
	}()
	receive(f.t, "the job", f.db.JobsReady())
	return answers
}

func TestSubmit_waitsForTheResult(t *testing.T) {
	tests := []struct {
		code   string // the job fails with; "": it is completed
		status string
		want   string
	}{
		{"", "200", `"text":"some words"`},
		{api.JobDamaged, "400", "It cannot be done."},
		{api.JobNotAudio, "415", api.JobNotAudio},
		{api.JobTooLong, "413", api.JobTooLong},
		{api.JobModelMissing, "503", api.JobModelMissing},
		{api.JobTimeout, "500", api.JobTimeout},
	}
	f := serve(t, nil)
	for _, tt := range tests {
		answers := f.waitFor("some words")
		if tt.code == "" {
			f.complete("some words")
		} else {
			f.fail(tt.code)
		}
		if got := receive(t, "the answer", answers); !strings.HasPrefix(got, tt.status) || !strings.Contains(got, tt.want) {
			t.Errorf("%q: got %s, want %s with %q", tt.code, got, tt.status, tt.want)
		}
	}
}

func TestSubmit_waitEndsWithTheJobOrTheDaemon(t *testing.T) {
	f := serve(t, nil)
	answers := f.waitFor("x")
	job := f.claim()
	if job := get[api.Job](f, 200, "POST", "/v1/jobs/"+job.ID+"/cancel", ""); job.Status != api.Cancelled {
		t.Errorf("got %s, want cancelled", job.Status)
	}
	if got := receive(t, "the answer", answers); !strings.HasPrefix(got, "409") || !strings.Contains(got, "cancelled") {
		t.Errorf("got %s, want 409", got)
	}
	answers = f.waitFor("y")
	close(f.halted)
	if got := receive(t, "the answer", answers); !strings.HasPrefix(got, "503") || !strings.Contains(got, "voxparse jobs wait") {
		t.Errorf("got %s, want 503 with what to do", got)
	}
}
