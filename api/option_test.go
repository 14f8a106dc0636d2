package api_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

var update = flag.Bool("update", false, "write docs/reference/options.md anew")

// jsonNames returns the JSON names of a struct's fields and of those of the
// structs in it.
func jsonNames(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && !f.Anonymous {
			names = append(names, name)
		}
	}
	return names
}

func optionNames(on api.Surface) []string {
	var names []string
	for _, o := range api.OptionsOn(on) {
		names = append(names, o.Name)
	}
	return names
}

func TestOptionTable_holdsEveryFieldOfOptions(t *testing.T) {
	for _, on := range []api.Surface{api.OnForm, api.OnTranscribe, api.OnWatch, api.OnFolder, api.OnTOML} {
		names := optionNames(on)
		for _, field := range jsonNames(reflect.TypeFor[api.Options]()) {
			if !slices.Contains(names, field) {
				t.Errorf("surface %d: got no row for %s, want every field of Options on every surface", on, field)
			}
		}
	}
}

func TestOptionTable_isFolderOptions(t *testing.T) {
	got, want := optionNames(api.OnFolder), jsonNames(reflect.TypeFor[api.FolderOptions]())
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got rows %v, want the fields of FolderOptions %v", got, want)
	}
}

func TestOptionTable_rowsAreComplete(t *testing.T) {
	for _, on := range []api.Surface{api.OnForm, api.OnTranscribe, api.OnFolder, api.OnWatch, api.OnTOML} {
		seen := map[string]bool{}
		for _, name := range optionNames(on) {
			if seen[name] {
				t.Errorf("surface %d: got %s more than once", on, name)
			}
			seen[name] = true
		}
	}
	for _, from := range []any{new(api.Options), new(api.FolderOptions)} {
		for _, o := range api.OptionsOn(^api.Surface(0)) {
			switch f := reflect.ValueOf(o.Get(from)); f.Kind() {
			case reflect.Invalid, reflect.Bool, reflect.String, reflect.Slice, reflect.Map:
			default:
				t.Errorf("%s: got a field of %s, which the table cannot set; make it a string that normalize checks, as Speakers is", o.Name, f.Type())
			}
		}
	}
	for _, o := range api.OptionsOn(^api.Surface(0)) {
		if o.Help == "" || o.Kind == "" || o.On == 0 {
			t.Errorf("%s: got help %q and kind %q, want both", o.Name, o.Help, o.Kind)
		}
		if o.Kind != api.KindBool && o.On&(api.OnTranscribe|api.OnWatch) != 0 && o.Value == "" {
			t.Errorf("%s: got no name of its value, want one for the line of help", o.Name)
		}
		if (o.Kind == api.KindWord) != (len(o.Words) > 0) && o.Kind != api.KindList {
			t.Errorf("%s: got kind %s with words %v", o.Name, o.Kind, o.Words)
		}
		for _, w := range slices.Concat(o.Words, o.Examples) {
			if _, err := o.Check(w); err != nil {
				t.Errorf("%s: got %v for its own word %s", o.Name, err, w)
			}
		}
	}
}

func option(t *testing.T, name string) api.Option {
	t.Helper()
	for _, o := range api.OptionsOn(api.OnForm | api.OnFolder) {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("there is no option %s", name)
	return api.Option{}
}

func TestOption_Check(t *testing.T) {
	for _, tt := range []struct {
		option, value, want string
		wrong               string // part of the message
		code                api.Code
	}{
		{"mode", "", "", "", ""},
		{"mode", "verbatim", "verbatim", "", ""},
		{"mode", "polishd", "", `got "polishd", want polished or verbatim; did you mean "polished"?`, api.Invalid},
		{"plan", "gold", "", "want lite, pro or unlimited", api.Invalid},
		{"language", "auto", "", "", ""},
		{"language", "de-AT", "de-AT", "", ""},
		{"language", "german!", "", "want a language tag", api.Invalid},
		{"formats", ".SRT", "srt", "", ""},
		{"formats", "doc", "", "want txt, srt, vtt, json, tsv or md", api.Invalid},
		{"speakers", "21", "", "want auto or a number from 1 to 20", api.Invalid},
		{"instructions", strings.Repeat("é", 2000), strings.Repeat("é", 2000), "", ""},
		{"instructions", strings.Repeat("é", 2001), "", "got 2001 characters, and at most 2000", api.TooLarge},
		{"model", strings.Repeat("m", 257), "", "at most 256", api.TooLarge},
	} {
		got, err := option(t, tt.option).Check(tt.value)
		switch {
		case tt.wrong == "" && (err != nil || got != tt.want):
			t.Errorf("%s %.20q: got %.20q, %v, want %.20q", tt.option, tt.value, got, err, tt.want)
		case tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong) || !errors.Is(err, tt.code)):
			t.Errorf("%s %.20q: got %v, want %s: %q", tt.option, tt.value, err, tt.code, tt.wrong)
		}
	}
}

