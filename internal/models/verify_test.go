package models

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/api"
)

// pulled is a store that has "mine", whose source is still up.
func pulled(t *testing.T) (*Store, []byte, string) {
	t.Helper()
	b := payload(30)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { file(w, r, b) })
	dir := t.TempDir()
	define(t, dir, b, map[string]any{"url": srv.URL + "/x"})
	s := quick(dir, Options{})
	if err := s.Pull(t.Context(), "mine", nil); err != nil {
		t.Fatal(err)
	}
	return s, b, filepath.Join(dir, "mine", "model.onnx")
}

func TestVerify_findsDamageAndPullFixesIt(t *testing.T) {
	for name, damage := range map[string]func(path string, b []byte) error{
		"changed": func(path string, b []byte) error { return os.WriteFile(path, append([]byte("x"), b[1:]...), 0o644) },
		"cut":     func(path string, b []byte) error { return os.Truncate(path, 10) },
		"emptied": func(path string, b []byte) error { return os.Truncate(path, 0) },
		"gone":    func(path string, b []byte) error { return os.Remove(path) },
	} {
		s, b, path := pulled(t)
		if err := damage(path, b); err != nil {
			t.Fatal(err)
		}
		if s.Ready("mine") {
			t.Errorf("%s: ready: got true, want false", name)
		}
		if err := s.Verify(t.Context(), "mine"); !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "voxparse models pull mine") {
			t.Errorf("%s: verify: got %v, want %v with the command that helps", name, err, api.Unavailable)
		}
		if err := s.Pull(t.Context(), "mine", nil); err != nil {
			t.Errorf("%s: pull: %v", name, err)
		}
		whole(t, s, b)
	}
}

func TestVerify_findsDamageOfSameSizeAndTime(t *testing.T) {
	s, b, path := pulled(t)
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, append([]byte("x"), b[1:]...))
	if err := os.Chtimes(path, fi.ModTime(), fi.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), "mine"); !errors.Is(err, api.Unavailable) {
		t.Errorf("verify: got %v, want %v", err, api.Unavailable)
	}
	if s.Ready("mine") {
		t.Error("ready after a failed verification: got true, want false")
	}
}

func TestReady_copiedFilesNeedVerify(t *testing.T) {
	b := payload(31)
	dir := t.TempDir()
	define(t, dir, b, map[string]any{"url": "http://127.0.0.1:1/none"})
	path := filepath.Join(dir, "mine", "model.onnx")
	write(t, path, b)
	s := quick(dir, Options{})
	if s.Ready("mine") {
		t.Error("ready before: got true, want false")
	}
	if err := s.Pull(t.Context(), "mine", nil); err != nil {
		t.Fatalf("pull without a source: %v", err)
	}
	whole(t, s, b)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), "mine"); err != nil {
		t.Fatalf("verify: %v", err)
	}
	whole(t, s, b)
}

func TestRemove_installedModels(t *testing.T) {
	s, _, path := pulled(t)
	names := func() string {
		var n []string
		for _, e := range s.Installed() {
			n = append(n, e.Name)
		}
		return strings.Join(n, " ")
	}
	if got := names(); got != "mine" {
		t.Errorf("installed: got %q, want %q", got, "mine")
	}
	freed, err := s.Remove(t.Context(), "mine")
	if err != nil || freed != 400_000 {
		t.Errorf("remove: got %d, %v; want 400000 bytes", freed, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("file after remove: got %v, want none", err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), localName)); err != nil {
		t.Errorf("definition after remove: got %v, want it there", err)
	}
	if got := names(); got != "" {
		t.Errorf("installed after remove: got %q, want none", got)
	}
	for _, name := range []string{"mine", "moonshine-tiny", "nothing"} {
		if _, err := s.Remove(t.Context(), name); !errors.Is(err, api.NotFound) {
			t.Errorf("remove %s: got %v, want %v", name, err, api.NotFound)
		}
	}
}

