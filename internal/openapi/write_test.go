package openapi_test

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

// route is one operation of the description.
type route struct {
	method, path string
	op           *openapi3.Operation
}

func (r route) String() string { return r.method + " " + r.path }

// routes returns the operations with a tag, in the order of the file.
func routes(doc *openapi3.T, tag string) []route {
	var out []route
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if slices.Contains(op.Tags, tag) {
				out = append(out, route{method, path, op})
			}
		}
	}
	slices.SortFunc(out, func(a, b route) int { return cmp.Compare(a.op.Origin.Key.Line, b.op.Origin.Key.Line) })
	return out
}

// markdown writes the reference for people: what the description says of the
// API as a whole, then its routes, then its shapes.
func markdown(doc *openapi3.T) []byte {
	var b bytes.Buffer
	intro, rest, _ := strings.Cut(doc.Info.Description, "\n## ")
	fmt.Fprintf(&b, "# HTTP API\n\nThis page is made from [openapi.yaml](openapi.yaml), which a running daemon serves at `/openapi.json`, and this page at `/docs`.\n\n%s\n", strings.TrimSpace(intro))
	for _, tag := range doc.Tags {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| route | meaning |\n|---|---|\n", tag.Name, tag.Description)
		for _, r := range routes(doc, tag.Name) {
			fmt.Fprintf(&b, "| `%s` | %s%s |\n", r, lower(r.op.Summary), reach(r.op))
		}
		for _, r := range routes(doc, tag.Name) {
			writeRoute(&b, r)
		}
	}
	fmt.Fprintf(&b, "\n## %s\n\n## Shapes\n", strings.TrimSpace(rest))
	for _, name := range inFileOrder(doc.Components.Schemas) {
		if s := doc.Components.Schemas[name].Value; len(s.Properties) > 0 {
			fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", name, s.Description)
			writeFields(&b, s)
		}
	}
	return b.Bytes()
}

// reach says where a route is served when it is not everywhere, with a key.
func reach(op *openapi3.Operation) string {
	switch {
	case op.Extensions["x-socket-only"] == true:
		return "; over the Unix socket only"
	case op.Security != nil && len(*op.Security) == 0:
		return "; needs no key"
	}
	return ""
}

func writeRoute(b *bytes.Buffer, r route) {
	fmt.Fprintf(b, "\n### `%s`\n\n%s%s.", r, r.op.Summary, reach(r.op))
	if r.op.Description != "" {
		fmt.Fprintf(b, " %s", r.op.Description)
	}
	b.WriteString("\n")
	if len(r.op.Parameters) > 0 {
		b.WriteString("\n| parameter | in | values | meaning |\n|---|---|---|---|\n")
		for _, p := range r.op.Parameters {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", p.Value.Name, p.Value.In, kind(p.Value.Schema), cell(p.Value.Description))
		}
	}
	if body := r.op.RequestBody; body != nil {
		for media, content := range body.Value.Content {
			optional := ""
			if !body.Value.Required {
				optional = ", may be left out"
			}
			fmt.Fprintf(b, "\nBody: %s, `%s`%s.\n", kind(content.Schema), media, optional)
			if media == "multipart/form-data" {
				b.WriteString("\n")
				writeFields(b, content.Schema.Value)
			}
		}
	}
	b.WriteString("\n| status | answer |\n|---|---|\n")
	for _, status := range slices.Sorted(maps.Keys(r.op.Responses.Map())) {
		response := r.op.Responses.Value(status).Value
		fmt.Fprintf(b, "| %s | %s%s |\n", status, cell(*response.Description), contents(response))
	}
}

// contents says in which forms an answer comes.
func contents(r *openapi3.Response) string {
	var out []string
	for _, media := range slices.Sorted(maps.Keys(r.Content)) {
		if media == "application/json" {
			out = append([]string{kind(r.Content[media].Schema)}, out...)
		} else {
			out = append(out, "`"+media+"`")
		}
	}
	if len(out) == 0 {
		return ""
	}
	return ": " + strings.Join(out, ", ")
}

func writeFields(b *bytes.Buffer, s *openapi3.Schema) {
	b.WriteString("| field | values | meaning |\n|---|---|---|\n")
	for _, name := range inFileOrder(s.Properties) {
		p := s.Properties[name]
		need := ""
		if slices.Contains(s.Required, name) {
			need = ", always"
		}
		fmt.Fprintf(b, "| `%s` | %s%s | %s |\n", name, kind(p), need, cell(p.Value.Description))
	}
}

// kind names what a value is: a shape with a section of its own, the words that
// it may be, or its type.
func kind(ref *openapi3.SchemaRef) string {
	s := ref.Value
	name := ref.Ref[strings.LastIndexByte(ref.Ref, '/')+1:]
	switch {
	case len(s.Enum) > 0:
		return "`" + strings.Join(words(s.Enum), "`, `") + "`"
	case name != "" && len(s.Properties) > 0:
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	case s.Const != nil:
		return fmt.Sprintf("`%v`", s.Const)
	case s.Type.Is("array") && s.Items != nil:
		return "list of " + kind(s.Items)
	case s.Properties["items"] != nil:
		return "`items`: " + kind(s.Properties["items"])
	case s.AdditionalProperties.Schema != nil:
		return "object of " + kind(s.AdditionalProperties.Schema)
	case s.Format == "date-time":
		return "time"
	case s.Format == "binary":
		return "file"
	case s.Pattern != "" && strings.Contains(s.Pattern, "_["):
		return "`" + s.Pattern[1:strings.IndexByte(s.Pattern, '[')] + "…`"
	case s.Type == nil:
		return ""
	}
	return s.Type.Slice()[0]
}

// inFileOrder returns the names of schemas in the order of the file.
func inFileOrder(schemas openapi3.Schemas) []string {
	return slices.SortedFunc(maps.Keys(schemas), func(a, b string) int {
		return cmp.Or(cmp.Compare(line(schemas[a]), line(schemas[b])), strings.Compare(a, b))
	})
}

func line(ref *openapi3.SchemaRef) int {
	if ref.Origin != nil && ref.Origin.Key != nil {
		return ref.Origin.Key.Line
	}
	if ref.Value.Origin != nil && ref.Value.Origin.Key != nil {
		return ref.Value.Origin.Key.Line
	}
	return 0
}

func cell(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ")
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

var frame = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.Title}}: HTTP API</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { border-bottom: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
code, pre { font: .9em ui-monospace, monospace; }
pre { overflow-x: auto; padding: .8rem; border: 1px solid #8886; }
h2 { margin-top: 3rem; }
h3 { margin-top: 2rem; }
</style>
</head>
<body>
{{.Body}}</body>
</html>
`))

// page writes the reference as one page of HTML.
func page(t *testing.T, title string, reference []byte) []byte {
	t.Helper()
	md := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	var body, out bytes.Buffer
	if err := md.Convert(reference, &body); err != nil {
		t.Fatal(err)
	}
	html := strings.ReplaceAll(body.String(), `href="openapi.yaml"`, `href="/openapi.json"`)
	if err := frame.Execute(&out, struct {
		Title string
		Body  template.HTML
	}{title, template.HTML(html)}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
