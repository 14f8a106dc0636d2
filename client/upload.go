package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
)

// Upload is one file to transcribe.
type Upload struct {
	Name string                        // base name, for people and as a hint of the format
	Open func() (io.ReadCloser, error) // the audio from its start; called again where an upload is repeated
	Size int64                         // bytes, -1 where it is not known; then an upload is not repeated
	api.Options
	Metadata       json.RawMessage // a JSON object, or nil
	WebhookIDs     []string        // only these receive the events; nil: every subscribed one
	IdempotencyKey string          // a repeat with the same key finds the same job
	Sent           func(n int64)   // told the bytes sent so far; may be nil
}

// uploadTries is how often an upload with an idempotency key is sent when the
// connection breaks.
const uploadTries = 3

// uploadWaits are between those tries.
var uploadWaits = retry.Backoff{First: 200 * time.Millisecond, Most: time.Second}

// Submit uploads a file and returns once the daemon has it on disk.
func (c *Client) Submit(ctx context.Context, u Upload) (api.Accepted, error) {
	var out api.Accepted
	err := c.upload(ctx, u, true, &out)
	return out, err
}

// Transcribe uploads a file and waits for its transcript. It reports no
// progress: Submit and WaitJob do.
func (c *Client) Transcribe(ctx context.Context, u Upload) (*api.Result, error) {
	var out api.Result
	if err := c.upload(ctx, u, false, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// upload repeats an upload whose outcome is unknown where that is harmless.
func (c *Client) upload(ctx context.Context, u Upload, async bool, out any) error {
	waits := uploadWaits.Start()
	for try := 1; ; try++ {
		err := c.uploadOnce(ctx, u, async, out)
		if !errors.Is(err, api.Unknown) || u.IdempotencyKey == "" || u.Size < 0 || try == uploadTries {
			return err
		}
		if err := retry.Sleep(ctx, waits.Next()); err != nil {
			return err
		}
	}
}

func (c *Client) uploadOnce(ctx context.Context, u Upload, async bool, out any) error {
	audio, err := u.Open()
	if err != nil {
		return fmt.Errorf("open %s: %w", u.Name, err)
	}
	defer audio.Close()
	head, tail, contentType, err := envelope(u, async)
	if err != nil {
		return api.Errorf(api.Invalid, "encode the form: %v", err)
	}
	source := io.Reader(audio)
	if u.Size < 0 {
		pipe, done := endsWith(ctx, audio)
		defer done()
		source = pipe
	}
	counted := &counter{r: source, sent: u.Sent, want: u.Size}
	req, err := c.request(ctx, http.MethodPost, "/v1/transcribe", io.MultiReader(bytes.NewReader(head), counted, bytes.NewReader(tail)))
	if err != nil {
		return err
	}
	if u.Size >= 0 {
		req.ContentLength = int64(len(head)) + u.Size + int64(len(tail))
	}
	req.Header.Set("Content-Type", contentType)
	if u.Size < 0 || u.Size > 1<<20 {
		req.Header.Set("Expect", "100-continue") // a refusal by header alone spares the upload
	}
	if u.IdempotencyKey != "" {
		req.Header.Set("Idempotency-Key", u.IdempotencyKey)
	}
	resp, err := c.send(req)
	if counted.err != nil && ctx.Err() == nil {
		err = fmt.Errorf("read %s: %w", u.Name, counted.err)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := decode(resp.Body, out); err != nil {
		return c.broken(ctx, err)
	}
	return nil
}

// endsWith returns what r gives, until ctx ends. A read of a terminal or a pipe
// that nobody writes to cannot be broken off, and the transport would wait for
// it; so it is left to itself.
func endsWith(ctx context.Context, r io.Reader) (_ io.Reader, done func()) {
	pr, pw := io.Pipe()
	go func() {
		_, err := io.Copy(pw, r)
		pw.CloseWithError(err)
	}()
	stop := context.AfterFunc(ctx, func() { pr.CloseWithError(context.Cause(ctx)) })
	return pr, func() {
		stop()
		pr.CloseWithError(io.ErrClosedPipe)
	}
}

// formValues hold what the fields of the form say, by the names of the options.
type formValues struct {
	api.Options
	Metadata json.RawMessage `json:"metadata"`
	Webhooks []string        `json:"webhooks"`
	Async    bool            `json:"async"`
}

// envelope returns what stands before and after the audio in the form. The
// fields come first, so that the daemon can refuse them before the audio.
func envelope(u Upload, async bool) (head, tail []byte, contentType string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	given := formValues{Options: u.Options, Metadata: u.Metadata, Webhooks: u.WebhookIDs, Async: async}
	for _, o := range api.OptionsOn(api.OnForm) {
		for _, value := range o.Values(&given) {
			if err := w.WriteField(o.FormField(), value); err != nil {
				return nil, nil, "", err
			}
		}
	}
	if _, err := w.CreatePart(fileHeader(u.Name)); err != nil {
		return nil, nil, "", err
	}
	n := b.Len()
	if err := w.Close(); err != nil {
		return nil, nil, "", err
	}
	return b.Bytes()[:n], b.Bytes()[n:], w.FormDataContentType(), nil
}

// fileHeader names the file so that any name arrives, with control characters
// in it and what not: in an encoded form where a quoted string cannot hold it.
func fileHeader(name string) textproto.MIMEHeader {
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", mime.FormatMediaType("form-data", map[string]string{"name": "file", "filename": name}))
	h.Set("Content-Type", "application/octet-stream")
	return h
}

// counter tells how much of the audio was read, and keeps the reader's own
// error, which the transport would hide. It never gives more than want, nor
// less: a file that changes its length while it is read would break the form.
type counter struct {
	r    io.Reader
	n    int64
	want int64 // -1: any
	sent func(int64)
	err  error
}

func (c *counter) Read(p []byte) (int, error) {
	if c.want >= 0 && int64(len(p)) > c.want-c.n {
		if c.want == c.n {
			return 0, io.EOF
		}
		p = p[:c.want-c.n]
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	if n > 0 && c.sent != nil {
		c.sent(c.n)
	}
	if errors.Is(err, io.EOF) && c.want >= 0 && c.n < c.want {
		err = api.Errorf(api.Invalid, "it became shorter while it was read; wait until it is written, then try again")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
