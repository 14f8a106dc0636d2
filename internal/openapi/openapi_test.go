package openapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/openapi"
)

const source = "../../docs/reference/openapi.yaml"

var update = flag.Bool("update", false, "write what is made from docs/reference/openapi.yaml anew")

// load reads the description as it is kept.
func load(t *testing.T) *openapi3.T {
	t.Helper()
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true // the order of the file is that of the page
	doc, err := loader.LoadFromFile(source)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDescription_isOpenAPI31(t *testing.T) {
	doc := load(t)
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("got version %s, want 3.1", doc.OpenAPI)
	}
	served, err := openapi3.NewLoader().LoadFromData(openapi.JSON)
	if err != nil {
		t.Fatalf("read what is served: %v", err)
	}
	if err := served.Validate(t.Context()); err != nil {
		t.Errorf("what is served: %v", err)
	}
}

// TestMadeFiles keeps what is made from the description as it says.
func TestMadeFiles(t *testing.T) {
	doc := load(t)
	var asJSON bytes.Buffer
	raw, err := doc.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Indent(&asJSON, raw, "", " "); err != nil {
		t.Fatal(err)
	}
	asJSON.WriteByte('\n')
	reference := markdown(doc)
	for path, want := range map[string][]byte{
		"openapi.json":                asJSON.Bytes(),
		"../../docs/reference/api.md": reference,
		"page.html":                   page(t, doc.Info.Title, reference),
	} {
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what docs/reference/openapi.yaml says (%v); make it again: go test ./internal/openapi -update", path, err)
		}
	}
}

func TestPage_loadsNothingElse(t *testing.T) {
	for _, word := range []string{"<script", "src=", "@import", "url("} {
		if bytes.Contains(openapi.Page, []byte(word)) {
			t.Errorf("the page has %q, want one that loads nothing", word)
		}
	}
}

// wireTypes are the types of package api that the description has by the same
// name.
var wireTypes = []any{
	api.Job{}, api.Source{}, api.Options{}, api.Progress{}, api.JobEvent{}, api.Accepted{}, api.Segment{}, api.Word{}, api.Notice{},
	api.Analysis{}, api.Quote{}, api.ActionItem{}, api.Sentiment{}, api.SpeakerSentiment{}, api.Topic{}, api.Amount{}, api.Concern{}, api.SpeakerTalk{}, api.Interruption{},
	api.SearchHit{}, api.SearchSnippet{}, api.Webhook{}, api.WebhookPatch{}, api.RotateRequest{}, api.ReplayRequest{}, api.ReplayAnswer{}, api.Delivery{}, api.Attempt{},
	api.Folder{}, api.FolderOptions{}, api.FolderFile{}, api.FolderRequest{}, api.FolderPatch{}, api.Status{}, api.WebhookHealth{}, api.Worker{}, api.Problem{},
	api.Health{}, api.Checkup{}, api.Finding{}, api.ErrorBody{},
}

func TestSchemas_areTheWireTypes(t *testing.T) {
	doc := load(t)
	for _, v := range wireTypes {
		kind := reflect.TypeOf(v)
		compareFields(t, doc, kind.Name(), kind)
	}
	result := doc.Components.Schemas["Result"].Value
	if result.Properties["result_url"] == nil {
		t.Error("Result: got no result_url, want what webhooks add to api.Result")
	}
	delete(result.Properties, "result_url")
	compareFields(t, doc, "Result", reflect.TypeFor[api.Result]())
}

// asked are the shapes that requests have, in which fields may be left out.
var asked = []string{"WebhookPatch", "RotateRequest", "ReplayRequest", "FolderRequest", "FolderPatch", "FolderOptions"}

// compareFields holds the properties of a schema to the fields of a type, and
// what it requires to the fields that are always written.
func compareFields(t *testing.T, doc *openapi3.T, name string, kind reflect.Type) {
	t.Helper()
	schema := doc.Components.Schemas[name]
	if schema == nil {
		t.Errorf("got no schema %s, want one for api.%s", name, kind.Name())
		return
	}
	var fields, always []string
	for _, f := range reflect.VisibleFields(kind) {
		field, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if field == "" || f.Anonymous {
			continue
		}
		fields = append(fields, field)
		if !strings.Contains(options, "omit") {
			always = append(always, field)
		}
	}
	if got := slices.Sorted(maps.Keys(schema.Value.Properties)); !slices.Equal(got, slices.Sorted(slices.Values(fields))) {
		t.Errorf("schema %s: got properties %v, want the fields %v", name, got, fields)
	}
	if slices.Contains(asked, name) {
		return // what a request has to say is the handler's business
	}
	if got := slices.Sorted(slices.Values(schema.Value.Required)); !slices.Equal(got, slices.Sorted(slices.Values(always))) {
		t.Errorf("schema %s: got required %v, want the fields that are always written %v", name, got, always)
	}
}

func TestSubmission_isTheTableOfOptions(t *testing.T) {
	doc := load(t)
	form := doc.Components.Schemas["Submission"].Value.Properties
	want := []string{"file"}
	for _, o := range api.OptionsOn(api.OnForm) {
		want = append(want, o.FormField())
		field := form[o.FormField()]
		if field == nil {
			continue // named below
		}
		if got := words(field.Value.Enum); len(o.Words) > 0 && !slices.Equal(got, o.Words) {
			t.Errorf("%s: got the words %v, want %v", o.FormField(), got, o.Words)
		}
		if got := field.Value.MaxLength; o.MaxChars > 0 && field.Value.Type.Is("string") && (got == nil || *got != uint64(o.MaxChars)) {
			t.Errorf("%s: got at most %v characters, want %d", o.FormField(), got, o.MaxChars)
		}
	}
	if got := slices.Sorted(maps.Keys(form)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("got fields %v, want %v", got, slices.Sorted(slices.Values(want)))
	}
}

func TestEnums_areTheWords(t *testing.T) {
	doc := load(t)
	var types []string
	for _, c := range []api.Code{api.Invalid, api.Unauthorized, api.NotFound, api.Conflict, api.TooLarge, api.NotAudio, api.RateLimited, api.Internal, api.Unavailable, api.LeaseLost, api.Unknown} {
		types = append(types, string(c))
	}
	for name, want := range map[string][]string{
		"JobStatus": api.JobStatuses, "DeliveryStatus": api.DeliveryStatuses, "Format": api.Formats,
		"AttemptErrorKind": api.AttemptErrorKinds,
		"ErrorType":        types,
	} {
		if got := words(doc.Components.Schemas[name].Value.Enum); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	for _, o := range api.OptionsOn(api.OnFolder) {
		field := doc.Components.Schemas["FolderOptions"].Value.Properties[o.Name].Value
		if field.Items != nil {
			field = field.Items.Value
		}
		for _, w := range o.Words {
			if !slices.Contains(words(field.Enum), w) {
				t.Errorf("%s: got the words %v, want %s among them", o.Name, field.Enum, w)
			}
		}
	}
}

func words(enum []any) []string {
	var out []string
	for _, v := range enum {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}
