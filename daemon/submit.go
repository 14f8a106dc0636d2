package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

// formSlack is what the fields and the frame of a form may take besides the
// audio, in bytes.
const formSlack = 1 << 20

// maxParts bounds the fields of one form.
const maxParts = 200

// submission is a form with its audio, which is durable.
type submission struct {
	*form
	name string
	blob store.Blob
}

// submit serves POST /v1/transcribe.
func (d *Daemon) submit(w http.ResponseWriter, r *http.Request) error {
	if err := d.accepting(); err != nil {
		return err
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 255 || strings.IndexFunc(key, unicode.IsControl) >= 0 {
		return api.Errorf(api.Invalid, "Idempotency-Key: at most 255 characters, none of them a control character")
	}
	began := time.Now()
	s, err := d.readSubmission(w, r)
	if err != nil {
		return err
	}
	job, wait, err := d.record(r.Context(), s, key)
	if err != nil {
		if !errors.Is(err, api.Unknown) { // else the job may be there after a restart, and need it
			d.dropBlob(s.blob.Name)
		}
		return err
	}
	d.metrics.accepted.Observe(time.Since(began).Seconds())
	w.Header().Set("Location", "/v1/jobs/"+job.ID)
	if s.async {
		wait.leave()
		writeJSON(w, http.StatusAccepted, api.Accepted{JobID: job.ID, Status: api.Processing, Message: api.AcceptedMessage})
		return nil
	}
	return d.answerWhenDone(w, r, job, wait)
}

// readSubmission streams the form: the audio goes straight to the spool.
func (d *Daemon) readSubmission(w http.ResponseWriter, r *http.Request) (_ *submission, err error) {
	limit := d.cfg.MaxUpload
	if r.ContentLength > limit+formSlack {
		return nil, d.overLimit()
	}
	rc := http.NewResponseController(w)
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	limited := http.MaxBytesReader(w, &pacedBody{body: r.Body, rc: rc, began: time.Now()}, limit+formSlack)
	body := bufferedBody{bodies.get(limited), limited}
	defer bodies.put(body.Reader)
	mr, err := formReader(r, body)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "want a form of the type multipart/form-data with the field file; such as: curl -F file=@call.mp3 -F async=true …")
	}
	s := &submission{form: newForm()}
	defer func() {
		if err != nil {
			d.dropBlob(s.blob.Name)
		}
	}()
	for n := 0; ; n++ {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, d.readFailed(err)
		}
		if n == maxParts {
			return nil, api.Errorf(api.Invalid, "the form has over %d fields", maxParts)
		}
		if err := d.readPart(r.Context(), s, part); err != nil {
			return nil, d.readFailed(err)
		}
	}
	return s, d.checkSubmission(r.Context(), s)
}

// formReader reads r's form by way of body. The request keeps its own body: by
// that the server knows that the rest of a refused upload need not be awaited.
func formReader(r *http.Request, body io.ReadCloser) (*multipart.Reader, error) {
	own := r.Body
	r.Body = body
	defer func() { r.Body = own }()
	return r.MultipartReader()
}

func (d *Daemon) readPart(ctx context.Context, s *submission, part *multipart.Part) error {
	name := part.FormName()
	if name != "file" && name != "audio" {
		return s.set(name, part)
	}
	if s.blob.Name != "" {
		return api.Errorf(api.Invalid, "the form holds two files; submit each on its own")
	}
	s.name = cleanName(part.FileName())
	br := sniffers.get(part)
	defer sniffers.put(br)
	head, err := br.Peek(sniffLen)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(head) == 0 {
		return api.Errorf(api.Invalid, "the file %s is empty", s.name)
	}
	if kind := notAudio(head); kind != "" {
		return api.Errorf(api.NotAudio, "%s is %s, not audio", s.name, kind)
	}
	if s.blob, err = d.blobs.Put(ctx, br, d.cfg.MaxUpload); errors.Is(err, api.TooLarge) {
		return d.overLimit()
	}
	return err
}

// checkSubmission checks what only the whole form tells.
func (d *Daemon) checkSubmission(ctx context.Context, s *submission) error {
	switch {
	case s.blob.Name == "":
		return api.Errorf(api.Invalid, "the field file is missing; such as: curl -F file=@call.mp3 …")
	case s.size >= 0 && s.size != s.blob.Size:
		return api.Errorf(api.Invalid, "the file arrived with %d bytes and size says %d; send it again", s.blob.Size, s.size)
	}
	s.options.RedactPII = s.options.RedactPII || s.options.RedactAudio
	if err := d.checkModel(s.options); err != nil {
		return err
	}
	for _, id := range s.webhooks {
		if _, err := d.db.Webhook(ctx, id); errors.Is(err, api.NotFound) {
			return api.Errorf(api.Invalid, "webhook_id: there is no webhook %s", id)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// record makes the job durable. A repeat with the same key finds the job that
// is there, if it is about the same.
func (d *Daemon) record(ctx context.Context, s *submission, key string) (store.Job, *listener, error) {
	want := store.Job{
		ID: store.NewID(api.JobPrefix), Queue: store.QueueCommands,
		Source:  api.Source{Name: s.name, Size: s.blob.Size, SHA256: s.blob.SHA256},
		Options: s.options, Metadata: s.metadata, Webhooks: s.webhooks, Blob: s.blob.Name, MaxAttempts: d.maxAttempts(s.options),
	}
	if key != "" {
		want.Dedupe = "key:" + key
	}
	wait := d.hub.join(want.ID)
	job, created, err := d.db.Submit(ctx, want)
	if err != nil {
		wait.leave()
		return store.Job{}, nil, err
	}
	if created {
		d.log.Info("job accepted", "job", job.ID, "bytes", job.Source.Size)
		return job, wait, nil
	}
	wait.leave()
	if !sameRequest(job, want) {
		return store.Job{}, nil, api.Errorf(api.Conflict, "the Idempotency-Key was used for another request, which made %s; use a new key", job.ID)
	}
	d.dropBlob(s.blob.Name)
	return job, d.hub.join(job.ID), nil
}

// sameRequest reports whether two submissions ask for the same.
func sameRequest(a, b store.Job) bool {
	if a.Source.SHA256 != b.Source.SHA256 || a.Options != b.Options || !bytes.Equal(a.Metadata, b.Metadata) || len(a.Webhooks) != len(b.Webhooks) {
		return false
	}
	for i := range a.Webhooks {
		if a.Webhooks[i] != b.Webhooks[i] {
			return false
		}
	}
	return true
}

// readFailed says whose fault it is that a body could not be read.
func (d *Daemon) readFailed(err error) error {
	var code api.Code
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &code):
		return err
	case errors.As(err, &tooLarge):
		return d.overLimit()
	}
	return api.Errorf(api.Invalid, "read the form: %v", err)
}

func (d *Daemon) overLimit() error {
	return api.Errorf(api.TooLarge, "the file is over %d bytes; raise max_upload to allow more", d.cfg.MaxUpload)
}

// dropBlob removes audio that no job refers to. What cannot be removed now is
// collected later.
func (d *Daemon) dropBlob(name string) {
	if name == "" {
		return
	}
	if err := d.blobs.Remove(name); err != nil {
		d.log.Warn("remove audio", "blob", name, "error", err)
	}
}

// cleanName makes a file name fit to be shown and stored: its base, without
// control characters, in at most 255 bytes.
func cleanName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name)
	for len(name) > 255 {
		_, n := utf8.DecodeRuneInString(name)
		name = name[n:]
	}
	if name == "" || name == "." || name == "/" {
		return "audio"
	}
	return name
}
