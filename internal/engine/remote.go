package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/httpx"
)

// Remote says how to reach a recognizer behind HTTP.
type Remote struct {
	Name    string                                // as the settings call it; the model of its results
	URL     string                                // base URL, with or without /v1
	Model   string                                // the server's name of the model; "" for its default
	Key     func(context.Context) (string, error) // asked at each request and not kept; nil for none
	Timeout time.Duration                         // of one request, the upload included; 30 min where it is 0
	// PerMinute is how many requests a minute are sent; the rest wait their
	// turn. 0 is 10 for the VoxParse cloud and no limit elsewhere.
	PerMinute int
	// MaxUpload is the server's limit in bytes; 0 for none.
	MaxUpload int64
	Client    *http.Client // nil for one of our own
}

const (
	remoteTimeout = 30 * time.Minute
	// maxRemoteAnswer bounds what is read of an answer: a day of speech with
	// word times stays below it.
	maxRemoteAnswer = 64 << 20
	maxRemoteError  = 8 << 10
)

// remote is what the two kinds of remote engine have in common.
type remote struct {
	Remote
	limit *rate.Limiter
}

func newRemote(r Remote) remote {
	if r.Timeout == 0 {
		r.Timeout = remoteTimeout
	}
	if r.Client == nil {
		r.Client = &http.Client{CheckRedirect: httpx.NoRedirect}
	}
	limit := rate.NewLimiter(rate.Inf, 1)
	if r.PerMinute > 0 {
		limit = rate.NewLimiter(rate.Every(time.Minute/time.Duration(r.PerMinute)), r.PerMinute)
	}
	r.URL = strings.TrimSuffix(strings.TrimRight(r.URL, "/"), "/v1")
	return remote{Remote: r, limit: limit}
}

// field is one text field of a form.
type field struct{ name, value string }

// form lays a file and fields out as a multipart body of known length: some
// servers refuse a chunked one. The caller closes the file.
func form(f *os.File, name string, fields []field) (body io.Reader, size int64, contentType string, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, "", err
	}
	var head bytes.Buffer
	w := multipart.NewWriter(&head)
	for _, fd := range fields {
		if err := w.WriteField(fd.name, fd.value); err != nil {
			return nil, 0, "", err
		}
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", multipart.FileContentDisposition("file", name))
	h.Set("Content-Type", "application/octet-stream")
	if _, err := w.CreatePart(h); err != nil {
		return nil, 0, "", err
	}
	tail := "\r\n--" + w.Boundary() + "--\r\n"
	size = int64(head.Len()) + info.Size() + int64(len(tail))
	return io.MultiReader(&head, io.LimitReader(f, info.Size()), strings.NewReader(tail)), size, w.FormDataContentType(), nil
}

// authorize sets the key, if there is one, and returns it. A key that cannot be
// had now (a locked keyring) may be had later.
func (r *remote) authorize(req *http.Request, set func(h http.Header, key string)) (string, error) {
	if r.Key == nil {
		return "", nil
	}
	key, err := r.Key(req.Context())
	if err != nil {
		return "", &Error{Code: api.JobRemote, Transient: true, RetryAfter: time.Minute,
			Message: fmt.Sprintf("the key of engine %s cannot be read (%v); check engines.%s.key", r.Name, err, r.Name)}
	}
	set(req.Header, key)
	return key, nil
}

// unread is the error for audio that cannot be read on this machine: that is not
// the file's fault and may pass, unless the file is gone.
func unread(err error) *Error {
	e := &Error{Code: api.JobInternal, Message: fmt.Sprintf("the audio cannot be read: %v", err)}
	e.Retry = errors.Is(err, fs.ErrNotExist)
	e.Transient = !e.Retry
	return e
}

