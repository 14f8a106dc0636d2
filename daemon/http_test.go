package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/datadir"
)

// raw is a plain HTTP client of the socket.
func (f *fixture) raw() *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", f.config.Socket)
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

func TestSubmit_headerlessAudioMayLookLikeAnything(t *testing.T) {
	f := start(t, nil)
	const gzip = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
	for name, want := range map[string]int{"call.ulaw": 202, "CALL.SLN16": 202, "call.g722": 202, "call.mp3": 415} {
		body, contentType := encodeForm(t, []part{{"@file", gzip}, {"async", "true"}})
		body = strings.Replace(body, `filename="call.mp3"`, fmt.Sprintf("filename=%q", name), 1)
		if got, answer := f.ask("POST", "/v1/transcribe", body, "Content-Type", contentType); got != want {
			t.Errorf("%s: got %d %s, want %d", name, got, answer, want)
		}
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

func TestAnUploadThatBreaksOffLeavesNothing(t *testing.T) {
	f := start(t, nil)
	c, err := net.Dial("unix", f.config.Socket)
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

func TestReadiness_whileTheDatabaseIsAway(t *testing.T) {
	f := start(t, nil)
	if status, body := f.ask("GET", "/readyz", ""); status != http.StatusOK {
		t.Fatalf("got %d %s, want 200", status, body)
	}
	path := filepath.Join(f.config.DataDir, datadir.DatabaseFile)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if status, body := f.ask("GET", "/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "database_lost") {
		t.Errorf("got %d %s, want 503 and that the database is lost", status, body)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if status, body := f.ask("GET", "/readyz", ""); status != http.StatusOK {
		t.Errorf("got %d %s once it is back, want 200", status, body)
	}
}
