package api

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Surface is a set of places where an option can be given.
type Surface uint

// The surfaces of an option, and the kinds of its values.
const (
	OnForm       Surface = 1 << iota // a field of POST /v1/transcribe
	OnTranscribe                     // a flag of voxparse transcribe
	OnWatch                          // a flag of voxparse watch add and edit
	OnFolder                         // a key of FolderOptions
	OnTOML                           // a key of [[folder]] in the config file

	KindText = "text"
	KindWord = "word" // one of Option.Words
	KindBool = "bool"
	KindList = "list" // may be given more than once
	KindJSON = "json" // a JSON object
	KindMap  = "map"  // names with a text each
)

// onJob are the surfaces of everything in Options: what a job can be asked
// for can be asked for everywhere.
const onJob = OnForm | OnTranscribe | onFolder

// onFolder are the surfaces of a setting of drop folders.
const onFolder = OnWatch | OnFolder | OnTOML

// Option declares one option of a job or of a drop folder: the form, the
// flags, the config file, the client and the documentation follow from it.
// OptionsOn returns them.
type Option struct {
	Name     string   // key in JSON and TOML, and the field of the form; with hyphens, the flag
	Field    string   // field of the form where it is not Name
	Flag     string   // flag where it is not Name
	Short    string   // one-letter flag
	Kind     string   // KindText, …
	Value    string   // what stands for the value in a help line: "LANGUAGE"
	Words    []string // the allowed words, of KindWord and KindList; empty for any
	Examples []string // values to offer where any is allowed
	MaxChars int      // longest value in characters (bytes of KindJSON), 0 for 256
	Default  string   // what holds where it is not given, for people; "" where nothing does
	Help     string   // what it does, without the words and the default
	On       Surface

	normalize func(string) (string, error) // checks a value and returns it as it is kept
}

// OptionsOn returns the options that can be given on any of the surfaces, in
// the order of the documentation.
func OptionsOn(on Surface) []Option {
	var out []Option
	for _, o := range options {
		if o.On&on != 0 {
			out = append(out, o)
		}
	}
	return out
}

// FormField returns the name of the option's field in a form.
func (o Option) FormField() string {
	if o.Field != "" {
		return o.Field
	}
	return o.Name
}

// FlagName returns the option's flag without the hyphens before it.
func (o Option) FlagName() string {
	if o.Flag != "" {
		return o.Flag
	}
	return strings.ReplaceAll(o.Name, "_", "-")
}

// Usage returns the option's line of help: what it does, the allowed words and
// the default.
func (o Option) Usage() string {
	s := o.Help
	if len(o.Words) > 0 {
		s += ": " + orList(o.Words)
	}
	if o.Default != "" {
		s += " (default " + o.Default + ")"
	}
	return s
}

// Limit returns how many characters a value may have.
func (o Option) Limit() int {
	if o.MaxChars > 0 {
		return o.MaxChars
	}
	return 256
}

// Check returns value as it is kept, or what is wrong with it: an *Error that
// does not name the option. The empty value is valid: it asks for the default.
func (o Option) Check(value string) (string, error) {
	if value == "" {
		return "", nil
	}
	if n := utf8.RuneCountInString(value); n > o.Limit() {
		return "", Errorf(TooLarge, "got %d characters, and at most %d are allowed", n, o.Limit())
	}
	if o.normalize != nil {
		kept, err := o.normalize(value)
		if err != nil {
			return "", err
		}
		value = kept
	}
	if len(o.Words) > 0 {
		return value, checkWord(value, o.Words)
	}
	return value, nil
}

// Set checks a value and puts it into the field of into that has the option's
// name. into points to a struct; a list grows by the value, a map by the name
// and the text of "name=text". A bool takes true, yes, on and 1, or false, no,
// off, 0 and the empty value.
func (o Option) Set(into any, value string) error {
	f, ok := o.field(into)
	if !ok {
		panic("api: no field for the option " + o.Name)
	}
	if f.Kind() == reflect.Bool {
		on, err := parseBool(value)
		f.SetBool(on)
		return err
	}
	kept, err := o.Check(value)
	if err != nil {
		return err
	}
	switch f.Kind() {
	case reflect.Slice:
		item := reflect.New(f.Type().Elem()).Elem()
		item.SetString(kept)
		f.Set(reflect.Append(f, item))
	case reflect.Map:
		name, text, ok := strings.Cut(kept, "=")
		if !ok || name == "" {
			return Errorf(Invalid, "got %q, want K=V", value)
		}
		if f.IsNil() {
			f.Set(reflect.MakeMap(f.Type()))
		}
		f.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(text))
	default:
		f.SetString(kept)
	}
	return nil
}

