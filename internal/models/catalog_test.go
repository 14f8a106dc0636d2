package models

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

func TestCatalog_isComplete(t *testing.T) {
	defaults := 0
	for _, e := range Catalog() {
		if err := validName(e.Name); err != nil {
			t.Error(err)
		}
		if e.Default {
			defaults++
		}
		if e.License == "" || e.Description == "" || e.Family == "" {
			t.Errorf("%s: got %+v, want a license, a description and a family", e.Name, e)
		}
		roles := map[string]bool{}
		for _, f := range e.Files {
			roles[f.Role] = true
			if !hashForm.MatchString(f.SHA256) || f.Size <= 0 || len(f.Sources) == 0 {
				t.Errorf("%s/%s: want a hash, a size and a source, got %+v", e.Name, f.Name, f)
			}
			for _, s := range f.Sources {
				if s.URL != "" && !strings.HasPrefix(s.URL, "https://") {
					t.Errorf("%s/%s: source %s is not https", e.Name, f.Name, s.URL)
				}
				if s.NPM != "" && (!npmForm.MatchString(s.NPM) || !strings.HasPrefix(s.Path, "package/")) {
					t.Errorf("%s/%s: source %+v has no exact version or no path", e.Name, f.Name, s)
				}
			}
		}
		if e.Kind == KindSpeech && (!roles[RoleVAD] || !roles[RoleTokens]) {
			t.Errorf("%s: got the roles %v, want %s and %s among them", e.Name, roles, RoleVAD, RoleTokens)
		}
	}
	if defaults != 1 {
		t.Errorf("defaults: got %d, want 1", defaults)
	}
}

func TestCatalog_tokenTableMatchesItsHash(t *testing.T) {
	b, err := unpackTokens()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if f := tokensFile(); int64(len(b)) != f.Size || hex.EncodeToString(sum[:]) != f.SHA256 {
		t.Errorf("got %d bytes with %x, want %d with %s", len(b), sum, f.Size, f.SHA256)
	}
}

func TestLookup(t *testing.T) {
	for _, c := range []struct{ name, want, hint string }{
		{"", "moonshine-tiny", ""},
		{"moonshine-base", "moonshine-base", ""},
		{"silero-vad", "silero-vad", ""},
		{"speakers", "speakers", ""},
		{"moonshine-tiney", "", "did you mean moonshine-tiny?"},
		{"whisper-huge", "", "known: moonshine-base, moonshine-tiny, parakeet-tdt-v3, sense-voice, silero-vad, speakers, whisper-base, whisper-small, whisper-tiny"},
	} {
		e, err := Lookup(c.name)
		if e.Name != c.want {
			t.Errorf("lookup %q: got %q, want %q", c.name, e.Name, c.want)
		}
		if c.want == "" && (!errors.Is(err, api.NotFound) || !strings.Contains(err.Error(), c.hint)) {
			t.Errorf("lookup %q: got %v, want %v with %q", c.name, err, api.NotFound, c.hint)
		}
	}
}

func TestLocal_readsDefinitions(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	e, err := parseLocal("my-whisper", []byte(`{"family":"whisper","languages":["de","en"],"license":"MIT","params":{"task":"transcribe"},
		"files":{"encoder":"enc.onnx","decoder":{"name":"dec.onnx","sha256":"`+hash+`","size":12,"url":"https://example.org/dec.onnx"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var roles []string
	for _, f := range e.Files {
		roles = append(roles, f.Role)
	}
	if got, want := strings.Join(roles, " "), "decoder encoder vad"; got != want {
		t.Errorf("roles: got %q, want %q", got, want)
	}
	if e.Kind != KindSpeech || e.Params["task"] != "transcribe" || e.Files[0].Sources[0].URL != "https://example.org/dec.onnx" {
		t.Errorf("got %+v", e)
	}
}

func TestLocal_invalidDefinitions(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for _, c := range []struct{ json, want string }{
		{`{`, "not a model definition"},
		{`{"family":"whisper","fils":{}}`, `unknown field "fils"`},
		{`{"files":{"encoder":"x"}}`, "family is missing"},
		{`{"family":"whisper"}`, "files is empty"},
		{`{"family":"whisper","kind":"song","files":{"encoder":"x"}}`, `kind: got "song"`},
		{`{"family":"whisper","files":{"encoder":""}}`, "files.encoder: name is missing"},
		{`{"family":"whisper","files":{"encoder":"../x"}}`, "leads out of the model's folder"},
		{`{"family":"whisper","files":{"encoder":".x"}}`, "kept for the program"},
		{`{"family":"whisper","files":{"encoder":"model.json"}}`, "kept for the program"},
		{`{"family":"whisper","files":{"encoder":{"name":"x","sha256":"AB"}}}`, "want 64 small hexadecimal digits"},
		{`{"family":"whisper","files":{"encoder":{"name":"x","size":-1}}}`, "size: got -1"},
		{`{"family":"whisper","files":{"encoder":{"name":"x","url":"https://a/b"}}}`, "needs its sha256"},
		{`{"family":"whisper","files":{"encoder":{"name":"a/x","sha256":"` + hash + `","url":"https://a/b"}}}`, "name it without a path"},
		{`{"family":"whisper","files":{"encoder":{"name":"x","sha256":"` + hash + `","url":"ftp://a/b"}}}`, "want https://"},
		{`{"family":"whisper","files":{"encoder":{"name":"x","sha256":"` + hash + `","npm":"a@1.0.0"}}}`, "npm needs path"},
		{`{"family":"whisper","files":{"encoder":{"name":"x","sha256":"` + hash + `","npm":"--registry=x@1","path":"p"}}}`, "want NAME@VERSION"},
		{`{"family":"whisper","files":{"encoder":{"name":"x","sha256":"` + hash + `","npm":"a@latest","path":"p"}}}`, "exact version"},
		{`{"family":"whisper","files":{"encoder":{"name":"x","hash":"y"}}}`, `unknown field "hash"`},
	} {
		_, err := parseLocal("mine", []byte(c.json))
		if !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %v with %q", c.json, err, api.Invalid, c.want)
		}
	}
	if _, err := parseLocal("No Name", []byte(`{}`)); !errors.Is(err, api.Invalid) {
		t.Errorf("bad name: got %v, want %v", err, api.Invalid)
	}
}

func FuzzParseLocal(f *testing.F) {
	f.Add(`{"family":"whisper","files":{"encoder":"enc.onnx"}}`)
	f.Add(`{"family":"x","kind":"speakers","files":{"a":{"name":"/abs/x","sha256":"","size":3}}}`)
	f.Add(`{"family":"x","files":{"a":{"name":"..\\x"},"b":"c/../../d"}}`)
	f.Fuzz(func(t *testing.T, s string) {
		e, err := parseLocal("mine", []byte(s))
		if err != nil {
			if !errors.Is(err, api.Invalid) {
				t.Errorf("got %v, want %v", err, api.Invalid)
			}
			return
		}
		for _, file := range e.Files {
			if len(file.Sources) > 0 && (file.SHA256 == "" || strings.ContainsAny(file.Name, "/")) {
				t.Errorf("file %+v could be fetched without a hash, or to another folder", file)
			}
		}
	})
}
