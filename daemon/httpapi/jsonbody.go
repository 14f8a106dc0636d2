package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
)

// readJSON decodes a request's JSON body into v, strictly. An empty body leaves
// v as it is when optional.
func readJSON(w http.ResponseWriter, r *http.Request, v any, optional bool) error {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(readPause))
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestJSON))
	_ = rc.SetReadDeadline(time.Time{})
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return api.Errorf(api.TooLarge, "the body is over %d bytes", maxRequestJSON)
	case err != nil:
		return api.Errorf(api.Invalid, "read the body: %v", err)
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		if optional {
			return nil
		}
		return api.Errorf(api.Invalid, "the body is empty; send a JSON object")
	}
	return strictJSON(data, v, "the body")
}

// strictJSON decodes data, which is one JSON value without fields that v
// does not have. what names it in errors.
func strictJSON(data []byte, v any, what string) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return api.Errorf(api.Invalid, "%s: %s", what, explainJSON(err))
	}
	if dec.More() {
		return api.Errorf(api.Invalid, "%s holds more than one JSON value", what)
	}
	return nil
}

// explainJSON says what is wrong with JSON, without the names of Go's types.
func explainJSON(err error) string {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	var moment *time.ParseError
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Sprintf("got a JSON %s, want an object", kind.Value)
	case errors.As(err, &kind):
		return fmt.Sprintf("%s: got a JSON %s, want %s", kind.Field, kind.Value, jsonKind(kind.Type))
	case errors.As(err, &moment):
		return fmt.Sprintf("got %q, want a time such as \"2026-05-03T12:00:00Z\"", strings.Trim(moment.Value, `"`))
	case strings.HasPrefix(err.Error(), "Time.UnmarshalJSON"):
		return "want a time such as \"2026-05-03T12:00:00Z\""
	case errors.As(err, &syntax):
		return fmt.Sprintf("not JSON: %v (byte %d)", syntax, syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "not JSON: it ends too early"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// jsonKind names the JSON that a type is written in.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.String:
		return "a string"
	}
	return "a number"
}