// Get returns what the option's field of from, which points to a struct,
// holds; nil where there is no such field.
func (o Option) Get(from any) any {
	f, ok := o.field(from)
	if !ok {
		return nil
	}
	return f.Interface()
}

// Clear gives the option's field of from, which points to a struct, its zero
// value.
func (o Option) Clear(from any) {
	if f, ok := o.field(from); ok {
		f.SetZero()
	}
}

// Values returns what the option's field of from, which points to a struct,
// holds, as Set takes it: nothing where it is zero or where there is none.
func (o Option) Values(from any) []string {
	f, ok := o.field(from)
	if !ok || f.IsZero() {
		return nil
	}
	switch f.Kind() {
	case reflect.Bool:
		return []string{"true"}
	case reflect.String:
		return []string{f.String()}
	case reflect.Slice:
		if f.Type().Elem().Kind() != reflect.String {
			return []string{string(f.Bytes())}
		}
		var out []string
		for i := range f.Len() {
			out = append(out, f.Index(i).String())
		}
		return out
	case reflect.Map:
		var out []string
		for it := f.MapRange(); it.Next(); {
			out = append(out, it.Key().String()+"="+it.Value().String())
		}
		slices.Sort(out)
		return out
	}
	return nil
}

// field returns the field of v that bears the option's name as its JSON name.
func (o Option) field(v any) (reflect.Value, bool) {
	s := reflect.ValueOf(v).Elem()
	index, ok := fieldsOf(s.Type())[o.Name]
	if !ok {
		return reflect.Value{}, false
	}
	return s.FieldByIndex(index), true
}

// fields keeps what fieldsOf found: a walk over a type is slow, and each
// upload asks for every option.
var fields sync.Map // reflect.Type → map[string][]int

// fieldsOf returns where the fields of a struct are, by their JSON names.
func fieldsOf(t reflect.Type) map[string][]int {
	if known, ok := fields.Load(t); ok {
		return known.(map[string][]int)
	}
	found := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if _, taken := found[name]; !taken && !f.Anonymous {
			found[name] = f.Index
		}
	}
	fields.Store(t, found)
	return found
}

// CheckOptions checks the options of the struct that v points to and brings
// their values into the form in which they are kept. Everything wrong is told
// to report, in the order of the documentation.
func CheckOptions(v any, on Surface, report func(Option, error)) {
	for _, o := range OptionsOn(on) {
		f, ok := o.field(v)
		if !ok {
			continue
		}
		switch f.Kind() {
		case reflect.String:
			kept, err := o.Check(f.String())
			if err != nil {
				report(o, err)
				continue
			}
			f.SetString(kept)
		case reflect.Slice:
			for i := range f.Len() {
				kept, err := o.Check(f.Index(i).String())
				if err != nil {
					report(o, err)
					continue
				}
				f.Index(i).SetString(kept)
			}
		}
	}
}

// checkWord returns an error that names the allowed words, and the one that
// was likely meant, where got is none of them.
func checkWord(got string, allowed []string) error {
	if slices.Contains(allowed, got) {
		return nil
	}
	msg := fmt.Sprintf("got %q, want %s", got, orList(allowed))
	if near := Nearest(got, allowed); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	}
	return &Error{Code: Invalid, Message: msg}
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "1", "true", "yes", "on":
		return true, nil
	case "0", "false", "no", "off", "":
		return false, nil
	}
	return false, Errorf(Invalid, "got %q, want true or false", s)
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// checkLanguage returns the language tag s as it is kept, "" for "auto".
func checkLanguage(s string) (string, error) {
	if s == "auto" {
		return "", nil
	}
	if s != "" && !languageTag.MatchString(s) {
		return "", Errorf(Invalid, "got %q, want a language tag such as en or de-AT", s)
	}
	return s, nil
}

// plainFormat returns the name of a format that may be written as an extension.
func plainFormat(s string) (string, error) {
	return strings.ToLower(strings.TrimPrefix(strings.TrimSpace(s), ".")), nil
}

func checkSpeakers(s string) (string, error) {
	_, err := Options{Speakers: s}.SpeakerCount()
	return s, err
}

// orList joins words as a person does: "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// words returns words of a type of their own as strings.
func words[S ~string](words ...S) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}