func TestOption_SetAndValues(t *testing.T) {
	for _, tt := range []struct {
		option string
		set    []string
		want   []string
		fails  bool
	}{
		{"mode", []string{"verbatim"}, []string{"verbatim"}, false},
		{"mode", []string{"x"}, nil, true},
		{"redact_pii", []string{"yes"}, []string{"true"}, false},
		{"redact_pii", []string{"true", "off"}, nil, false},
		{"redact_pii", []string{"maybe"}, nil, true},
		{"include", []string{"*.mp3", "a/**"}, []string{"*.mp3", "a/**"}, false},
		{"formats", []string{"TXT", "srt"}, []string{"txt", "srt"}, false},
		{"metadata", []string{"b=2", "a=1=1"}, []string{"a=1=1", "b=2"}, false},
		{"metadata", []string{"=1"}, nil, true},
		{"after", []string{"move"}, []string{"move"}, false},
	} {
		var f api.FolderOptions
		o := option(t, tt.option)
		for _, other := range api.OptionsOn(api.OnFolder) { // of two rows with one name, that of drop folders
			if other.Name == tt.option {
				o = other
			}
		}
		var err error
		for _, v := range tt.set {
			err = errors.Join(err, o.Set(&f, v))
		}
		if got := o.Values(&f); !slices.Equal(got, tt.want) || (err != nil) != tt.fails {
			t.Errorf("%s %q: got %q, %v, want %q", tt.option, tt.set, got, err, tt.want)
		}
		if o.Clear(&f); o.Values(&f) != nil {
			t.Errorf("%s: got %q after Clear, want nothing", tt.option, o.Values(&f))
		}
	}
}

func TestOption_withoutItsField(t *testing.T) {
	o := option(t, "after")
	if got, values := o.Get(&api.Options{}), o.Values(&api.Options{}); got != nil || values != nil {
		t.Errorf("got %v and %v, want nothing: Options has no field after", got, values)
	}
	defer func() {
		if recover() == nil {
			t.Error("got no panic, want one: Set has nowhere to put the value")
		}
	}()
	_ = o.Set(&api.Options{}, "move")
}

func TestCheckOptions_tellsEverythingAndKeepsTheForm(t *testing.T) {
	f := api.FolderOptions{Formats: []string{"SRT", "doc"}, After: "shred", Options: api.Options{Language: "auto", Mode: "x"}}
	var got []string
	api.CheckOptions(&f, api.OnFolder, func(o api.Option, err error) { got = append(got, o.Name) })
	if want := []string{"mode", "formats", "after"}; !slices.Equal(got, want) {
		t.Errorf("got mistakes in %v, want %v", got, want)
	}
	if f.Formats[0] != "srt" || f.Language != "" {
		t.Errorf("got %q and %q, want them as they are kept", f.Formats[0], f.Language)
	}
}

func TestOptions_Complete(t *testing.T) {
	for _, tt := range []struct{ in, want api.Options }{
		{api.Options{}, api.Options{}},
		{api.Options{RedactPII: true}, api.Options{RedactPII: true}},
		{api.Options{RedactAudio: true}, api.Options{RedactAudio: true, RedactPII: true}},
	} {
		if got := tt.in.Complete(); got != tt.want {
			t.Errorf("%+v: got %+v, want %+v", tt.in, got, tt.want)
		}
	}
}

// TestOptionsPage keeps docs/reference/options.md as the table says: go test
// -update writes it anew.
func TestOptionsPage(t *testing.T) {
	const page = "../docs/reference/options.md"
	var b strings.Builder
	b.WriteString("# Options\n\nEverything that a job or a drop folder can be asked for. This page is made from the table in\n" +
		"`api/options.go`: `go test ./api -update` writes it anew.\n")
	for _, part := range []struct {
		title string
		rows  func(api.Option) bool
	}{
		{"A job", func(o api.Option) bool { return o.On&(api.OnForm|api.OnTranscribe) != 0 }},
		{"A drop folder", func(o api.Option) bool { return o.On&(api.OnForm|api.OnTranscribe) == 0 }},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| key | flag | form field | where | values | default | what it does |\n|---|---|---|---|---|---|---|\n", part.title)
		for _, o := range api.OptionsOn(^api.Surface(0)) {
			if part.rows(o) {
				b.WriteString(row(o))
			}
		}
	}
	if *update {
		if err := os.MkdirAll("../docs/reference", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(page)
	if err != nil || string(got) != b.String() {
		t.Errorf("got a page that differs from the table (%v); want what go test ./api -update writes", err)
	}
}

func row(o api.Option) string {
	var where []string
	for _, s := range []struct {
		on   api.Surface
		name string
	}{{api.OnForm, "form"}, {api.OnTranscribe, "`transcribe`"}, {api.OnWatch, "`watch`"}, {api.OnTOML, "`[[folder]]`"}} {
		if o.On&s.on != 0 {
			where = append(where, s.name)
		}
	}
	flagName, field := "", ""
	if o.On&(api.OnTranscribe|api.OnWatch) != 0 {
		flagName = "`--" + o.FlagName() + "`"
	}
	if o.On&api.OnForm != 0 {
		field = "`" + o.FormField() + "`"
	}
	values := strings.ToLower(o.Value)
	switch {
	case len(o.Words) > 0:
		values = "`" + strings.Join(o.Words, "`, `") + "`"
	case o.Kind == api.KindBool:
		values = "`true`, `false`"
	}
	help := strings.ReplaceAll(o.Help, "|", `\|`)
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s | %s | %s |\n", o.Name, flagName, field, strings.Join(where, ", "), values, o.Default, help)
}
