package httpapi

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// OpenAI's routes for transcription, for programs that were written for that
// API: they are given another address and go on to work. Requests, answers and
// errors there have the form that OpenAI documents.

// defaultAlias is OpenAI's name for its first model, which many programs send
// without asking. It stands for the default model.
const defaultAlias = "whisper-1"

// openAIRoutes are the routes that OpenAI's clients use.
func (srv *server) openAIRoutes() map[string]handler {
	return map[string]handler{
		"POST /v1/audio/transcriptions": srv.transcribeOpenAI,
		"POST /v1/audio/translations":   refuseTranslation,
		"GET /v1/models":                srv.listModels,
		"GET /v1/models/{model}":        srv.showModel,
	}
}

// isOpenAI reports whether a path is one of OpenAI's.
func isOpenAI(path string) bool {
	return strings.HasPrefix(path, "/v1/audio/") || path == "/v1/models" || strings.HasPrefix(path, "/v1/models/")
}

// openAIError is the body of every error there.
type openAIError struct {
	Error openAIProblem `json:"error"`
}

type openAIProblem struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    string  `json:"code"`
}

// newOpenAIError returns the error for a code of ours. A message that begins
// with the name of a field names it in param too.
func newOpenAIError(status int, code api.Code, message string) openAIError {
	e := openAIProblem{Message: message, Type: "invalid_request_error", Code: string(code)}
	switch {
	case status == http.StatusTooManyRequests:
		e.Type = "rate_limit_error"
	case status >= http.StatusInternalServerError:
		e.Type = "server_error"
	case status == http.StatusUnauthorized:
		e.Code = "invalid_api_key"
	}
	if field, _, ok := strings.Cut(message, ": "); ok && slices.Contains(openAIFields, field) {
		e.Param = &field
		if field == "model" && code == api.NotFound {
			e.Code = "model_not_found"
		}
	}
	return openAIError{e}
}

// writeOpenAIError answers with an error. The official clients send a request
// again after a 409, a 429 and every 5xx, audio and all: only where that helps
// are they let.
func writeOpenAIError(w http.ResponseWriter, status int, code api.Code, message string, retry time.Duration) {
	again := code == api.Unavailable || code == api.RateLimited
	w.Header().Set("X-Should-Retry", strconv.FormatBool(again))
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(retry.Seconds()))))
	}
	writeJSON(w, status, newOpenAIError(status, code, message))
}

// openAIModel is one model of the list.
type openAIModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"` // seconds since 1970: when this daemon started
	OwnedBy string `json:"owned_by"`
}

type openAIList struct {
	Object string        `json:"object"`
	Data   []openAIModel `json:"data"`
}

func (srv *server) openAIModel(name string) openAIModel {
	return openAIModel{ID: name, Object: "model", Created: srv.cfg.Started.Unix(), OwnedBy: "voxparse"}
}

// listModels serves GET /v1/models: what can be named as model.
func (srv *server) listModels(w http.ResponseWriter, _ *http.Request) error {
	list := openAIList{Object: "list", Data: []openAIModel{srv.openAIModel(defaultAlias)}}
	for _, name := range srv.cfg.Catalog.Names() {
		list.Data = append(list.Data, srv.openAIModel(name))
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}

// showModel serves GET /v1/models/{model}.
func (srv *server) showModel(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("model")
	if _, err := srv.modelNamed(name); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, srv.openAIModel(name))
	return nil
}

// modelNamed returns the model, as options have it, that a client names.
func (srv *server) modelNamed(name string) (string, error) {
	names := srv.cfg.Catalog.Names()
	switch {
	case name == defaultAlias:
		return "", nil
	case slices.Contains(names, name):
		return name, nil
	}
	return "", api.Errorf(api.NotFound, "model: there is no model %q; the models are %s, and %s for the default one", name, strings.Join(names, ", "), defaultAlias)
}

// refuseTranslation serves POST /v1/audio/translations.
func refuseTranslation(w http.ResponseWriter, _ *http.Request) error {
	writeOpenAIError(w, http.StatusNotImplemented, api.Invalid,
		"no model of this machine translates speech; POST /v1/audio/transcriptions writes it in the language in which it was said", 0)
	return nil
}
