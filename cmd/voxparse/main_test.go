package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/voxparse/voxparse/internal/models/modelstest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// binDir holds the two programs and the engine's libraries, built once.
var binDir string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	if binDir, err = os.MkdirTemp("/tmp", "vpbin"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(binDir)) }()
	if err := buildPrograms(binDir); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// buildPrograms builds voxparse and voxparse-engine as the Makefile does, but
// for the commit, which not every checkout knows.
func buildPrograms(dir string) error {
	ldflags := "-X main.version=v0.0.0-test"
	if err := goRun("CGO_ENABLED=0", "build", "-buildvcs=false", "-ldflags", ldflags, "-o", filepath.Join(dir, "voxparse"), "."); err != nil {
		return err
	}
	linker, err := filepath.Abs("../../tools/link.sh")
	if err != nil {
		return err
	}
	if err := goRun("CGO_ENABLED=1", "build", "-ldflags", ldflags+` -extld "`+linker+`"`, "-o", filepath.Join(dir, "voxparse-engine"), "../voxparse-engine"); err != nil {
		return err
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/k2-fsa/sherpa-onnx-go-linux").Output()
	if err != nil {
		return fmt.Errorf("find the engine's libraries: %w", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "lib"), 0o755); err != nil {
		return err
	}
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[goArch()]
	for _, lib := range []string{"libonnxruntime.so", "libsherpa-onnx-c-api.so"} {
		from := filepath.Join(strings.TrimSpace(string(out)), "lib", machine+"-unknown-linux-gnu", lib)
		if err := linkTree(from, filepath.Join(dir, "lib", lib)); err != nil {
			return err
		}
	}
	return nil
}

func goArch() string {
	out, err := exec.Command("go", "env", "GOARCH").Output()
	if err != nil {
		return "amd64"
	}
	return strings.TrimSpace(string(out))
}

func goRun(env string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), env)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// TestScripts runs every script of testdata/script against the real programs,
// each in a short home of its own with a daemon of its own.
func TestScripts(t *testing.T) {
	models, decoder := modelstest.Dir(t), warmDecoder(t)
	audio, err := filepath.Abs("../../testdata/audio")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "grab": grab, "shape": shape, "spawn": spawn, "finish": finish, "signal": sendSignal, "speech": speech, "await": await, "awaits": awaits, "assistant": assistant,
		},
		Setup: func(e *testscript.Env) error {
			home, err := os.MkdirTemp("/tmp", "vp")
			if err != nil {
				return err
			}
			e.Vars = append(e.Vars, "HOME="+home, "H="+home, "AUDIO="+audio, "ROOT="+root, "MODELS="+models,
				"XDG_RUNTIME_DIR="+home+"/r", "XDG_DATA_HOME="+home+"/d", "XDG_CONFIG_HOME="+home+"/c", "XDG_CACHE_HOME="+home+"/k",
				"VOXPARSE_MODELS_DIR="+models, "VOXPARSE_NO_KEYRING=1", "TERM=dumb",
				"PATH="+binDir+":"+os.Getenv("PATH"), "GOFLAGS=-mod=mod", "GOPATH="+goEnv("GOPATH"), "GOCACHE="+goEnv("GOCACHE"))
			for _, d := range []string{"r", "d", "c", "k"} {
				if err := os.Mkdir(filepath.Join(home, d), 0o700); err != nil {
					return err
				}
			}
			if err := linkTree(decoder, filepath.Join(home, "k", "voxparse", "decoder")); err != nil {
				return err
			}
			e.Values[spawnKey{}] = &spawned{byName: map[string]*process{}}
			e.Defer(func() {
				stop := exec.Command(filepath.Join(binDir, "voxparse"), "daemon", "stop")
				stop.Env = e.Vars
				if out, err := stop.CombinedOutput(); err != nil {
					t.Errorf("stop the daemon: %v\n%s", err, out)
				}
				if err := os.RemoveAll(home); err != nil {
					t.Error(err)
				}
			})
			return nil
		},
	})
}

// warmDecoder compiles the decoder into the tests' cache, once for all runs.
func warmDecoder(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(modelstest.Cache(t), "engine")
	if out, err := exec.CommandContext(t.Context(), filepath.Join(binDir, "voxparse-engine"), "-cache", dir, "warm").CombinedOutput(); err != nil {
		t.Fatalf("warm the decoder: %v\n%s", err, out)
	}
	return filepath.Join(dir, "decoder")
}

// linkTree makes a copy of a folder by hard links, or by copies where there can
// be none.
func linkTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(dst, 0o700)
		}
		if os.Link(path, dst) == nil {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(dst, data, 0o600)
	})
}

func goEnv(name string) string {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
