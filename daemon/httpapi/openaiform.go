package httpapi

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
)

// The answers that POST /v1/audio/transcriptions can give.
const (
	openAIJSON    = "json"
	openAIText    = "text"
	openAIVerbose = "verbose_json"

	byWord    = "word"
	bySegment = "segment"
)

var openAIFormats = []string{openAIJSON, openAIText, api.FormatSRT, openAIVerbose, api.FormatVTT}

// openAIFields are the fields of the form. Those that steer OpenAI's own models
// are accepted and change nothing here.
var openAIFields = []string{
	"file", "model", "language", "prompt", "response_format", "temperature", "timestamp_granularities[]", "stream",
	"include[]", "chunking_strategy", "known_speaker_names[]", "known_speaker_references[]",
}

// maxOpenAIField bounds a field that is not the file, in bytes: a reference of
// a speaker holds audio.
const maxOpenAIField = 4 << 20

// openAIForm is a form of POST /v1/audio/transcriptions.
type openAIForm struct {
	*submission
	srv           *server
	format        string
	granularities []string
	stream        bool
}

func newOpenAIForm(srv *server) *openAIForm {
	f := &openAIForm{submission: newSubmission(), srv: srv, format: openAIJSON}
	f.read = f.set
	return f
}

// set reads one field. Errors name it.
func (f *openAIForm) set(name string, value io.Reader) error {
	if name == "timestamp_granularities" {
		name += "[]"
	}
	if !slices.Contains(openAIFields, name) {
		if near := api.Nearest(name, openAIFields); near != "" {
			return api.Errorf(api.Invalid, "unknown field %q; did you mean %q?", name, near)
		}
		return api.Errorf(api.Invalid, "unknown field %q; the fields are %s", name, strings.Join(openAIFields, ", "))
	}
	data, err := io.ReadAll(io.LimitReader(value, maxOpenAIField+1))
	switch {
	case err != nil:
		return err
	case len(data) > maxOpenAIField:
		return api.Errorf(api.TooLarge, "%s: over %d bytes", name, maxOpenAIField)
	case !utf8.Valid(data):
		return api.Errorf(api.Invalid, "%s: not UTF-8", name)
	}
	return inField(name, f.put(name, string(data)))
}

func (f *openAIForm) put(name, value string) (err error) {
	switch name {
	case "model":
		if f.Model, err = f.srv.modelNamed(value); err != nil {
			var known *api.Error
			if errors.As(err, &known) {
				known.Message = strings.TrimPrefix(known.Message, "model: ") // the field is named by the caller
			}
		}
	case "language":
		return f.form.set(name, strings.NewReader(value))
	case "response_format":
		if !slices.Contains(openAIFormats, value) {
			return api.Errorf(api.Invalid, "got %q, want %s", value, strings.Join(openAIFormats, ", "))
		}
		f.format = value
	case "timestamp_granularities[]":
		if value != byWord && value != bySegment {
			return api.Errorf(api.Invalid, "got %q, want %s or %s", value, byWord, bySegment)
		}
		f.granularities = append(f.granularities, value)
	case "temperature":
		if t, err := strconv.ParseFloat(value, 64); err != nil || !(t >= 0 && t <= 1) {
			return api.Errorf(api.Invalid, "got %q, want a number from 0 to 1", value)
		}
	case "stream":
		if f.stream, err = strconv.ParseBool(value); err != nil {
			return api.Errorf(api.Invalid, "got %q, want true or false", value)
		}
	}
	return err
}

// check refuses what does not go together.
func (f *openAIForm) check() error {
	if f.stream && f.format != openAIJSON && f.format != openAIText {
		return api.Errorf(api.Invalid, "response_format: with stream it is %s or %s, not %s", openAIJSON, openAIText, f.format)
	}
	if len(f.granularities) > 0 && f.format != openAIVerbose {
		return api.Errorf(api.Invalid, "timestamp_granularities[]: needs response_format %s", openAIVerbose)
	}
	return nil
}

// transcribeOpenAI serves POST /v1/audio/transcriptions: a job like any other,
// whose end the client waits for.
func (srv *server) transcribeOpenAI(w http.ResponseWriter, r *http.Request) error {
	if err := srv.cfg.Accepting(); err != nil {
		return err
	}
	f := newOpenAIForm(srv)
	f.last = f.check
	job, wait, err := srv.accept(w, r, f.submission)
	if err != nil {
		return err
	}
	defer wait.Close()
	w.Header().Set(requestIDHeader, job.ID)
	if f.stream {
		srv.streamOpenAI(w, r, job, wait)
		return nil
	}
	ended, err := srv.awaitEnd(r.Context(), job.ID, wait, silent, nil)
	if err != nil {
		return err
	}
	result, err := srv.resultOf(r.Context(), ended)
	if err != nil {
		return err
	}
	return f.answer(w, &result)
}
