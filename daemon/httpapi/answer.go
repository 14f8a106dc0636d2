package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/voxparse/voxparse/api"
)

// writePause is how long a client may take to accept the bytes of one answer,
// or of one server-sent event.
const writePause = 30 * time.Second

// maxRequestJSON bounds the JSON body of a request, in bytes.
const maxRequestJSON = 64 << 10

// writeJSON answers with v. Like every answer of the API it keeps <, > and &
// as they are.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // a wire type of ours that JSON cannot hold
	}
	writeBytes(w, status, "application/json", b.Bytes())
}

// writeBytes answers with a whole body and a deadline for the client to take
// it. A client that has gone away is no error of ours.
func writeBytes(w http.ResponseWriter, status int, contentType string, body []byte) {
	deadline := time.Now().Add(writePause + time.Duration(len(body)/(64<<10))*time.Second)
	_ = http.NewResponseController(w).SetWriteDeadline(deadline) // a writer without deadlines is a test's
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// viewAll turns a page of records into the wire's items; never null.
func viewAll[R, V any](records []R, view func(R) V) []V {
	items := make([]V, 0, len(records))
	for _, r := range records {
		items = append(items, view(r))
	}
	return items
}

// writeError answers with the error body. The message of an internal error
// stays in the log.
func writeError(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	code, message := api.Internal, "internal error; see: voxparse daemon logs"
	var retry time.Duration
	var known *api.Error
	var bare api.Code
	switch {
	case errors.As(err, &known):
		code, message, retry = known.Code, known.Error(), known.RetryAfter
	case errors.As(err, &bare):
		code, message = bare, err.Error()
	case r.Context().Err() != nil:
		return // the client has gone: nobody reads an answer
	}
	status := code.Status()
	if status == http.StatusInternalServerError {
		log.Error("request failed", "method", r.Method, "path", r.URL.Path, "request_id", w.Header().Get(requestIDHeader), "error", err)
	}
	writeFailure(w, r, status, code, message, retry)
}

// writeFailure answers with an error in the form of the route.
func writeFailure(w http.ResponseWriter, r *http.Request, status int, code api.Code, message string, retry time.Duration) {
	if isOpenAI(r.URL.Path) {
		writeOpenAIError(w, status, code, message, retry)
		return
	}
	var body api.ErrorBody
	body.Error.Message, body.Error.Code, body.Error.Type = message, status, code
	if retry > 0 {
		seconds := int(math.Ceil(retry.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		if status == http.StatusTooManyRequests {
			body.RetryAfter = seconds
		}
	}
	writeJSON(w, status, body)
}
