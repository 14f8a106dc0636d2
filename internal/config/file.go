package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/voxparse/voxparse/api"
)

// file is a parsed config file: its values, and the line of each key.
type file struct {
	path    string
	values  map[string]any
	shape   shape
	lines   map[string]int // "analysis.endpoint", "folder[0].dir" → line
	unknown problems
}

// shape is what the file may hold. Plain settings are any: keys.go reads them
// with better words than the decoder has.
type shape struct {
	Listen       any               `toml:"listen"`
	Hosts        any               `toml:"hosts"`
	TLSCert      any               `toml:"tls_cert"`
	TLSKey       any               `toml:"tls_key"`
	InsecureHTTP any               `toml:"insecure_http"`
	PublicURL    any               `toml:"public_url"`
	AllowPrivate any               `toml:"allow_private"`
	MaxUpload    any               `toml:"max_upload"`
	MaxLength    any               `toml:"max_length"`
	Plan         any               `toml:"plan"`
	Retention    any               `toml:"retention"`
	Model        any               `toml:"model"`
	SpeakerModel any               `toml:"speaker_model"`
	Language     any               `toml:"language"`
	Mode         any               `toml:"mode"`
	ModelMirror  any               `toml:"model_mirror"`
	Workers      any               `toml:"workers"`
	Pin          any               `toml:"pin"`
	Grace        any               `toml:"grace"`
	LogLevel     any               `toml:"log_level"`
	LogFormat    any               `toml:"log_format"`
	Analysis     analysisShape     `toml:"analysis"`
	DataDir      any               `toml:"data_dir"`
	CacheDir     any               `toml:"cache_dir"`
	ModelsDir    any               `toml:"models_dir"`
	Socket       any               `toml:"socket"`
	Engine       any               `toml:"engine"`
	Engines      map[string]Engine `toml:"engines"`
	Folder       []Folder          `toml:"folder"`
}

type analysisShape struct {
	Enabled  any `toml:"enabled"`
	Endpoint any `toml:"endpoint"`
	Model    any `toml:"model"`
	Key      any `toml:"key"`
	Timeout  any `toml:"timeout"`
}

// tableKeys are the keys of the tables that repeat, for suggestions.
var tableKeys = map[string][]string{
	"engines": {"type", "url", "key", "model", "family", "language", "files", "params", "timeout", "requests_per_minute"},
	"folder":  folderKeys(),
}

func folderKeys() []string {
	var keys []string
	for _, o := range api.OptionsOn(api.OnTOML) {
		keys = append(keys, o.Name)
	}
	return keys
}

// parse reads a config file. Unknown keys are kept for later, so that they are
// told together with wrong values.
func parse(path string, data []byte) (*file, error) {
	f := &file{path: path, lines: map[string]int{}}
	if err := toml.Unmarshal(data, &f.values); err != nil {
		return nil, f.syntax(err)
	}
	f.index(data)
	dec := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	err := dec.Decode(&f.shape)
	var strict *toml.StrictMissingError
	switch {
	case errors.As(err, &strict):
		for i := range strict.Errors {
			e := &strict.Errors[i]
			line, _ := e.Position()
			f.unknown.add(path, line, "%s", unknownKey(e.Key()))
		}
	case err != nil:
		return nil, f.syntax(err)
	}
	return f, nil
}

// syntax words a decoder's error.
func (f *file) syntax(err error) error {
	var p problems
	var de *toml.DecodeError
	if !errors.As(err, &de) {
		p.add(f.path, 0, "%s", strings.TrimPrefix(err.Error(), "toml: "))
		return p.err()
	}
	line, _ := de.Position()
	msg := strings.TrimPrefix(de.Error(), "toml: ")
	if key := strings.Join(de.Key(), "."); key != "" {
		msg = fmt.Sprintf("%s: %s", key, wantOf(msg))
	}
	p.add(f.path, line, "%s", msg)
	return p.err()
}

// wantOf turns a decoder's talk of Go types into what a person should write.
func wantOf(msg string) string {
	for _, w := range []struct{ in, out string }{
		{"type []string", `want a list of strings, such as ["a", "b"]`},
		{"type map[string]", "want a table of strings"},
		{"type []config.Folder", "want a table: write [[folder]] with two brackets"},
		{"type bool", "want true or false"},
		{"type string", "want a string in quotes"},
		{"type int", "want a whole number"},
		{"type config.Engine", "want a table: write [engines.NAME]"},
	} {
		if strings.Contains(msg, w.in) {
			return w.out
		}
	}
	return msg
}

// unknownKey words an unknown key with the nearest known one.
func unknownKey(key toml.Key) string {
	full := strings.Join(key, ".")
	known := Keys()
	last := full
	switch {
	case len(key) > 1 && tableKeys[key[0]] != nil:
		known, last = tableKeys[key[0]], key[len(key)-1]
	case len(key) == 1:
		known = append(known, "engines", "folder", "analysis")
	}
	msg := fmt.Sprintf("unknown key %q", full)
	if near := suggestion(last, known); near != "" {
		return msg + near
	}
	return msg + "; voxparse config show lists the known ones"
}

// index notes the line of every key.
func (f *file) index(data []byte) {
	var p unstable.Parser
	p.Reset(data)
	var table []string
	count := map[string]int{}
	for p.NextExpression() {
		e := p.Expression()
		parts, line := keyParts(&p, e)
		switch e.Kind {
		case unstable.Table:
			table = numbered(parts, count)
			f.note(table, line)
		case unstable.ArrayTable:
			count[strings.Join(parts, ".")]++
			table = numbered(parts, count)
			f.note(table, line)
		case unstable.KeyValue:
			f.note(slices.Concat(table, parts), line)
			f.inline(&p, slices.Concat(table, parts), e.Value())
		}
	}
}

// inline notes the keys of an inline table.
func (f *file) inline(p *unstable.Parser, at []string, v *unstable.Node) {
	if v.Kind != unstable.InlineTable {
		return
	}
	for it := v.Children(); it.Next(); {
		n := it.Node()
		parts, line := keyParts(p, n)
		f.note(slices.Concat(at, parts), line)
		f.inline(p, slices.Concat(at, parts), n.Value())
	}
}

func (f *file) note(path []string, line int) {
	key := strings.Join(path, ".")
	if _, ok := f.lines[key]; !ok {
		f.lines[key] = line
	}
}

func keyParts(p *unstable.Parser, e *unstable.Node) (parts []string, line int) {
	for it := e.Key(); it.Next(); {
		n := it.Node()
		if line == 0 {
			line = p.Shape(n.Raw).Start.Line
		}
		parts = append(parts, string(n.Data))
	}
	return parts, line
}

// numbered gives the array tables in a path their index: folder[2].
func numbered(parts []string, count map[string]int) []string {
	out := slices.Clone(parts)
	for i := range parts {
		if n := count[strings.Join(parts[:i+1], ".")]; n > 0 {
			out[i] = parts[i] + "[" + strconv.Itoa(n-1) + "]"
		}
	}
	return out
}

// value returns what the file says of k.
func (f *file) value(k key) (v any, line int, ok bool) {
	var at any = f.values
	for part := range strings.SplitSeq(k.name, ".") {
		m, isTable := at.(map[string]any)
		if !isTable {
			return nil, 0, false
		}
		if at, ok = m[part]; !ok {
			return nil, 0, false
		}
	}
	return at, f.lines[k.name], true
}

// suggestion returns `; did you mean "x"?` for the nearest of known, or "".
func suggestion(s string, known []string) string {
	if near := api.Nearest(s, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// orList joins words as a person does: "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
