package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

// audio returns an Upload of the given bytes.
func audio(data []byte) client.Upload {
	return client.Upload{Name: "a \"b\" ü\x1b[31m\n%0A;=.mp3", Size: int64(len(data)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

func TestUploadSendsFieldsBeforeTheAudio(t *testing.T) {
	data := bytes.Repeat([]byte("audio"), 600_000)
	var fields []string
	var got []byte
	var name, key string
	var length int64
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, length = r.Header.Get("Idempotency-Key"), r.ContentLength
		mr, err := r.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		for p, err := mr.NextPart(); err == nil; p, err = mr.NextPart() {
			b, err := io.ReadAll(p)
			if err != nil {
				t.Error(err)
			}
			if p.FormName() == "file" {
				name, got = p.FileName(), b
				continue
			}
			if got != nil {
				t.Errorf("field %s came after the audio", p.FormName())
			}
			fields = append(fields, p.FormName()+"="+string(b))
		}
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"job_id":"job_1","status":"processing"}`)
	}))
	u := audio(data)
	u.Options = api.Options{Language: "en", RedactPII: true}
	u.Metadata, u.WebhookIDs, u.IdempotencyKey = json.RawMessage(`{"a":1}`), []string{"whk_1", "whk_2"}, "k1"
	var sent int64
	u.Sent = func(n int64) { sent = n }
	a, err := c.Submit(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if a.JobID != "job_1" || a.Status != api.Processing {
		t.Errorf("got %+v, want job_1, processing", a)
	}
	want := `[language=en redact_pii=true metadata={"a":1} webhook_id=whk_1 webhook_id=whk_2 async=true]`
	if fmt.Sprint(fields) != want {
		t.Errorf("got fields %v, want %s", fields, want)
	}
	if !bytes.Equal(got, data) || name != u.Name || key != "k1" || sent != int64(len(data)) || length <= sent {
		t.Errorf("got %d bytes named %q, key %q, told %d, length %d", len(got), name, key, sent, length)
	}
}

func TestUploadOfUnknownSizeIsStreamed(t *testing.T) {
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || r.ContentLength != -1 || n < 5 {
			t.Errorf("got %d bytes of %d announced, %v", n, r.ContentLength, err)
		}
		io.WriteString(w, `{"job_id":"job_1","text":"hello"}`)
	}))
	u := audio([]byte("audio"))
	u.Size = -1
	r, err := c.Transcribe(t.Context(), u)
	if err != nil || r.Text != "hello" {
		t.Errorf("got %+v, %v, want hello", r, err)
	}
}

func TestARefusalIsReadBeforeTheUploadEnds(t *testing.T) {
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		io.WriteString(w, `{"error":{"message":"max_upload is 100MB","code":413}}`)
	}))
	u := audio(make([]byte, 64<<20))
	var sent int64
	u.Sent = func(n int64) { sent = n }
	_, err := c.Submit(t.Context(), u)
	if !errors.Is(err, api.TooLarge) || sent > 1<<20 {
		t.Errorf("got %v after %d bytes, want api.TooLarge before the upload", err, sent)
	}
}

func TestABrokenUploadIsRepeatedWithItsKey(t *testing.T) {
	tests := []struct {
		key   string
		calls int32
		ok    bool
	}{{"k1", 3, true}, {"", 1, false}}
	for _, tt := range tests {
		var calls atomic.Int32
		c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) < 3 {
				panic(http.ErrAbortHandler)
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
			io.WriteString(w, `{"job_id":"job_1"}`)
		}))
		u := audio([]byte("audio"))
		u.IdempotencyKey = tt.key
		_, err := c.Submit(t.Context(), u)
		if (err == nil) != tt.ok || calls.Load() != tt.calls {
			t.Errorf("key %q: got %v after %d calls, want ok %v after %d", tt.key, err, calls.Load(), tt.ok, tt.calls)
		}
		if err != nil && !errors.Is(err, api.Unknown) {
			t.Errorf("got %v, want api.Unknown", err)
		}
	}
}

func TestAFileThatChangesWhileItIsRead(t *testing.T) {
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, file, err := r.FormFile("file")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, `{"job_id":"%d"}`, file.Size)
	}))
	u := audio([]byte("audio"))
	u.Size = 9
	if _, err := c.Submit(t.Context(), u); !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("shorter: got %v, want an error that says so", err)
	}
	u.Size = 3
	if a, err := c.Submit(t.Context(), u); err != nil || a.JobID != "3" {
		t.Errorf("longer: got %v, %v, want the length it had at first", a, err)
	}
}

func TestAReadErrorIsNotHiddenByTheTransport(t *testing.T) {
	c := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("got a whole body, want a broken one")
		}
	}))
	broken := errors.New("disk on fire")
	u := client.Upload{Name: "a.mp3", Size: -1, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("au"), failing{broken})), nil
	}}
	if _, err := c.Submit(t.Context(), u); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	u.Open = func() (io.ReadCloser, error) { return nil, context.DeadlineExceeded }
	if _, err := c.Submit(t.Context(), u); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the error of Open", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestAnUploadThatStallsEndsWithItsContext(t *testing.T) {
	stall, write := io.Pipe()
	defer write.Close()
	reading := make(chan struct{})
	c := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("Ctrl-C")
	go func() {
		<-reading
		cancel(why)
	}()
	_, err := c.Submit(ctx, client.Upload{Name: "stdin", Size: -1, Open: func() (io.ReadCloser, error) {
		close(reading)
		return io.NopCloser(stall), nil
	}})
	if !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}
