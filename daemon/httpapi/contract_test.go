package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/voxparse/voxparse/daemon/httpapi"
	"github.com/voxparse/voxparse/internal/openapi"
)

// contract is the description of the API, strict: what it does not name may not
// be in an answer.
var contract = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.JSON)
	if err != nil {
		return nil, err
	}
	for _, s := range doc.Components.Schemas {
		forbidMore(s.Value)
	}
	for _, media := range []string{"text/html", "text/event-stream", "text/vtt", "text/markdown", "text/tab-separated-values", "application/x-subrip"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.PlainBodyDecoder)
	}
	doc.Servers = nil // whatever its name, this is the server
	return gorillamux.NewRouter(doc)
})

// forbidMore makes what a schema does not name an error.
func forbidMore(s *openapi3.Schema) {
	no := false
	if len(s.Properties) > 0 {
		s.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
	}
	for _, p := range s.Properties {
		if p.Ref == "" {
			forbidMore(p.Value)
		}
	}
}

// held serves h and holds what it is asked and answers to the description: each
// request that succeeds, and each answer.
func held(t testing.TB, h http.Handler) http.Handler {
	t.Helper()
	router := must(contract())(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := &bytes.Buffer{}
		body := r.Body
		ask := r.Clone(context.WithoutCancel(r.Context()))
		r.Body = readCloser{io.TeeReader(body, asked), body}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(rec, r)
		answer := &openapi3filter.ResponseValidationInput{Status: rec.status, Header: w.Header(), Options: &openapi3filter.Options{
			IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true}}
		answer.SetBodyBytes(rec.body.Bytes())
		if ask.Method == http.MethodHead { // what GET would be answered, but for the body
			ask.Method = http.MethodGet
			answer.Options.ExcludeResponseBody = true
		}
		route, params, err := router.FindRoute(ask)
		if err != nil { // there is no such route: the answer is an error all the same
			var e struct{ Error struct{ Type string } }
			if json.Unmarshal(rec.body.Bytes(), &e) != nil || e.Error.Type == "" || rec.status < 400 {
				t.Errorf("%s %s: got %d %s, want an error with a type: the description has no such route", r.Method, r.URL.Path, rec.status, rec.body.Bytes())
			}
			return
		}
		ask.Body = io.NopCloser(asked)
		if asked.Len() > 0 && ask.Header.Get("Content-Type") == "" {
			ask.Header.Set("Content-Type", "application/json") // what a body without a type is taken for
		}
		answer.RequestValidationInput = &openapi3filter.RequestValidationInput{Request: ask, PathParams: params, Route: route, Options: answer.Options}
		if rec.status < 300 && !strings.HasPrefix(ask.Header.Get("Content-Type"), "multipart/") { // of forms the fields are held to the table of options
			if err := openapi3filter.ValidateRequest(ask.Context(), answer.RequestValidationInput); err != nil {
				t.Errorf("%s %s was answered with %d and is not as described: %v", r.Method, r.URL, rec.status, err)
			}
		}
		if err := openapi3filter.ValidateResponse(ask.Context(), answer); err != nil {
			t.Errorf("%s %s: the answer is not as described: %v", r.Method, r.URL, err)
		}
	})
}

// readCloser reads from one and closes another.
type readCloser struct {
	io.Reader
	io.Closer
}

// recorder keeps a copy of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write keeps a copy.
func (r *recorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find deadlines and Flush.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func TestRoutes_areTheDescription(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.JSON)
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	served := httpapi.Patterns()
	slices.Sort(described)
	if !slices.Equal(served, described) {
		t.Errorf("got the routes\n%s\nwant those of docs/reference/openapi.yaml\n%s", strings.Join(served, "\n"), strings.Join(described, "\n"))
	}
}

func TestDescription_isServedWithoutAKey(t *testing.T) {
	f := serve(t, nil)
	for path, want := range map[string]string{"/openapi.json": `"openapi": "3.1`, "/docs": "<title>voxparse: HTTP API</title>"} {
		if status, body := f.askTCP("GET", path, ""); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %d %.80s, want 200 with %s", path, status, body, want)
		}
	}
}
