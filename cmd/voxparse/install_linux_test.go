package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/internal/models/modelstest"
)

// What `make install` puts somewhere works where it is moved to, and loads no
// library from anywhere but its own lib/, so that nobody can plant one.
func TestInstalledTree_isSelfContained(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and installs both programs")
	}
	home, err := os.MkdirTemp("/tmp", "vpi") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	env := append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+home, "XDG_CACHE_HOME="+home+"/k", "XDG_DATA_HOME="+home+"/d", "XDG_CONFIG_HOME="+home+"/c",
		"VOXPARSE_MODELS_DIR="+modelstest.Dir(t), "VOXPARSE_NO_KEYRING=1", "GOPATH="+goEnv("GOPATH"), "GOCACHE="+goEnv("GOCACHE"), "GOMODCACHE="+goEnv("GOMODCACHE"))
	if err := linkTree(warmDecoder(t), filepath.Join(home, "k", "voxparse", "decoder")); err != nil {
		t.Fatal(err)
	}
	was, prefix := filepath.Join(home, "was"), filepath.Join(home, "is")
	run := func(env []string, name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env, cmd.Dir = env, "../.."
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run(env, "make", "install", "PREFIX="+was, "BIN="+filepath.Join(home, "build"))
	if err := os.RemoveAll(filepath.Join(home, "build")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(was, prefix); err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(prefix, "lib", "voxparse", "lib")
	for name, want := range map[string]string{"voxparse-engine": "$ORIGIN/lib", "lib/libonnxruntime.so": "$ORIGIN", "lib/libsherpa-onnx-c-api.so": "$ORIGIN"} {
		if got := searchPaths(t, filepath.Join(prefix, "lib", "voxparse", name)); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got the search paths %q, want %q alone", name, got, want)
		}
	}
	loads := run(append(slices.Clone(env), "LD_DEBUG=libs"), filepath.Join(prefix, "lib", "voxparse", "voxparse-engine"), "warm")
	for _, m := range regexp.MustCompile(`calling init: (\S*/lib(?:onnxruntime|sherpa)\S*)`).FindAllStringSubmatch(loads, -1) {
		if filepath.Dir(m[1]) != lib {
			t.Errorf("got %s loaded, want it from %s", m[1], lib)
		}
	}
	if tried := regexp.MustCompile(`trying file=\S*` + regexp.QuoteMeta(goEnv("GOMODCACHE")) + `\S*`).FindString(loads); tried != "" || !strings.Contains(loads, lib) {
		t.Errorf("got %q, want no library looked for in the module cache", tried)
	}
	transcribeAlone(t, env, filepath.Join(prefix, "bin", "voxparse"))
}

// transcribeAlone runs a real transcription, with an empty folder in the place
// of the module cache where this process may have that.
func transcribeAlone(t *testing.T, env []string, program string) {
	t.Helper()
	cache := goEnv("GOMODCACHE")
	audio, err := filepath.Abs("../../testdata/audio")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(audio, "*.wav"))
	if err != nil || len(files) == 0 {
		t.Fatalf("find a recording: %v", err)
	}
	hide := []string{"unshare", "--mount", "sh", "-c", `mount -t tmpfs none "$0" && exec "$@"`, cache}
	if exec.CommandContext(t.Context(), hide[0], append(hide[1:], "true")...).Run() != nil {
		t.Log("the module cache cannot be hidden from the programs here: they run beside it")
		hide = []string{"env"}
	}
	command := func(args ...string) *exec.Cmd {
		all := append(append(slices.Clone(hide), program), args...)
		cmd := exec.CommandContext(t.Context(), all[0], all[1:]...)
		cmd.Env = env
		return cmd
	}
	out, err := command("transcribe", files[0]).CombinedOutput()
	if err != nil || len(strings.Fields(string(out))) < 3 {
		t.Errorf("transcribe: got %v, %s, want a transcript", err, out)
	}
	if out, err := command("daemon", "stop").CombinedOutput(); err != nil {
		t.Errorf("daemon stop: %v\n%s", err, out)
	}
}

// searchPaths are where a program or library has its libraries searched first.
func searchPaths(t *testing.T, path string) []string {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		paths, err := f.DynString(tag)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, paths...)
	}
	return out
}
