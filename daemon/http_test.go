package daemon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

// raw is a plain HTTP client of the socket.
func (f *fixture) raw() *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", f.cfg.Socket)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

// ask makes a request and returns status and body.
func (f *fixture) ask(method, path, body string, header ...string) (int, string) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, "http://voxparse"+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return do(f.t, f.raw(), req)
}

func do(t testing.TB, c *http.Client, req *http.Request) (int, string) {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	return resp.StatusCode, string(data)
}

// part is one field of a form; a name that begins with @ is a file.
type part struct{ name, value string }

func encodeForm(t testing.TB, parts []part) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		name, isFile := strings.CutPrefix(p.name, "@")
		var err error
		if isFile {
			var fw io.Writer
			if fw, err = w.CreateFormFile(name, "call.mp3"); err == nil {
				_, err = io.WriteString(fw, p.value)
			}
		} else {
			err = w.WriteField(name, p.value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// post submits a form as it is.
func (f *fixture) post(parts []part, header ...string) (int, string) {
	f.t.Helper()
	body, contentType := encodeForm(f.t, parts)
	return f.ask("POST", "/v1/transcribe", body, append(header, "Content-Type", contentType)...)
}

// errorOf returns the message of an error answer after checking its form.
func errorOf(t testing.TB, status int, body string) string {
	t.Helper()
	var e struct {
		Error struct {
			Message string
			Code    int
		}
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error.Message == "" || e.Error.Code != status {
		t.Errorf("got body %s with status %d, want an error object with a message and that code", body, status)
	}
	return e.Error.Message
}

func TestSubmissionsThatAreRefused(t *testing.T) {
	f := start(t, func(o *Options) { o.Config.MaxUpload = 1000 })
	good := part{"@file", string(audio("x"))}
	tests := []struct {
		name   string
		parts  []part
		status int
		want   string
	}{
		{"no file", []part{{"async", "true"}}, 400, "file"},
		{"two files", []part{good, {"@audio", string(audio("y"))}}, 400, "two files"},
		{"empty file", []part{{"@file", ""}}, 400, "empty"},
		{"text", []part{{"@file", "Dear Sir or Madam,\n"}}, 415, "text"},
		{"an image", []part{{"@file", "\x89PNG\r\n\x1a\n\x00\x00"}}, 415, "PNG"},
		{"an archive", []part{{"@file", "PK\x03\x04\x00\x00\x00"}}, 415, "ZIP"},
		{"too large", []part{{"@file", string(audio(strings.Repeat("x", 2000)))}}, 413, "max_upload"},
		{"unknown field", []part{{"metdata", "{}"}, good}, 400, `"metadata"`},
		{"unknown field after the file", []part{good, {"zzz", "1"}}, 400, `"zzz"`},
		{"field twice", []part{{"mode", "verbatim"}, {"mode", "verbatim"}, good}, 400, "mode"},
		{"bad bool", []part{{"async", "maybe"}, good}, 400, "async"},
		{"bad mode", []part{good, {"mode", "loud"}}, 400, "mode"},
		{"bad language", []part{{"language", "English please"}, good}, 400, "language"},
		{"language the model lacks", []part{{"language", "de"}, good}, 400, "language"},
		{"unknown model", []part{{"model", "moonshine-tinny"}, good}, 400, "moonshine-tiny"},
		{"no JSON", []part{{"metadata", "{a:1}"}, good}, 400, "metadata"},
		{"duplicate key", []part{{"metadata", `{"a":1,"a":2}`}, good}, 400, "a"},
		{"long metadata", []part{{"metadata", `{"a":"` + strings.Repeat("x", 4096) + `"}`}, good}, 413, "metadata"},
		{"long instructions", []part{{"instructions", strings.Repeat("é", 2001)}, good}, 413, "instructions"},
		{"malformed webhook", []part{{"webhook_id", "mine"}, good}, 400, "webhook_id"},
		{"unknown webhook", []part{{"webhook_id", "whk_01jtaaaaaaaaaaaaaaaaaaaaaa"}, good}, 400, "webhook_id"},
		{"wrong size", []part{good, {"size", "17"}}, 400, "size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := f.post(tt.parts)
			if status != tt.status {
				t.Fatalf("got %d %s, want %d", status, body, tt.status)
			}
			if msg := errorOf(t, status, body); !strings.Contains(msg, tt.want) {
				t.Errorf("got %q, want it to hold %q", msg, tt.want)
			}
		})
	}
	if status, body := f.ask("POST", "/v1/transcribe", "x", "Content-Type", "audio/mpeg"); status != 400 {
		t.Errorf("got %d %s for a body that is no form, want 400", status, body)
	}
	n, err := f.db.CountJobs(t.Context())
	if err != nil || n[api.Queued]+n[api.Processing]+n[api.Completed]+n[api.Failed] != 0 {
		t.Errorf("got jobs %v, %v, want none", n, err)
	}
	if names := spooled(t, f); len(names) > 0 {
		t.Errorf("got %v left in the spool, want nothing", names)
	}
}

func TestFieldsMayFollowTheFile(t *testing.T) {
	f := start(t, nil)
	status, body := f.post([]part{{"@audio", string(audio("late"))}, {"metadata", `{"10":1, "9":2}`}, {"mode", "verbatim"}, {"async", "1"}})
	if status != 202 {
		t.Fatalf("got %d %s, want 202", status, body)
	}
	var acc api.Accepted
	if err := json.Unmarshal([]byte(body), &acc); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`{"job_id":%q,"status":"processing","message":"Job accepted. Results will be delivered via webhook."}`, acc.JobID); strings.TrimSpace(body) != want {
		t.Errorf("got %s, want %s", body, want)
	}
	job := f.wait(acc.JobID)
	if string(job.Metadata) != `{"9":2,"10":1}` || job.Options.Mode != "verbatim" {
		t.Errorf("got metadata %s and mode %s, want the canonical form and verbatim", job.Metadata, job.Options.Mode)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	f := start(t, nil)
	one := []part{{"@file", string(audio("one"))}, {"async", "true"}}
	submit := func(parts []part, key string) (int, api.Accepted) {
		status, body := f.post(parts, "Idempotency-Key", key)
		var acc api.Accepted
		if err := json.Unmarshal([]byte(body), &acc); err != nil {
			t.Fatal(err)
		}
		return status, acc
	}
	_, first := submit(one, "k")
	status, again := submit(one, "k")
	if status != 202 || again.JobID != first.JobID {
		t.Errorf("got %d and job %s for the same key and content, want 202 and %s", status, again.JobID, first.JobID)
	}
	if status, _ := submit([]part{{"@file", string(audio("two"))}, {"async", "true"}}, "k"); status != 409 {
		t.Errorf("got %d for the same key with other content, want 409", status)
	}
	if status, _ := submit(append(one, part{"mode", "verbatim"}), "k"); status != 409 {
		t.Errorf("got %d for the same key with other options, want 409", status)
	}
	if status, other := submit(one, "k2"); status != 202 || other.JobID == first.JobID {
		t.Errorf("got %d and job %s for another key, want 202 and a job of its own", status, other.JobID)
	}
	f.wait(first.JobID)
	status, body := f.post(one[:1], "Idempotency-Key", "k")
	if status != 200 || !strings.Contains(body, `"text":"one"`) {
		t.Errorf("got %d %s for a synchronous repeat of a finished job, want its result", status, body)
	}
}

func TestASynchronousSubmitAnswersWhatAWebhookCarries(t *testing.T) {
	f := start(t, nil)
	r := newReceiver(t, nil)
	r.register(f, nil)
	status, body := f.post([]part{{"@file", string(audio("both <same> \u2028"))}})
	if status != 200 {
		t.Fatalf("got %d %s, want 200", status, body)
	}
	var event struct {
		Data struct{ Result json.RawMessage }
	}
	if err := json.Unmarshal(r.next().body, &event); err != nil {
		t.Fatal(err)
	}
	if body != string(event.Data.Result) {
		t.Errorf("got  %s\nwant %s", body, event.Data.Result)
	}
	for code, want := range map[string]int{api.JobDamaged: 400, api.JobNotAudio: 415, api.JobTimeout: 500, api.JobTooLong: 413} {
		status, body := f.post([]part{{"@file", string(audio("fail " + code))}})
		if msg := errorOf(t, status, body); status != want || !strings.Contains(msg, "It cannot be done.") {
			t.Errorf("%s: got %d %s, want %d with the job's error", code, status, msg, want)
		}
	}
}

func TestResultsInEveryFormat(t *testing.T) {
	f := start(t, nil)
	id := f.submit("some words")
	f.wait(id)
	for format, want := range map[string]string{"": `"text":"some words"`, "json": "some words", "txt": "some words", "srt": "-->", "vtt": "WEBVTT", "tsv": "\t", "md": "some words"} {
		path := "/v1/jobs/" + id + "/result"
		if format != "" {
			path += "?format=" + format
		}
		if status, body := f.ask("GET", path, ""); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%q: got %d %s, want it to hold %q", format, status, body, want)
		}
	}
	blocked := f.submit("block")
	for path, want := range map[string]int{
		"/v1/jobs/" + blocked + "/result": 404, "/v1/jobs/" + id + "/result?format=doc": 400, "/v1/jobs/job_nope": 404, "/v1/jobs?limit=101": 400,
		"/v1/jobs?since=soon": 400, "/v1/jobs?colour=red": 400, "/v1/jobs?status=lost": 400, "/v1/nothing": 404, "/v1/jobs/" + id + "/cancel": 405,
	} {
		status, body := f.ask("GET", path, "")
		if errorOf(t, status, body); status != want {
			t.Errorf("%s: got %d, want %d", path, status, want)
		}
	}
	close(f.fake.release)
}

func TestListsAreNewestFirst(t *testing.T) {
	f := start(t, nil)
	var ids []string
	for range 5 {
		ids = append(ids, f.submit("x"))
	}
	for _, id := range ids {
		f.wait(id)
	}
	status, body := f.ask("GET", "/v1/jobs?limit=2&offset=1&status=completed&since=1h", "")
	var list api.List[api.Job]
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != 200 {
		t.Fatalf("got %d %s, %v", status, body, err)
	}
	if len(list.Items) != 2 || list.Items[0].ID != ids[3] || list.Items[1].ID != ids[2] {
		t.Errorf("got %v, want the second and third newest of %v", list.Items, ids)
	}
}

func TestAnUploadThatBreaksOffLeavesNothing(t *testing.T) {
	f := start(t, nil)
	c, err := net.Dial("unix", f.cfg.Socket)
	if err != nil {
		t.Fatal(err)
	}
	body, contentType := encodeForm(t, []part{{"@file", string(audio(strings.Repeat("x", 100_000)))}})
	fmt.Fprintf(c, "POST /v1/transcribe HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", contentType, len(body), body[:60_000])
	until(t, "the beginning of the upload", func() bool { return len(spooled(t, f)) > 0 })
	c.Close()
	until(t, "the end of the upload", func() bool { return len(spooled(t, f)) == 0 })
	if status, _ := f.ask("GET", "/health", ""); status != 200 {
		t.Errorf("got health %d, want 200", status)
	}
}

func TestJobEventsEndWithTheTerminalState(t *testing.T) {
	f := start(t, nil)
	id := f.submit("block")
	<-f.fake.begun
	var kinds []string
	seen := make(chan struct{}, 10)
	done := make(chan error, 1)
	go func() {
		done <- f.client.JobEvents(t.Context(), id, func(e api.JobEvent) error {
			kinds = append(kinds, e.Type+" "+string(e.Job.Status))
			seen <- struct{}{}
			return nil
		})
	}()
	<-seen
	close(f.fake.release)
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the stream did not end within 20 s")
	}
	if first, last := kinds[0], kinds[len(kinds)-1]; first != "status processing" || last != "status completed" {
		t.Errorf("got %v, want it to begin with status processing and end with status completed", kinds)
	}
}

// What is refused is refused at once: nobody sends 50 MB to be told then.
func TestAHopelessUploadIsRefusedEarly(t *testing.T) {
	f := start(t, func(o *Options) { o.Config.MaxUpload = 100 << 20 })
	const head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\n"
	for _, tt := range []struct {
		name   string
		length int
		sent   string
		want   string
	}{
		{"text", 50 << 20, head + strings.Repeat("Dear Sir or Madam, ", 1000), "415"},
		{"over the limit, by what the client says", 200 << 20, "", "413"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := net.Dial("unix", f.cfg.Socket)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "POST /v1/transcribe HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s", tt.length, tt.sent)
			line, err := bufio.NewReader(c).ReadString('\n')
			if err != nil || !strings.Contains(line, tt.want) {
				t.Errorf("got %q, %v with most of the body unsent, want %s", line, err, tt.want)
			}
		})
	}
	if names := spooled(t, f); len(names) > 0 {
		t.Errorf("got %v in the spool, want nothing", names)
	}
}