func TestRemove_keepsLocalFilesWithoutAHash(t *testing.T) {
	dir := t.TempDir()
	define(t, dir, nil, map[string]any{"size": 0, "sha256": ""})
	s := quick(dir, Options{Mirror: t.TempDir()})
	if err := s.Pull(t.Context(), "mine", nil); !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), "put the file there") {
		t.Errorf("pull: got %v, want %v that says to put the file there", err, api.Unavailable)
	}
	path := filepath.Join(dir, "mine", "model.onnx")
	write(t, path, []byte("weights"))
	if !s.Ready("mine") {
		t.Error("ready: got false, want true")
	}
	if err := errors.Join(s.Pull(t.Context(), "mine", nil), s.Verify(t.Context(), "mine")); err != nil {
		t.Errorf("pull and verify: got %v, want nil", err)
	}
	if _, err := s.Remove(t.Context(), "mine"); !errors.Is(err, api.NotFound) {
		t.Errorf("remove: got %v, want %v", err, api.NotFound)
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, []byte("weights")) {
		t.Errorf("the user's file: got %q, %v; want it untouched", b, err)
	}
}

func TestRemove_keepsSharedFiles(t *testing.T) {
	dir := t.TempDir()
	s := quick(dir, Options{})
	vad, err := s.Path(vadName, RoleVAD)
	if err != nil {
		t.Fatal(err)
	}
	// Two speech models that are here as far as a look tells.
	for _, name := range []string{"moonshine-tiny", "moonshine-base"} {
		e, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range e.Files {
			write(t, s.path(e, f), []byte("weights"))
			if err := setVerified(s.home(e, f), f.Name, s.path(e, f), f.SHA256); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.Remove(t.Context(), vadName); !errors.Is(err, api.Conflict) {
		t.Errorf("remove %s: got %v, want %v", vadName, err, api.Conflict)
	}
	for i, name := range []string{"moonshine-tiny", "moonshine-base"} {
		if _, err := s.Remove(t.Context(), name); err != nil {
			t.Fatalf("remove %s: %v", name, err)
		}
		_, err := os.Stat(vad)
		if here := err == nil; here != (i == 0) {
			t.Errorf("the shared file after removing %s: got %v", name, err)
		}
	}
}

func TestPath_unknownRole(t *testing.T) {
	s := quick("/m", Options{})
	for _, c := range []struct{ name, role, want string }{
		{"", "", "/m/moonshine-tiny"}, {"moonshine-base", "encoder", "/m/moonshine-base/encoder_model.onnx"},
		{"moonshine-base", "vad", "/m/silero-vad/silero_vad_v5.onnx"}, {"silero-vad", "vad", "/m/silero-vad/silero_vad_v5.onnx"},
	} {
		if got, err := s.Path(c.name, c.role); err != nil || got != c.want {
			t.Errorf("path of %q %q: got %q, %v; want %q", c.name, c.role, got, err, c.want)
		}
	}
	if _, err := s.Path("", "joiner"); !errors.Is(err, api.NotFound) || !strings.Contains(err.Error(), "encoder, decoder, tokens, vad") {
		t.Errorf("unknown role: got %v, want %v that names the roles", err, api.NotFound)
	}
}

func TestLookup_invalidLocalModel(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "broken", localName), []byte(`{"family":""}`))
	write(t, filepath.Join(dir, "moonshine-tiny", localName), []byte(`{"family":"x","files":{"a":"b"}}`))
	s := quick(dir, Options{})
	if got, want := len(s.Entries()), len(Catalog()); got != want {
		t.Errorf("entries: got %d, want the %d of the catalog", got, want)
	}
	if _, err := s.Lookup("broken"); !errors.Is(err, api.Invalid) || !strings.Contains(err.Error(), "family is missing") {
		t.Errorf("lookup: got %v, want %v that says what is missing", err, api.Invalid)
	}
	if _, err := s.Lookup("../broken"); !errors.Is(err, api.NotFound) {
		t.Errorf("lookup by a path: got %v, want %v", err, api.NotFound)
	}
}

func BenchmarkReady(b *testing.B) {
	s := Open(b.TempDir(), Options{})
	for b.Loop() {
		s.Ready("moonshine-tiny")
	}
}
