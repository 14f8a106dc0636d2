package models

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// localName is the file that makes a folder a model of the user's own.
const localName = "model.json"

// localModel is model.json.
type localModel struct {
	Kind        string               `json:"kind"`
	Family      string               `json:"family"`
	License     string               `json:"license"`
	Languages   []string             `json:"languages"`
	Description string               `json:"description"`
	Files       map[string]localFile `json:"files"` // by role
	Params      map[string]string    `json:"params"`
}

// localFile is a file of a localModel: a string is its name alone.
type localFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	URL    string `json:"url"`
	NPM    string `json:"npm"`
	Path   string `json:"path"`
}

// UnmarshalJSON takes "name" for {"name": "name"}.
func (l *localFile) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &l.Name)
	}
	type plain localFile
	return strict(b, (*plain)(l))
}

func strict(b []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

var (
	nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func validName(name string) error {
	if !nameForm.MatchString(name) {
		return api.Errorf(api.Invalid, "%q is not a valid model name: use small letters, digits, '.', '_' and '-', at most 64", name)
	}
	return nil
}

// Local reads the model that the user defined in dir by a model.json. Its name
// is the folder's. File names are relative to dir, or absolute; a file may have
// a url or an npm package to come from only where its sha256 is given. The vad
// file of the catalog is added to a speech model that brings none. The error
// is api.Invalid and says what is wrong.
func Local(dir string) (Entry, error) {
	path := filepath.Join(dir, localName)
	b, err := os.ReadFile(path)
	if err != nil {
		return Entry{}, fmt.Errorf("read local model: %w", err)
	}
	e, err := parseLocal(filepath.Base(dir), b)
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", path, err)
	}
	if e.dir, err = filepath.Abs(dir); err != nil {
		return Entry{}, fmt.Errorf("read local model: %w", err)
	}
	return e, nil
}

func parseLocal(name string, b []byte) (Entry, error) {
	if err := validName(name); err != nil {
		return Entry{}, err
	}
	var m localModel
	if err := strict(b, &m); err != nil {
		return Entry{}, api.Errorf(api.Invalid, "not a model definition: %v", err)
	}
	if m.Kind == "" {
		m.Kind = KindSpeech
	}
	switch {
	case m.Kind != KindSpeech && m.Kind != KindSpeakers && m.Kind != KindVAD:
		return Entry{}, api.Errorf(api.Invalid, "kind: got %q, want %q, %q or %q", m.Kind, KindSpeech, KindSpeakers, KindVAD)
	case m.Family == "":
		return Entry{}, api.Errorf(api.Invalid, "family is missing: name the recognizer, as \"whisper\"")
	case len(m.Files) == 0:
		return Entry{}, api.Errorf(api.Invalid, "files is empty: give each file by its role, as {\"encoder\": \"encoder.onnx\"}")
	}
	e := Entry{Name: name, Kind: m.Kind, Family: m.Family, License: m.License, Languages: m.Languages,
		Description: m.Description, Params: m.Params}
	for _, role := range slices.Sorted(maps.Keys(m.Files)) {
		f, err := m.Files[role].file(role)
		if err != nil {
			return Entry{}, err
		}
		e.Files = append(e.Files, f)
	}
	if _, has := m.Files[RoleVAD]; !has && e.Kind == KindSpeech {
		e.Files = append(e.Files, vadFile(vadName))
	}
	return e, nil
}

func (l localFile) file(role string) (File, error) {
	bad := func(format string, args ...any) (File, error) {
		return File{}, api.Errorf(api.Invalid, "files.%s: %s", role, fmt.Sprintf(format, args...))
	}
	fetched := l.URL != "" || l.NPM != ""
	switch {
	case l.Name == "":
		return bad("name is missing")
	case !filepath.IsAbs(l.Name) && !filepath.IsLocal(l.Name):
		return bad("name %q leads out of the model's folder", l.Name)
	case strings.HasPrefix(filepath.Base(l.Name), "."), filepath.Base(l.Name) == localName:
		return bad("name %q is kept for the program", l.Name)
	case l.SHA256 != "" && !hashForm.MatchString(l.SHA256):
		return bad("sha256: want 64 small hexadecimal digits")
	case l.Size < 0:
		return bad("size: got %d, want bytes", l.Size)
	case fetched && l.SHA256 == "":
		return bad("a file that is fetched needs its sha256")
	case fetched && filepath.Base(l.Name) != l.Name:
		return bad("a file that is fetched lies in the model's own folder: name it without a path")
	case l.NPM != "" && l.Path == "":
		return bad("npm needs path: the file inside the package, as package/model.onnx")
	}
	f := File{Role: role, Name: l.Name, Size: l.Size, SHA256: l.SHA256}
	if l.NPM != "" {
		if !npmForm.MatchString(l.NPM) {
			return bad("npm: want NAME@VERSION with an exact version, got %q", l.NPM)
		}
		f.Sources = append(f.Sources, Source{NPM: l.NPM, Path: l.Path})
	}
	if l.URL != "" {
		if err := checkURL(l.URL); err != nil {
			return bad("url: %v", err)
		}
		f.Sources = append(f.Sources, Source{URL: l.URL})
	}
	return f, nil
}
