package httpapi

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
	"github.com/voxparse/voxparse/daemon/feed"
	"github.com/voxparse/voxparse/internal/filetype"
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
	read func(field string, value io.Reader) error // takes a field that is not the file
	last func() error                              // checks the fields together; nil for none
}

// newSubmission returns one that reads the form of POST /v1/transcribe.
func newSubmission() *submission {
	f := newForm()
	return &submission{form: f, read: f.set}
}

// submit serves POST /v1/transcribe.
func (srv *server) submit(w http.ResponseWriter, r *http.Request) error {
	if err := srv.cfg.Accepting(); err != nil {
		return err
	}
	s := newSubmission()
	job, wait, err := srv.accept(w, r, s)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/jobs/"+job.ID)
	if s.Async {
		wait.Close()
		writeJSON(w, http.StatusAccepted, api.Accepted{JobID: job.ID, Status: api.Processing, Message: api.AcceptedMessage})
		return nil
	}
	return srv.answerWhenDone(w, r, job, wait)
}

// accept reads a form into s and makes its job durable. Whoever gets the
// subscription closes it.
func (srv *server) accept(w http.ResponseWriter, r *http.Request, s *submission) (store.Job, *feed.Subscription, error) {
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 255 || strings.IndexFunc(key, unicode.IsControl) >= 0 {
		return store.Job{}, nil, api.Errorf(api.Invalid, "Idempotency-Key: at most 255 characters, none of them a control character")
	}
	began := time.Now()
	if err := srv.readSubmission(w, r, s); err != nil {
		return store.Job{}, nil, err
	}
	job, wait, err := srv.record(r.Context(), s, key)
	if err != nil {
		if !errors.Is(err, api.Unknown) { // else the job may be there after a restart, and need it
			srv.cfg.Runner.RemoveAudio(s.blob.Name)
		}
		return store.Job{}, nil, err
	}
	srv.cfg.Metrics.JobAccepted(time.Since(began))
	return job, wait, nil
}

// readSubmission streams the form: the audio goes straight to the spool.
func (srv *server) readSubmission(w http.ResponseWriter, r *http.Request, s *submission) (err error) {
	limit := srv.cfg.Settings.MaxUpload
	if r.ContentLength > limit+formSlack {
		return srv.overLimit()
	}
	rc := http.NewResponseController(w)
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	limited := http.MaxBytesReader(w, &pacedBody{body: r.Body, rc: rc, began: time.Now()}, limit+formSlack)
	body := bufferedBody{bodies.get(limited), limited}
	defer bodies.put(body.Reader)
	mr, err := formReader(r, body)
	if err != nil {
		return api.Errorf(api.Invalid, "want a form of the type multipart/form-data with the field file; such as: curl -F file=@call.mp3 -F async=true …")
	}
	defer func() {
		if err != nil {
			srv.cfg.Runner.RemoveAudio(s.blob.Name)
		}
	}()
	for n := 0; ; n++ {
		part, err := mr.NextPart()
		if err == io.EOF { // as it is: wrapped, it says that the form breaks off
			break
		}
		if err != nil {
			return srv.readFailed(err)
		}
		if n == maxParts {
			return api.Errorf(api.Invalid, "the form has over %d fields", maxParts)
		}
		if err := srv.readPart(r.Context(), s, part); err != nil {
			return srv.readFailed(err)
		}
	}
	return srv.checkSubmission(r.Context(), s)
}

// formReader reads r's form by way of body. The request keeps its own body: by
// that the server knows that the rest of a refused upload need not be awaited.
func formReader(r *http.Request, body io.ReadCloser) (*multipart.Reader, error) {
	own := r.Body
	r.Body = body
	defer func() { r.Body = own }()
	return r.MultipartReader()
}

func (srv *server) readPart(ctx context.Context, s *submission, part *multipart.Part) error {
	name := part.FormName()
	if name != "file" && name != "audio" {
		return s.read(name, part)
	}
	if s.blob.Name != "" {
		return api.Errorf(api.Invalid, "the form holds two files; submit each on its own")
	}
	s.name = cleanName(part.FileName())
	br := sniffers.get(part)
	defer sniffers.put(br)
	head, err := br.Peek(filetype.HeadSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(head) == 0 {
		return api.Errorf(api.Invalid, "the file %s is empty", s.name)
	}
	_, raw := filetype.HeaderlessOf(s.name) // its samples may look like the beginning of anything
	if kind := filetype.NotAudio(head); kind != "" && !raw {
		return api.Errorf(api.NotAudio, "%s is %s, not audio", s.name, kind)
	}
	if s.blob, err = srv.cfg.Audio.Put(ctx, br, srv.cfg.Settings.MaxUpload); errors.Is(err, api.TooLarge) {
		return srv.overLimit()
	}
	return err
}

// checkSubmission checks what only the whole form tells.
func (srv *server) checkSubmission(ctx context.Context, s *submission) error {
	switch {
	case s.blob.Name == "":
		return api.Errorf(api.Invalid, "the field file is missing; such as: curl -F file=@call.mp3 …")
	case s.size >= 0 && s.size != s.blob.Size:
		return api.Errorf(api.Invalid, "the file arrived with %d bytes and size says %d; send it again", s.blob.Size, s.size)
	}
	if s.last != nil {
		if err := s.last(); err != nil {
			return err
		}
	}
	s.Options = s.Complete()
	if err := srv.cfg.Catalog.Check(s.Options); err != nil {
		return err
	}
	for _, id := range s.webhooks {
		if _, err := srv.cfg.Webhooks.Webhook(ctx, id); errors.Is(err, api.NotFound) {
			return api.Errorf(api.Invalid, "webhook_id: there is no webhook %s", id)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// record makes the job durable. A repeat with the same key finds the job that
// is there, if it is about the same.
func (srv *server) record(ctx context.Context, s *submission, key string) (store.Job, *feed.Subscription, error) {
	want := store.Job{
		ID: store.NewID(api.JobPrefix), Queue: store.QueueCommands,
		Source:  api.Source{Name: s.name, Size: s.blob.Size, SHA256: s.blob.SHA256},
		Options: s.Options, Metadata: s.metadata, Webhooks: s.webhooks, Blob: s.blob.Name, MaxAttempts: srv.cfg.Catalog.MaxAttempts(s.Options),
	}
	if key != "" {
		want.Dedupe = "key:" + key
	}
	wait := srv.cfg.Feed.Subscribe(want.ID)
	job, created, err := srv.cfg.Jobs.Submit(ctx, want)
	if err != nil {
		wait.Close()
		return store.Job{}, nil, err
	}
	if created {
		srv.cfg.Logger.Info("job accepted", "job", job.ID, "bytes", job.Source.Size)
		return job, wait, nil
	}
	wait.Close()
	if !sameRequest(job, want) {
		return store.Job{}, nil, api.Errorf(api.Conflict, "the Idempotency-Key was used for another request, which made %s; use a new key", job.ID)
	}
	srv.cfg.Runner.RemoveAudio(s.blob.Name)
	return job, srv.cfg.Feed.Subscribe(job.ID), nil
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
func (srv *server) readFailed(err error) error {
	var code api.Code
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &code):
		return err
	case errors.As(err, &tooLarge):
		return srv.overLimit()
	}
	return api.Errorf(api.Invalid, "read the form: %v", err)
}

func (srv *server) overLimit() error {
	return api.Errorf(api.TooLarge, "the file is over %d bytes; raise max_upload to allow more", srv.cfg.Settings.MaxUpload)
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