// upload posts a file. The answer's body is the caller's to close.
func (r *remote) upload(ctx context.Context, path string, q Request, fields []field, set func(http.Header, string)) (*http.Response, error) {
	f, err := os.Open(q.Path)
	if err != nil {
		return nil, unread(err)
	}
	defer f.Close()
	body, size, contentType, err := form(f, q.Name, fields)
	if err != nil {
		return nil, unread(err)
	}
	if r.MaxUpload > 0 && size > r.MaxUpload {
		return nil, &Error{Code: api.JobRemote, Message: fmt.Sprintf("the file has %d bytes; engine %s takes %d at most: use a local model for it", size, r.Name, r.MaxUpload)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+path, body)
	if err != nil {
		return nil, &Error{Code: api.JobRemote, Message: fmt.Sprintf("the address of engine %s is not usable: check engines.%s.url", r.Name, r.Name)}
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", contentType)
	return r.do(req, set)
}

// do sends one request in its turn. An answer of 200-299 is returned, every
// other outcome is an *Error.
func (r *remote) do(req *http.Request, set func(http.Header, string)) (*http.Response, error) {
	ctx := req.Context()
	if err := r.limit.Wait(ctx); err != nil {
		return nil, r.broken(ctx, err)
	}
	key, err := r.authorize(req, set)
	if err != nil {
		return nil, err
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		return nil, r.broken(ctx, err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	said, _ := httpx.ReadBody(resp.Body, maxRemoteError) // what came is enough for the message
	return nil, r.refused(resp, said, key)
}

// broken is the error of a request without an answer: an outage, which delays.
func (r *remote) broken(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return &Error{Code: api.JobRemote, Retry: true, Message: fmt.Sprintf("engine %s cannot be reached: %v", r.Name, err)}
}

// refused is the error of an answer that is not 2xx. Some servers repeat the
// key that they refuse, and an error is logged and stored.
func (r *remote) refused(resp *http.Response, said []byte, key string) error {
	e := &Error{Code: api.JobRemote, RetryAfter: retryAfter(resp.Header, said)}
	what := fmt.Sprintf("engine %s answered %d", r.Name, resp.StatusCode)
	if key != "" {
		said = bytes.ReplaceAll(said, []byte(key), []byte("[key]"))
	}
	if msg := errorMessage(said); msg != "" {
		what += ": " + msg
	}
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests:
		e.Transient = true
		e.RetryAfter = max(e.RetryAfter, time.Second)
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		e.Transient = true
		e.RetryAfter = max(e.RetryAfter, 5*time.Minute)
		what += fmt.Sprintf("; its key is wrong or has no rights: check engines.%s.key", r.Name)
	case s == http.StatusUnsupportedMediaType:
		e.Code = api.JobNotAudio
	case s == http.StatusRequestEntityTooLarge:
		what += "; the file is too large for it: use a local model for it"
	case s == http.StatusRequestTimeout || s >= 500:
		e.Retry = true
	}
	e.Message = what
	return e
}

// retryAfter reads the wait that a server asks for, from its header or from
// retry_after in its JSON.
func retryAfter(h http.Header, said []byte) time.Duration {
	if wait, ok := httpx.RetryAfter(h.Get("Retry-After"), time.Now()); ok {
		return min(wait, 24*time.Hour)
	}
	var body struct {
		RetryAfter float64 `json:"retry_after"`
	}
	if json.Unmarshal(said, &body) == nil && body.RetryAfter > 0 {
		return time.Duration(min(body.RetryAfter, 86400) * float64(time.Second))
	}
	return 0
}

// errorMessage finds the sentence in an error body: {"error":{"message":…}},
// {"error":"…"} or {"message":…}. Other bodies give nothing: a page of HTML
// helps nobody.
func errorMessage(said []byte) string {
	var body struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
	}
	if json.Unmarshal(said, &body) != nil {
		return ""
	}
	var inner struct {
		Message string `json:"message"`
	}
	var text string
	switch {
	case json.Unmarshal(body.Error, &inner) == nil && inner.Message != "":
		text = inner.Message
	case json.Unmarshal(body.Error, &text) == nil && text != "":
	default:
		text = body.Message
	}
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// decode reads a JSON answer of bounded size and closes its body.
func (r *remote) decode(ctx context.Context, resp *http.Response, into any) error {
	defer resp.Body.Close()
	raw, err := httpx.ReadBody(resp.Body, maxRemoteAnswer)
	switch {
	case err == nil:
	case !errors.Is(err, httpx.ErrTooLong):
		return r.broken(ctx, err)
	default:
		return &Error{Code: api.JobRemote, Message: fmt.Sprintf("engine %s answered with more than %d bytes", r.Name, maxRemoteAnswer)}
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return &Error{Code: api.JobRemote, Retry: true, Message: fmt.Sprintf("engine %s answered with something else than JSON: %v", r.Name, err)}
	}
	return nil
}
